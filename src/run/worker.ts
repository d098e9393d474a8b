import { Failure } from "../core/errors.ts";
import { Rounds } from "../core/rounds.ts";
import type { Claimed, Lease, PatternKey, WorkerIdentity } from "../core/store.ts";
import { Play } from "./play.ts";
import type { Stage } from "./stage.ts";

export interface WorkerOptions {
  readonly identity: WorkerIdentity;
  /** How many runs it plays at once. */
  readonly slots: number;
  readonly lease_ms: number;
  readonly tick_ms: number;
  /** Whether a lease's owner is known to be dead; undefined where nobody here can tell. */
  readonly ownerIsDead: (owner: WorkerIdentity) => boolean | undefined;
  /** The needs of a run that can be met here, such as `provider:openai`. */
  readonly has: () => readonly string[];
  /** Others, in whatever process, may have changed the store. */
  readonly onNews: () => void;
  /** Called with each news, and once a second: what is switched off may have changed. */
  readonly onLook: () => void;
  /** Is something waiting for the next look? */
  readonly impatient: () => boolean;
}

const REAP_MS = 200;
const WAKE_MS = 1000;
const CLAIMS_AT_ONCE = 16;

/** Claims runs that it can play, plays them, renews their leases, and takes over what dead owners left behind. */
export class Worker {
  readonly #stage: Stage;
  readonly #options: WorkerOptions;
  readonly #plays = new Map<string, Play>();
  /** When a lease of somebody else was first seen as it stands, on this process's own clock. */
  readonly #seen = new Map<string, { readonly epoch: number; readonly beat: number; readonly since: number }>();
  readonly keys: readonly PatternKey[];
  #started = false;
  #stopping = false;
  readonly #claims: Rounds;
  #others = -1;
  #beatAt = 0;
  #reapAt = 0;
  #claimAt = 0;
  #wakeAt = 0;
  #poured = 0;
  #stopTick = () => {};

  constructor(stage: Stage, options: WorkerOptions) {
    this.#stage = stage;
    this.#options = options;
    this.keys = [...stage.patterns.values()].map(({ name, version }) => ({ name, version }));
    this.#claims = new Rounds(
      () => this.#claim(),
      (error) => this.#complain(error),
    );
  }

  get playing(): number {
    return this.#plays.size;
  }

  get plays(): Iterable<Play> {
    return this.#plays.values();
  }

  get poured(): number {
    return this.#poured;
  }

  play(run: string): Play | undefined {
    return this.#plays.get(run);
  }

  start(): void {
    if (this.#started || this.#stopping) return;
    this.#started = true;
    void this.#recap();
    this.#tick();
  }

  /** The settings of this process may allow more than those by which a run was put down. */
  async #recap(): Promise<void> {
    const { store, daily } = this.#stage;
    const woken = await store.recap(daily).catch((error: unknown) => this.#complain(error));
    if (woken) this.kick();
  }

  /** There may be something to claim. */
  kick(): void {
    if (this.#started) this.#claims.kick();
  }

  /** A play is over; by then its run may be played anew, and that play stays. */
  over(run: string): void {
    if (this.#plays.get(run)?.over) this.#plays.delete(run);
    this.#wakeAt = 0; // It may have been put down for a moment only.
    this.pour();
    this.kick();
  }

  pour(): void {
    this.#poured++;
    for (const play of this.#plays.values()) play.pour();
  }

  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    this.#stopTick();
    await this.#claims.end();
    await Promise.all([...this.#plays.values()].map((play) => play.drain(graceMs)));
  }

  /** Whoever is being drained gives back what it has, now. */
  hurry(): void {
    if (this.#stopping) for (const play of this.#plays.values()) void play.drain(0);
  }

  #tick(): void {
    if (this.#stopping) return;
    const now = this.#stage.clock.mono();
    const others = this.#stage.store.others();
    const news = others !== this.#others;
    this.#others = others;
    if (news) this.#options.onNews();
    for (const play of this.#plays.values()) {
      play.expire();
      if (news) void play.poll().catch((error: unknown) => this.#complain(error));
    }
    if (now >= this.#beatAt) this.#renew(now);
    if (now >= this.#reapAt) this.#sweep(now);
    if (news || now >= this.#claimAt) {
      this.#claimAt = now + 1000;
      this.#options.onLook();
      this.kick();
    } else if (this.#options.impatient()) this.#options.onLook();
    this.#stopTick = this.#stage.clock.after(this.#options.tick_ms, () => this.#tick());
  }

  async #claim(): Promise<void> {
    const { identity, slots, has } = this.#options;
    while (!this.#stopping) {
      const free = Math.min(slots - this.#plays.size, CLAIMS_AT_ONCE);
      if (free <= 0) return;
      const needs = has();
      // Each begins as it is claimed: one claim that fails must not leave what the others got unplayed.
      const one = async () => {
        const claimed = await this.#stage.store.claim(identity.id, needs, this.keys);
        if (claimed) this.#begin(claimed);
        return claimed !== undefined;
      };
      const found = await Promise.all(Array.from({ length: free }, one));
      if (!found.every(Boolean)) return;
    }
  }

  #begin(claimed: Claimed): void {
    const { run } = claimed;
    const pattern = this.#stage.patterns.get(run.pattern);
    if (!pattern) return;
    const play = new Play(this.#stage, claimed, pattern);
    this.#plays.set(run.id, play);
    const fields = { run_id: run.id, workflow_id: run.pattern, version: run.pattern_version, epoch: run.epoch };
    this.#stage.log.info({ event: run.epoch > 1 ? "run.resumed" : "run.started", ...fields }, "run started");
    if (run.cancelling) return play.cancelled();
    play.start();
  }

  #renew(now: number): void {
    this.#beatAt = now + this.#options.lease_ms / 3;
    for (const play of this.#plays.values()) if (!play.over) void play.journal.write([{ do: "beat" }]);
  }

  #sweep(now: number): void {
    this.#reapAt = now + REAP_MS;
    void this.#reap().catch((error: unknown) => this.#complain(error));
    if (now < this.#wakeAt) return;
    const { clock, store } = this.#stage;
    void store.wake().then(
      ({ woken, next = Number.POSITIVE_INFINITY }) => {
        this.#wakeAt = clock.mono() + Math.min(next - clock.now(), WAKE_MS);
        if (woken === 0) return;
        this.#options.onLook();
        this.kick();
      },
      (error: unknown) => this.#complain(error),
    );
  }

  /** A lease is taken at once from the dead, and from the silent after its whole length on our own clock. */
  async #reap(): Promise<void> {
    const leases = await this.#stage.store.leases();
    const now = this.#stage.clock.mono();
    const current = new Set<string>();
    for (const lease of leases) {
      if (this.#plays.has(lease.run)) continue;
      current.add(lease.run);
      if (!this.#isForfeit(lease, now)) continue;
      this.#seen.delete(lease.run);
      if (!(await this.#stage.store.reap(lease))) continue;
      const fields = { event: "run.recovered", run_id: lease.run, from: lease.owner?.id };
      this.#stage.log.warn(fields, "took over the run of an owner that is gone");
      this.#stage.over(lease.run);
    }
    for (const run of this.#seen.keys()) if (!current.has(run)) this.#seen.delete(run);
  }

  #isForfeit(lease: Lease, now: number): boolean {
    if (lease.owner && this.#options.ownerIsDead(lease.owner)) return true;
    const seen = this.#seen.get(lease.run);
    if (seen?.epoch === lease.epoch && seen.beat === lease.beat) return now - seen.since > this.#options.lease_ms;
    this.#seen.set(lease.run, { epoch: lease.epoch, beat: lease.beat, since: now });
    return false;
  }

  #complain(error: unknown): void {
    const { code, message } = Failure.from(error);
    this.#stage.log.error({ event: "worker.failed", code }, message);
  }
}
