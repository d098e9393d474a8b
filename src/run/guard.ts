import { type CircuitBreakerPolicy, CircuitState, ConsecutiveBreaker, circuitBreaker, handleWhen } from "cockatiel";
import PQueue from "p-queue";
import type { AgentSpec } from "../core/agent.ts";
import type { Clock } from "../core/clock.ts";
import type { Health } from "../core/engine.ts";
import { type Code, Failure } from "../core/errors.ts";
import type { BreakerNews } from "../core/event.ts";
import type { BreakerPolicy, Limits } from "../core/limits.ts";
import type { Log } from "../core/log.ts";
import { type ModelReply, type ModelRequest, type Provider, splitModel } from "../core/provider.ts";
import type { Door, Room, Switch } from "../core/store.ts";
import { Lane, type Turn } from "./lane.ts";
import { broken, isOff, isShut, knocking } from "./refusals.ts";
import type { Shares } from "./shares.ts";
import { type Patience, watched } from "./watch.ts";

export interface GuardOptions {
  readonly provider: (id: string) => Provider | undefined;
  readonly limits: Pick<Limits, "calls">;
  readonly breaker: BreakerPolicy;
  /** A provider that says "come back later than this" is not waited for. */
  readonly longest_pause_ms: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Shares what providers take with other processes; without it nobody else is there. */
  readonly shares?: Shares;
  /** Told when a breaker opens, and when it closes again. */
  readonly onBreaker?: ((news: BreakerNews) => void) | undefined;
}

/** Who wants to ask whom. */
export interface Errand {
  /** `provider/model`. */
  readonly model: string;
  readonly agent: string;
  readonly priority: number;
  /** The tokens it may use, for limits per minute. */
  readonly tokens: () => number;
  /** How many calls of this agent may run at once. */
  readonly concurrency?: number | undefined;
}

/** Gives a slot back, and says whether a request was sent from it. */
export type Leave = (sent: boolean) => void;

/** What opens whose breaker: a vendor that cannot be reached or refuses our key, or one model that fails. */
const VENDOR: readonly Code[] = ["NETWORK", "UNAUTHORIZED", "QUOTA_EXHAUSTED"];
const MODEL: readonly Code[] = ["OVERLOADED", "TIMEOUT", "UNKNOWN_MODEL"];
const AT_ONCE: readonly Code[] = ["UNAUTHORIZED", "QUOTA_EXHAUSTED"];

interface Fuse {
  readonly policy: CircuitBreakerPolicy;
  until: number;
  failures: number;
  last: string | undefined;
  /** Keeps it open whatever is counted, until its time is over. */
  blown: { dispose(): void } | undefined;
}

/** What stands between a call and its provider: breakers, queues, rates and timeouts. */
export class Guard {
  readonly #options: GuardOptions;
  readonly #fuses = new Map<string, Fuse>();
  readonly #lanes = new Map<string, Lane>();
  readonly #agents = new Map<string, PQueue>();
  readonly #all: PQueue;
  #off: ReadonlyMap<string, Switch> = new Map();
  /** Whose breaker another process has opened. */
  #shut: ReadonlyMap<string, Door> = new Map();

  constructor(options: GuardOptions) {
    this.#options = options;
    this.#all = new PQueue({ concurrency: options.limits.calls });
  }

  get cooldownMs(): number {
    return this.#options.breaker.cooldown_seconds * 1000;
  }

  /** Looks at what other processes are about: their calls, and whom they have found to be out of order. */
  async look(): Promise<void> {
    const traffic = await this.#options.shares?.look(this.#lanes);
    if (!traffic) return;
    this.#shut = new Map(traffic.doors.filter(({ kind }) => kind === "open").map((door) => [door.subject, door]));
    const now = this.#options.clock.now();
    for (const { kind, subject, until } of traffic.doors) if (kind === "rest") this.#lane(subject).pause(until - now);
  }

  /** Does anything wait for what only another look can tell? */
  get impatient(): boolean {
    const shared = this.#options.shares && !this.#options.shares.alone;
    return [...this.#lanes.values()].some((lane) => lane.waiting > 0 && (shared || lane.isShut));
  }

  /** What a call must find at its provider beside money; undefined where this process alone can tell. */
  room(model: string, tokens: () => number): Room | undefined {
    const { provider: id } = splitModel(model);
    const { concurrency: most, rpm, tpm } = this.#options.provider(id) ?? { concurrency: 1 };
    const shared = this.#options.shares && !this.#options.shares.alone;
    if (!shared && rpm === undefined && tpm === undefined) return undefined;
    const limits = { ...(rpm !== undefined && { rpm }), ...(tpm !== undefined && { tpm }) };
    return { provider: id, tokens: tpm === undefined ? 0 : tokens(), ...(shared && { most }), ...limits };
  }

  /** A provider was found to be as busy as it may be: nothing is tried before the next look. */
  full(model: string, ms?: number): void {
    this.#lane(splitModel(model).provider).full(ms);
  }

  /** What people have switched off, all of it. */
  switchedOff(off: readonly Switch[]): void {
    this.#off = new Map(off.map((each) => [each.subject, each]));
  }

  /** Why this errand would be refused now; undefined where it may go. */
  blocked({ model, agent }: Pick<Errand, "model" | "agent">): Failure | undefined {
    const { provider } = splitModel(model);
    for (const subject of [provider, model, `agent:${agent}`]) {
      const off = this.#off.get(subject);
      if (off) return isOff(off);
      const fuse = this.#fuses.get(subject);
      if (fuse && this.#isOpen(fuse)) {
        return new Failure("CIRCUIT_OPEN", `${subject} has failed ${fuse.failures} times in a row (${fuse.last})`, {
          retry_after_ms: Math.max(0, fuse.until - this.#options.clock.now()),
          hint: "It is tried again by itself when its pause is over; a fallback model or agent answers meanwhile.",
        });
      }
      const door = this.#shut.get(subject);
      if (door && door.until > this.#options.clock.now()) return isShut(door, door.until - this.#options.clock.now());
    }
    const rest = this.#lanes.get(provider)?.rest ?? 0;
    if (rest <= this.#options.longest_pause_ms) return undefined;
    return new Failure("RATE_LIMITED", `${provider} asked to be left alone`, { retry_after_ms: Math.ceil(rest) });
  }

  /** A slot in the queues of agent, provider and server, in this order; what it returns gives it back. */
  slot(errand: Errand): Promise<Leave> {
    const lane = this.#lane(splitModel(errand.model).provider);
    const { priority, tokens } = errand;
    return new Promise((resolve, reject) => {
      const hold = (turn: Turn) =>
        new Promise<void>((free) => {
          resolve((sent) => {
            if (!sent) lane.giveBack(turn);
            free();
          });
        });
      const inLane = () => lane.add(tokens, priority, (turn) => this.#all.add(() => hold(turn), { priority }));
      const inAgent = errand.concurrency
        ? this.#agentQueue(errand.agent, errand.concurrency).add(inLane, { priority })
        : inLane();
      inAgent.catch(reject);
    });
  }

  /** Sends one request through breakers and watch. The failure it throws is classified and counted. */
  async send(errand: Errand, request: ModelRequest, stop: AbortController, patience: Patience) {
    const { provider: id } = splitModel(errand.model);
    const provider = this.#options.provider(id);
    if (!provider) throw new Failure("NO_PROVIDER", `no provider "${id}" is configured here`, { billed: "nothing" });
    const vendor = this.#fuse(id, VENDOR);
    const model = this.#fuse(errand.model, MODEL);
    const half = vendor.policy.state !== CircuitState.Closed || model.policy.state !== CircuitState.Closed;
    try {
      return await vendor.policy.execute(() =>
        model.policy.execute(async (): Promise<{ reply: ModelReply; first_ms: number | undefined }> => {
          return watched(half ? knocking(provider) : provider, request, stop, patience, this.#options.clock);
        }),
      );
    } catch (error) {
      const failure = broken(error, errand.model);
      if (failure.code === "RATE_LIMITED") this.#rest(id, failure.retryAfterMs ?? 0);
      if (AT_ONCE.includes(failure.code)) this.#blow(vendor);
      throw failure;
    }
  }

  /** Tells how a whole call of an agent ended, models and retries and all: that is what its own breaker counts. */
  agentEnded({ name: agent, models }: Pick<AgentSpec, "name" | "models">, failure: Failure | undefined): void {
    if (models.every(isRehearsed)) return;
    if (!failure && !this.#fuses.has(`agent:${agent}`)) return;
    if (failure && (failure.kind !== "transient" || failure.code === "CIRCUIT_OPEN")) return;
    const { policy } = this.#fuse(`agent:${agent}`, [...VENDOR, ...MODEL]);
    policy.execute(() => (failure ? Promise.reject(failure) : undefined)).catch(() => {});
  }

  health(): readonly Health[] {
    const off = [...this.#off.values()].map(
      (each): Health => ({ subject: each.subject, state: "off", failures: 0, last: isOff(each).message }),
    );
    const fuses = [...this.#fuses].filter(([subject]) => !this.#off.has(subject));
    return [
      ...off,
      ...fuses.map(([subject, fuse]) => {
        const isHalf = fuse.policy.state === CircuitState.HalfOpen || !this.#isOpen(fuse);
        const state: Health["state"] =
          fuse.policy.state === CircuitState.Closed ? "closed" : isHalf ? "half-open" : "open";
        return {
          subject,
          state,
          failures: fuse.failures,
          ...(state === "open" && { until: fuse.until }),
          ...(fuse.last !== undefined && { last: fuse.last }),
        };
      }),
    ];
  }

  #fuse(subject: string, codes: readonly Code[]): Fuse {
    const known = this.#fuses.get(subject);
    if (known) return known;
    const { failures, cooldown_seconds } = this.#options.breaker;
    const shares = isRehearsed(subject) ? undefined : this.#options.shares;
    const policy = circuitBreaker(
      handleWhen((error) => {
        const failure = broken(error, subject);
        const counts = codes.includes(failure.code);
        const probe = policy.state === CircuitState.HalfOpen && failure.code === "CANCELLED";
        if (counts) {
          fuse.failures++;
          fuse.last = failure.message;
        }
        return counts || probe;
      }),
      { halfOpenAfter: cooldown_seconds * 1000, breaker: new ConsecutiveBreaker(failures) },
    );
    const fuse: Fuse = { policy, until: 0, failures: 0, last: undefined, blown: undefined };
    policy.onBreak(() => {
      fuse.until = Math.max(fuse.until, this.#options.clock.now() + cooldown_seconds * 1000);
      const fields = { event: "breaker.opened", subject, failures: fuse.failures, last: fuse.last };
      this.#options.log.warn(fields, "breaker opened");
      const { until, failures, last } = fuse;
      shares?.shut({ subject, kind: "open", until, failures, ...(last !== undefined && { last }) });
      this.#options.onBreaker?.({ state: "opened", subject, failures: fuse.failures, last: fuse.last });
    });
    policy.onSuccess(() => {
      fuse.failures = 0;
    });
    policy.onReset(() => {
      this.#options.log.info({ event: "breaker.closed", subject }, "breaker closed");
      shares?.reopen(subject);
      this.#options.onBreaker?.({ state: "closed", subject });
    });
    this.#fuses.set(subject, fuse);
    return fuse;
  }

  /** Leaves a provider alone that has asked for it, and tells the other processes. */
  #rest(id: string, ms: number): void {
    const lane = this.#lane(id);
    if (ms - lane.rest > 100)
      this.#options.shares?.shut({ subject: id, kind: "rest", until: this.#options.clock.now() + ms, failures: 0 });
    lane.pause(ms);
  }

  /** Opens a vendor's breaker without counting to the threshold: a bad key does not get better by asking. */
  #blow(fuse: Fuse): void {
    fuse.blown ??= fuse.policy.isolate();
    fuse.until = this.#options.clock.now() + this.#options.breaker.cooldown_seconds * 1000;
  }

  #isOpen(fuse: Fuse): boolean {
    const spared = this.#options.clock.now() < fuse.until;
    if (!spared) {
      fuse.blown?.dispose();
      fuse.blown = undefined;
    }
    const { state } = fuse.policy;
    return state === CircuitState.HalfOpen || (state !== CircuitState.Closed && spared);
  }

  #lane(id: string): Lane {
    const known = this.#lanes.get(id);
    if (known) return known;
    const lane = new Lane(this.#options.provider(id) ?? { concurrency: 1 }, this.#options.clock);
    this.#lanes.set(id, lane);
    return lane;
  }

  #agentQueue(agent: string, concurrency: number): PQueue {
    const queue = this.#agents.get(agent) ?? new PQueue({ concurrency });
    queue.concurrency = concurrency;
    this.#agents.set(agent, queue);
    return queue;
  }
}

/** Faults that were rehearsed say nothing of anybody else's runs. */
const isRehearsed = (subject: string): boolean => subject === "rehearsal" || subject.startsWith("rehearsal/");
