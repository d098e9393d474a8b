import { CircuitState } from "cockatiel";
import PQueue from "p-queue";
import type { AgentSpec } from "../core/agent.ts";
import type { Health } from "../core/engine.ts";
import { type Code, Failure } from "../core/errors.ts";
import type { Limits } from "../core/limits.ts";
import { type ModelReply, type ModelRequest, type Provider, splitModel } from "../core/provider.ts";
import type { Door, Room, Switch } from "../core/store.ts";
import { Breakers, type BreakersOptions, isRehearsed, type Tries } from "./breakers.ts";
import { Lane, type Turn } from "./lane.ts";
import { broken, isOff, knocking } from "./refusals.ts";
import { EVERYBODY } from "./shares.ts";
import { type Patience, watched } from "./watch.ts";

export interface GuardOptions extends BreakersOptions {
  readonly provider: (id: string) => Provider | undefined;
  readonly limits: Pick<Limits, "calls">;
  /** A provider that says "come back later than this" is not waited for. */
  readonly longest_pause_ms: number;
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

/** What stands between a call and its provider: breakers, queues, rates and timeouts. */
export class Guard {
  readonly #options: GuardOptions;
  readonly #breakers: Breakers;
  /** The ways to providers, and the one that all calls take. */
  readonly #lanes = new Map<string, Lane>();
  readonly #agents = new Map<string, PQueue>();
  readonly #all: Lane;
  #off: ReadonlyMap<string, Switch> = new Map();

  constructor(options: GuardOptions) {
    this.#options = options;
    this.#breakers = new Breakers(options);
    this.#all = new Lane({ concurrency: options.limits.calls }, options.clock);
    this.#lanes.set(EVERYBODY, this.#all);
  }

  get cooldownMs(): number {
    return this.#options.breaker.cooldown_seconds * 1000;
  }

  /** Looks at what other processes are about: their calls, and whom they have found to be out of order. */
  async look(): Promise<void> {
    const traffic = await this.#options.shares?.look(this.#lanes);
    if (!traffic) return;
    this.#breakers.hear(traffic);
    const now = this.#options.clock.now();
    for (const { kind, subject, until } of traffic.doors) if (kind === "rest") this.#lane(subject).pause(until - now);
  }

  /** Does anything wait for what only another look can tell? */
  get impatient(): boolean {
    if (this.#breakers.impatient) return true;
    const shared = this.#isShared;
    return [...this.#lanes.values()].some((lane) => lane.waiting > 0 && (shared || lane.isShut));
  }

  /** Others may be there: what they and we share is counted in the store. */
  get #isShared(): boolean {
    return this.#options.shares !== undefined && !this.#options.shares.alone;
  }

  /** What a call must find at its provider beside money; undefined where this process alone can tell. */
  room(model: string, tokens: () => number): Room | undefined {
    const { provider: id } = splitModel(model);
    const { concurrency: most, rpm, tpm } = this.#options.provider(id) ?? { concurrency: 1 };
    const shared = this.#isShared;
    if (!shared && rpm === undefined && tpm === undefined) return undefined;
    const limits = { ...(rpm !== undefined && { rpm }), ...(tpm !== undefined && { tpm }) };
    const calls = shared && { most, all: this.#options.limits.calls };
    return { provider: id, tokens: tpm === undefined ? 0 : tokens(), ...calls, ...limits };
  }

  /** A provider, or the server, was found to be as busy as it may be: nothing is tried before the next look. */
  full(model: string, { all, wait_ms }: { readonly all?: true; readonly wait_ms?: number }): void {
    if (all) this.#all.full();
    else this.#lane(splitModel(model).provider).full(wait_ms);
  }

  /** Another process was found to have opened a breaker. */
  shut(door: Door): void {
    this.#breakers.shut(door);
  }

  /** Waits until it is known what came of the request that tries this model or its provider. */
  tried(model: string): Promise<void> {
    return this.#breakers.tried([splitModel(model).provider, model]);
  }

  /** What people have switched off, all of it. */
  switchedOff(off: readonly Switch[]): void {
    this.#off = new Map(off.map((each) => [each.subject, each]));
  }

  /** Why this errand would be refused now; undefined where it may go. */
  blocked({ model, agent }: Pick<Errand, "model" | "agent">): Failure | undefined {
    const { provider } = splitModel(model);
    for (const subject of [provider, model, `agent:${agent}`]) {
      const refused = this.refusal(subject);
      if (refused) return refused;
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
      const inLane = () =>
        lane.add(tokens, priority, (turn) =>
          this.#all.add(
            () => 0,
            priority,
            () => hold(turn),
          ),
        );
      const inAgent = errand.concurrency
        ? this.#agentQueue(errand.agent, errand.concurrency).add(inLane, { priority })
        : inLane();
      inAgent.catch(reject);
    });
  }

  /** Sends one request through breakers and watch. The failure it throws is classified and counted. */
  async send(errand: Errand, request: ModelRequest, stop: AbortController, patience: Patience, tries: Tries = []) {
    const { provider: id } = splitModel(errand.model);
    const provider = this.#options.provider(id);
    if (!provider) throw new Failure("NO_PROVIDER", `no provider "${id}" is configured here`, { billed: "nothing" });
    const vendor = this.#breakers.fuse(id, VENDOR);
    const model = this.#breakers.fuse(errand.model, MODEL);
    const half = vendor.policy.state !== CircuitState.Closed || model.policy.state !== CircuitState.Closed;
    const knocks = half || tries.length > 0;
    try {
      const answer = await vendor.policy.execute(() =>
        model.policy.execute(async (): Promise<{ reply: ModelReply; first_ms: number | undefined }> => {
          return watched(knocks ? knocking(provider) : provider, request, stop, patience, this.#options.clock);
        }),
      );
      for (const fuse of [vendor, model]) this.#breakers.triedOut(fuse, tries);
      return answer;
    } catch (error) {
      const failure = broken(error, errand.model);
      for (const fuse of [vendor, model]) this.#breakers.triedOut(fuse, tries, failure);
      if (failure.code === "RATE_LIMITED") this.#rest(id, failure.retryAfterMs ?? 0);
      if (AT_ONCE.includes(failure.code)) this.#breakers.blow(vendor);
      throw failure;
    }
  }

  /** Tells how a whole call of an agent ended, models and retries and all: that is what its own breaker counts. */
  agentEnded({ name: agent, models }: Pick<AgentSpec, "name" | "models">, failure: Failure | undefined): void {
    if (!models.every(isRehearsed)) this.ended(`agent:${agent}`, failure);
  }

  /** Why nothing may be asked of somebody now, whoever that is; undefined where it may. */
  refusal(subject: string): Failure | undefined {
    const off = this.#off.get(subject);
    return off ? isOff(off) : this.#breakers.refusal(subject);
  }

  /** Counts how something ended for the breaker of whoever did it, such as `tool:files/read_file`. */
  ended(subject: string, failure: Failure | undefined): void {
    if (!failure && !this.#breakers.has(subject)) return;
    if (failure && (failure.kind !== "transient" || failure.code === "CIRCUIT_OPEN")) return;
    const { policy } = this.#breakers.fuse(subject, [...VENDOR, ...MODEL]);
    policy.execute(() => (failure ? Promise.reject(failure) : undefined)).catch(() => {});
  }

  health(): readonly Health[] {
    const off = [...this.#off.values()].map(
      (each): Health => ({ subject: each.subject, state: "off", failures: 0, last: isOff(each).message }),
    );
    return [...off, ...this.#breakers.health(this.#off)];
  }

  /** Leaves a provider alone that has asked for it, and tells the other processes. */
  #rest(id: string, ms: number): void {
    const lane = this.#lane(id);
    if (ms - lane.rest > 100)
      this.#options.shares?.shut({ subject: id, kind: "rest", until: this.#options.clock.now() + ms, failures: 0 });
    lane.pause(ms);
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
