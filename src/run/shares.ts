import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import type { Door, RunStore, Traffic, WorkerIdentity } from "../core/store.ts";
import type { Lane } from "./lane.ts";

export interface SharesOptions {
  readonly store: Pick<RunStore, "others" | "traffic" | "want" | "shut" | "reopen">;
  readonly me: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly ownerIsDead: (owner: WorkerIdentity) => boolean | undefined;
}

const ALIVE_MS = 1000;
const WANT_MS = 500;
const WANTED_MS = 1500;
const ROUND_MS = 1000;

/** The name of the way that all calls of a server take, whomever they ask. */
export const EVERYBODY = "*";

/**
 * How processes on one store share what a provider takes: each counts the calls of all in the transaction that holds
 * its money, and where several want more than there is, each has its part, the odd slots going round. A process that
 * is alone shares with nobody, and pays nothing for it.
 */
export class Shares {
  readonly #options: SharesOptions;
  /** Whether another worker was found to live, and when; those that are dead stay so. */
  readonly #seen = new Map<string, { readonly at: number; readonly alive: boolean; readonly gone: boolean }>();
  /** What the store's counter of others' changes said when nobody else was there. */
  #aloneAt: number | undefined;
  #wantedAt = Number.NEGATIVE_INFINITY;

  constructor(options: SharesOptions) {
    this.#options = options;
  }

  /** Nobody else is there, and nobody has come since that was found out. */
  get alone(): boolean {
    return this.#aloneAt !== undefined && this.#aloneAt === this.#options.store.others();
  }

  /** Reads what the others are about, and lets the lanes take their part. */
  async look(lanes: ReadonlyMap<string, Lane>): Promise<Traffic> {
    const { store, me } = this.#options;
    const at = store.others();
    const traffic = await store.traffic(me);
    const others = traffic.workers.filter((each) => this.#isAlive(each));
    this.#aloneAt = others.length === 0 ? at : undefined;
    for (const [provider, lane] of lanes)
      lane.allow(others.length === 0 ? undefined : this.#part(provider, lane, traffic));
    if (others.length > 0) await this.#sayWhatIsWanted(lanes);
    return traffic;
  }

  /** Tells every process that somebody is to be left alone. */
  shut(door: Door): void {
    this.#tell(this.#options.store.shut(door, this.#options.me));
  }

  /** Tells every process that a breaker has closed again. */
  reopen(subject: string): void {
    this.#tell(this.#options.store.reopen(subject));
  }

  #tell(telling: Promise<void>): void {
    const { log } = this.#options;
    telling.catch((error: unknown) => log.warn({ err: error }, "the other processes were not told of a breaker"));
  }

  #isAlive({ worker, plays }: Traffic["workers"][number]): boolean {
    const now = this.#options.clock.mono();
    const seen = this.#seen.get(worker.id);
    if (seen && (seen.gone || now - seen.at < ALIVE_MS)) return seen.alive;
    const gone = this.#options.ownerIsDead(worker);
    // Of a process on another machine nobody can tell; it counts while it plays something.
    const alive = gone === undefined ? plays : !gone;
    this.#seen.set(worker.id, { at: now, alive, gone: gone ?? false });
    return alive;
  }

  /** What is left by the others; where others wait as well, no more than our part of all there is. */
  #part(provider: string, lane: Lane, { held, wants }: Traffic): number {
    const { clock, me } = this.#options;
    const theirs = held
      .filter(({ model }) => provider === EVERYBODY || model.startsWith(`${provider}/`))
      .reduce((sum, { calls }) => sum + calls, 0);
    const left = lane.capacity - theirs;
    const waiting = wants.filter((each) => each.provider === provider).map(({ worker }) => worker);
    if (waiting.length === 0) return left;
    const all = [...waiting, me].sort();
    const turn = (all.indexOf(me) + Math.floor(clock.now() / ROUND_MS)) % all.length;
    const odd = turn < lane.capacity % all.length ? 1 : 0;
    return Math.min(left, Math.floor(lane.capacity / all.length) + odd);
  }

  async #sayWhatIsWanted(lanes: ReadonlyMap<string, Lane>): Promise<void> {
    const { store, me, clock } = this.#options;
    const wanted = [...lanes].filter(([, lane]) => lane.waiting > 0).map(([provider]) => provider);
    if (wanted.length === 0 || clock.mono() - this.#wantedAt < WANT_MS) return;
    this.#wantedAt = clock.mono();
    await store.want(me, wanted, Math.ceil(clock.now() + WANTED_MS));
  }
}
