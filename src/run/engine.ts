import type { Engine, Health, PlayerNow, StartRequest } from "../core/engine.ts";
import { Failure } from "../core/errors.ts";
import type { Forecast } from "../core/forecast.ts";
import type { ForkForecast, ForkRequest } from "../core/fork.ts";
import type { Pattern } from "../core/pattern.ts";
import { hasEnded } from "../core/status.ts";
import type { NewRun, Run, RunStore } from "../core/store.ts";
import { capsOf } from "./caps.ts";
import { Deeds } from "./deeds.ts";
import type { EngineOptions } from "./engine-options.ts";
import { forecast } from "./forecast.ts";
import { type ForkParts, foreseeFork, newFork } from "./forking.ts";
import { Guard } from "./guard.ts";
import { foreseeable } from "./material.ts";
import { freshRun } from "./new-run.ts";
import { adviceOn, bounded } from "./notes.ts";
import { OWN_DEEDS } from "./own-deeds.ts";
import { pinned } from "./pins.ts";
import { Shares } from "./shares.ts";
import type { Stage } from "./stage.ts";
import { compensate } from "./undo.ts";
import { Worker } from "./worker.ts";

const LEASE_MS = 10_000;
const TICK_MS = 50;
const PROGRESS_MS = 1000;
/** A store that cannot be written keeps nobody from stopping: what is given back is then taken over from the dead. */
const LAST_WRITES_MS = 2000;

/** Opens the room where runs are played. It takes up nothing before `awaken` or a start of its own. */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  const engine = new LocalEngine(options);
  await options.store.enlist(options.identity);
  await engine.look();
  return engine;
}

class LocalEngine implements Engine {
  readonly #options: EngineOptions;
  readonly #guard: Guard;
  readonly #worker: Worker;
  readonly #stage: Stage;
  readonly #watchers = new Map<string, Set<() => void>>();
  readonly #patterns: ReadonlyMap<string, Pattern>;

  constructor(options: EngineOptions) {
    const { store, desk, clock, log, limits, retry, breaker, budgets, maxUsd } = options;
    this.#options = options;
    const all = [...options.patterns, compensate as unknown as Pattern];
    this.#patterns = new Map(all.map((pattern) => [pattern.name, pattern]));
    const provider = (id: string) => desk.provider(id);
    const { identity, ownerIsDead } = options;
    this.#guard = new Guard({
      shares: new Shares({ store, me: identity.id, clock, log, ownerIsDead }),
      provider,
      limits,
      breaker,
      longest_pause_ms: retry.max_ms,
      clock,
      log,
      onBreaker: options.onBreaker,
    });
    this.#stage = {
      store,
      desk,
      guard: this.#guard,
      deeds: new Deeds(options.deeds ?? [], OWN_DEEDS, limits.calls),
      clock,
      log,
      patterns: this.#patterns,
      cache: options.cache,
      cacheSeconds: options.cacheSeconds,
      daily: dailyOf(budgets),
      maxUsd,
      secrets: options.secrets ?? "redact",
      random: options.random ?? Math.random,
      ...(options.onOutage && { onOutage: options.onOutage }),
      pour: () => this.#worker.pour(),
      poured: () => this.#worker.poured,
      over: (run) => {
        this.#worker.over(run);
        this.#ring(run);
      },
    };
    this.#worker = new Worker(this.#stage, {
      identity: options.identity,
      slots: limits.runs,
      lease_ms: options.lease_ms ?? LEASE_MS,
      tick_ms: options.tick_ms ?? TICK_MS,
      ownerIsDead: options.ownerIsDead,
      has: options.has,
      onNews: () => {
        for (const run of this.#watchers.keys()) this.#ring(run);
      },
      onLook: () => void this.look().catch(() => {}),
      impatient: () => this.#guard.impatient,
    });
  }

  async start(request: StartRequest): Promise<{ readonly run: Run; readonly existed: boolean }> {
    return this.#create(await freshRun(request, this.#options));
  }

  async fork(request: ForkRequest): Promise<{ readonly run: Run; readonly existed: boolean }> {
    const { wish } = await newFork(request, this.#forkParts);
    return this.#create(wish);
  }

  async foreseeFork(request: ForkRequest): Promise<ForkForecast> {
    return foreseeFork(await newFork(request, this.#forkParts), this.#stage);
  }

  #create(wish: NewRun): Promise<{ readonly run: Run; readonly existed: boolean }> {
    const { store, limits } = this.#options;
    const creating = store.create(wish, { queued: limits.queued });
    this.awaken();
    this.#worker.kick(); // Before it is written: the commit that writes it then claims it as well.
    return creating;
  }

  get #forkParts(): ForkParts {
    return { ...this.#options, patterns: this.#patterns };
  }

  async foresee(request: StartRequest): Promise<Forecast> {
    const run = await freshRun(request, this.#options);
    return forecast(foreseeable(request), run, this.#foresight, adviceOn(request, run.catalogue, this.#foresight));
  }

  advice(request: StartRequest): readonly string[] {
    try {
      return bounded(adviceOn(request, pinned(request, this.#options).catalogue, this.#foresight));
    } catch {
      return [];
    }
  }

  get #foresight() {
    const { store, desk, library, maxUsd } = this.#options;
    return { store, desk, library, maxUsd, patterns: this.#patterns };
  }

  async wait(id: string, ms: number, { signal, onProgress }: WaitOptions = {}): Promise<Run> {
    const { store, clock } = this.#options;
    const until = clock.mono() + ms;
    for (;;) {
      const run = await store.get(id);
      if (!run) throw new Failure("NOT_FOUND", `there is no run ${id}`);
      const left = until - clock.mono();
      if (left <= 0 || signal?.aborted || (await isSettled(store, run))) return run;
      const rang = await this.#nextRing(id, Math.min(left, onProgress ? PROGRESS_MS : left), signal);
      if (!rang) onProgress?.((await store.get(id)) ?? run);
    }
  }

  /** Reads what people have switched off, and what other processes are about. */
  async look(): Promise<void> {
    this.#guard.switchedOff(await this.#options.store.switches());
    await this.#guard.look();
  }

  awaken(): void {
    this.#worker.start();
    this.#options.onAwake?.();
  }

  nudge(id: string): void {
    void this.#worker.play(id)?.poll();
    this.#worker.kick();
    this.#ring(id);
  }

  doing(run: string): readonly string[] {
    return this.#worker.play(run)?.doing ?? [];
  }

  queuedBecause(run: Run): string | undefined {
    if (run.status !== "queued") return undefined;
    const { has, limits } = this.#options;
    const missing = run.needs.filter((need) => !has().includes(need));
    if (missing.length > 0) return `it needs ${missing.join(", ")}, which this server does not have`;
    const pattern = this.#patterns.get(run.pattern);
    if (pattern?.version !== run.pattern_version)
      return `this server does not know ${run.pattern} ${run.pattern_version}`;
    const { playing } = this.#worker;
    return playing >= limits.runs ? `${playing} runs are being played, the most at once (limits.runs)` : undefined;
  }

  health(): readonly Health[] {
    return this.#guard.health();
  }

  async players(): Promise<readonly PlayerNow[]> {
    const { store, ownerIsDead } = this.#options;
    const players = await store.players();
    return players.map((player) => ({ ...player, gone: !player.owner || ownerIsDead(player.owner) === true }));
  }

  async unfinished(withinMs: number, but: readonly string[] = []): Promise<number> {
    const { store, identity, clock, has } = this.#options;
    const ready = await store.ready(has(), this.#worker.keys, clock.now() + withinMs, but);
    const left = (await this.players()).filter(
      ({ owner, leaving, gone, labels }) =>
        (gone || leaving || owner?.id === identity.id) && !labels.some((label) => but.includes(label)),
    );
    return ready + left.length;
  }

  hurry(): void {
    this.#worker.hurry();
  }

  async stop(graceMs: number): Promise<void> {
    const { store, identity, clock } = this.#options;
    if (this.#worker.playing > 0) void store.leave(identity.id).catch(() => {});
    const orderly = this.#worker.stop(graceMs).then(() => store.dismiss(identity.id));
    await new Promise<void>((resolve, reject) => {
      const giveUp = clock.after(graceMs + LAST_WRITES_MS, resolve);
      orderly.then(resolve, reject).finally(giveUp);
    });
  }

  #ring(run: string): void {
    for (const wake of this.#watchers.get(run) ?? []) wake();
  }

  /** True once the run may have changed, false after so many milliseconds. */
  #nextRing(id: string, ms: number, signal: AbortSignal | undefined): Promise<boolean> {
    return new Promise((resolve) => {
      const here = this.#watchers.get(id) ?? new Set();
      this.#watchers.set(id, here);
      const end = (rang: boolean) => {
        stop();
        here.delete(ring);
        if (here.size === 0 && this.#watchers.get(id) === here) this.#watchers.delete(id);
        signal?.removeEventListener("abort", ring);
        resolve(rang);
      };
      const ring = () => end(true);
      const stop = this.#options.clock.after(ms, () => end(false));
      here.add(ring);
      signal?.addEventListener("abort", ring, { once: true });
    });
  }
}

type WaitOptions = NonNullable<Parameters<Engine["wait"]>[2]>;

/** Has it ended, or does it wait for somebody who may be the one who asks? */
async function isSettled(store: RunStore, run: Run): Promise<boolean> {
  if (hasEnded(run.status)) return true;
  if (run.status !== "waiting") return false;
  if (run.paused) return true;
  const { waiting } = await store.progress(run.id);
  return waiting.some(({ kind }) => kind !== "timer" && kind !== "event");
}

const dailyOf = ({ caller, day, explicit }: EngineOptions["budgets"]): Stage["daily"] => ({
  caller: capsOf(caller),
  day: capsOf(day),
  explicit: (explicit.caller || explicit.day) ?? false,
});
