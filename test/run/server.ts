import type { Clock } from "../../src/core/clock.ts";
import type { DeedFunction } from "../../src/core/deed.ts";
import type { AnswerCache, Desk } from "../../src/core/desk.ts";
import type { Engine } from "../../src/core/engine.ts";
import type { Log } from "../../src/core/log.ts";
import type { Pattern } from "../../src/core/pattern.ts";
import type { Provider } from "../../src/core/provider.ts";
import type { Fence, RunStore, WorkerIdentity } from "../../src/core/store.ts";
import { openEngine } from "../../src/run/engine.ts";
import type { Secrets } from "../../src/run/leaving.ts";
import type { OnOutage } from "../../src/run/outage.ts";
import { openStore } from "../../src/store/sqlite/open.ts";
import { BREAKER, BUDGETS, deskOf, LEASE_MS, LIMITS, type Purse, RETRY } from "./cast.ts";
import type { Dice } from "./dice.ts";
import type { Time } from "./time.ts";
import type { Asker } from "./vendor.ts";

/** What may happen to a server, at each commit of its store: it dies before or after, or is stopped for a while. */
export interface Fate {
  readonly dies: number;
  readonly stops: number;
  /** How often a write takes a while, as it does where somebody else has locked the file. */
  readonly lags: number;
}

export interface ServerOptions {
  readonly home: string;
  readonly time: Time;
  readonly dice: Dice;
  /** Whom it can ask. */
  readonly providers: (asker: Asker) => readonly Provider[];
  readonly patterns: readonly Pattern[];
  readonly deeds?: (asker: Asker) => readonly DeedFunction[];
  readonly onOutage?: OnOutage;
  readonly secrets?: Secrets;
  readonly purse: Purse;
  readonly fate: Fate;
  readonly cache?: AnswerCache;
  readonly knowsTheDead: (owner: WorkerIdentity) => boolean | undefined;
  /** Each of its commits, before anybody hears of it. */
  readonly onCommit: (server: Server) => void;
  /** Each write that the store has taken from it as the player of a run. */
  readonly onPlay: (fence: Fence, server: string) => void;
  readonly onTrouble: (what: string) => void;
  readonly onDeath: (server: Server) => void;
}

const NEVER = new Promise<never>(() => {});

/** One server process: an engine and its store, which can be killed or stopped between any two things it does. */
export class Server {
  readonly id: string;
  dead = false;
  engine: Engine | undefined;
  readonly #options: ServerOptions;
  readonly #turns = { in: Promise.resolve(), out: Promise.resolve() };
  #store: (RunStore & { close(): Promise<void> }) | undefined;

  constructor(id: string, options: ServerOptions) {
    this.id = id;
    this.#options = options;
  }

  async boot(): Promise<void> {
    const { home, time, dice, patterns, purse, cache, onOutage, secrets } = this.#options;
    const store = await openStore({
      home,
      clock: this.#mortalClock(),
      leaseMs: LEASE_MS,
      afterCommit: () => this.#committed(),
    });
    this.#store = store;
    if (this.dead) return this.#bury();
    this.engine = await openEngine({
      store: this.#mortal(store),
      desk: this.#desk(),
      patterns,
      clock: time.clockOf(this.id, () => this.dead),
      log: this.#log(),
      ...(cache && { cache }),
      deeds: this.#options.deeds?.(this) ?? [],
      ...(onOutage && { onOutage }),
      ...(secrets && { secrets }),
      limits: LIMITS,
      retry: RETRY,
      breaker: BREAKER,
      budgets: { ...BUDGETS, ...purse },
      maxUsd: () => undefined,
      identity: { id: this.id, pid: 1, host: "here", boot: "once", lock: "none" },
      ownerIsDead: this.#options.knowsTheDead,
      has: () => [],
      lease_ms: LEASE_MS,
      tick_ms: 25,
      random: dice.next,
    });
    this.engine.awaken();
  }

  /** As by SIGKILL: what is not committed is lost, and nothing of it ever happens again. */
  die(): void {
    if (this.dead) return;
    this.dead = true;
    this.#options.time.bury(this.id);
    setImmediate(() => this.#bury());
    this.#options.onDeath(this);
  }

  /** An orderly end: runs are given back. */
  async drain(graceMs: number): Promise<void> {
    await this.engine?.stop(graceMs);
    this.die();
  }

  #bury(): void {
    const store = this.#store;
    this.#store = undefined;
    void store?.close().catch(() => {});
  }

  #committed(): void {
    if (this.dead) return;
    this.#options.time.moves++;
    this.#options.onCommit(this);
    this.#meetFate();
  }

  #meetFate(): void {
    const { dice, fate, time } = this.#options;
    if (dice.falls(fate.dies / 2)) this.die();
    else if (dice.falls(fate.stops / 2)) time.stop(this.id, dice.between(0.5, 3) * LEASE_MS);
  }

  /** The store reads it inside each transaction: a server that dies there has committed nothing. */
  #mortalClock(): Clock {
    const { time, dice, fate } = this.#options;
    const clock = time.clockOf(this.id, () => this.dead);
    const now = () => {
      if (!this.dead && this.engine && dice.falls(fate.dies / 4)) this.die();
      if (this.dead) throw new Error("dead");
      return time.now;
    };
    return { ...clock, now };
  }

  /** The store as a process sees it that may be stopped or killed while it waits for an answer. */
  #mortal(store: RunStore): RunStore {
    return new Proxy(store, {
      get: (target, name) => {
        const method: unknown = Reflect.get(target, name);
        if (typeof method !== "function") return method;
        if (name === "others" || name === "onChange") return (...args: unknown[]) => method.apply(target, args);
        return (...args: unknown[]) => this.#ask(() => method.apply(target, args), String(name), args);
      },
    });
  }

  async #ask(act: () => Promise<unknown>, name: string, args: readonly unknown[]): Promise<unknown> {
    const { time, dice, fate, onPlay } = this.#options;
    time.moves++;
    if (this.dead) return NEVER;
    if (dice.falls(fate.stops / 4)) time.stop(this.id, dice.between(0.5, 3) * LEASE_MS);
    await this.#inOrder("in", dice.falls(fate.lags) ? dice.between(0, 40) : 0);
    if (this.dead) return NEVER;
    time.underway++;
    const told = await act().then(
      (value) => () => value,
      (error: unknown) => () => {
        throw error;
      },
    );
    time.underway--;
    time.moves++;
    if (this.dead) return NEVER;
    const result = told();
    if (name === "write" && result !== undefined) onPlay(args[0] as Fence, this.id);
    await this.#inOrder("out");
    return this.dead ? NEVER : result;
  }

  /** A process that was stopped goes on with what it was about to do, in the order in which it was about to do it. */
  #inOrder(way: "in" | "out", lag = 0): Promise<void> {
    const { time } = this.#options;
    const lagged = () => (lag > 0 ? new Promise<void>((resolve) => time.after(lag, this.id, resolve)) : undefined);
    this.#turns[way] = this.#turns[way].then(lagged).then(() => this.#awake());
    return this.#turns[way];
  }

  /** At once, or when a stopped process goes on. */
  #awake(): Promise<void> | undefined {
    const { time } = this.#options;
    if (!time.isStopped(this.id)) return undefined;
    return new Promise((resolve) => time.after(0, this.id, resolve));
  }

  #desk(): Desk {
    return deskOf(new Map(this.#options.providers(this).map((provider) => [provider.id, provider])));
  }

  #log(): Log {
    const { onTrouble } = this.#options;
    const quiet = () => {};
    const error = (fields: object, message: string) => {
      if (this.dead || ("code" in fields && fields.code === "CRASH_LOOP")) return;
      onTrouble(`${message} ${JSON.stringify(fields)}`);
    };
    return { debug: quiet, info: quiet, warn: quiet, error };
  }
}
