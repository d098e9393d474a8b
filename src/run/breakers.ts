import { type CircuitBreakerPolicy, CircuitState, ConsecutiveBreaker, circuitBreaker, handleWhen } from "cockatiel";
import type { Clock } from "../core/clock.ts";
import type { Health } from "../core/engine.ts";
import { type Code, Failure } from "../core/errors.ts";
import type { BreakerNews } from "../core/event.ts";
import type { BreakerPolicy } from "../core/limits.ts";
import type { Log } from "../core/log.ts";
import type { Door, Traffic } from "../core/store.ts";
import { broken, isShut } from "./refusals.ts";
import type { Shares } from "./shares.ts";

export interface BreakersOptions {
  readonly breaker: BreakerPolicy;
  readonly clock: Clock;
  readonly log: Log;
  /** Shares what is found out with other processes; without it nobody else is there. */
  readonly shares?: Shares;
  /** Told when a breaker opens, and when it closes again. */
  readonly onBreaker?: ((news: BreakerNews) => void) | undefined;
}

/** Whose breakers a request tries, the one of all processes' requests. */
export type Tries = readonly string[];

/** One breaker of this process. */
export interface Fuse {
  readonly subject: string;
  readonly codes: readonly Code[];
  readonly policy: CircuitBreakerPolicy;
  until: number;
  failures: number;
  last: string | undefined;
  /** Keeps it open whatever is counted, until its time is over. */
  blown: { dispose(): void } | undefined;
  /** Its time was over, and nobody knows yet whether it is closed for good. */
  lapsed: boolean;
}

/** Who is found to be out of order, here and by other processes, and whether somebody tries them again. */
export class Breakers {
  readonly #options: BreakersOptions;
  readonly #fuses = new Map<string, Fuse>();
  /** What other processes have opened. */
  #shut = new Map<string, Door>();
  /** What some request is trying, in whatever process. */
  #tried: ReadonlySet<string> = new Set();
  /** Those who wait for the next news. */
  #listening: (() => void)[] = [];

  constructor(options: BreakersOptions) {
    this.#options = options;
  }

  /** Does somebody wait for what only the store can tell? */
  get impatient(): boolean {
    return this.#listening.length > 0;
  }

  has(subject: string): boolean {
    return this.#fuses.has(subject);
  }

  /** What other processes have found out, as the store tells it. */
  hear({ doors, breakers }: Traffic): void {
    this.#shut = new Map(doors.filter(({ kind }) => kind === "open").map((door) => [door.subject, door]));
    this.#closedElsewhere(new Set(breakers.map(({ subject }) => subject)));
    this.#tried = new Set(breakers.filter(({ tried }) => tried).map(({ subject }) => subject));
    const listening = this.#listening;
    this.#listening = [];
    for (const told of listening) told();
  }

  /** Another process was found to have opened this one. */
  shut(door: Door): void {
    this.#shut.set(door.subject, door);
  }

  /** Waits until it is known what came of the request that tries one of these. */
  async tried(subjects: readonly string[]): Promise<void> {
    do await new Promise<void>((told) => this.#listening.push(told));
    while (subjects.some((subject) => this.#tried.has(subject)));
  }

  /** Why nothing may be asked of this subject now; undefined where it may. */
  refusal(subject: string): Failure | undefined {
    const now = this.#options.clock.now();
    const fuse = this.#fuses.get(subject);
    if (fuse && this.#isOpen(fuse)) {
      return new Failure("CIRCUIT_OPEN", `${subject} has failed ${fuse.failures} times in a row (${fuse.last})`, {
        retry_after_ms: Math.max(0, fuse.until - now),
        hint: "It is tried again by itself when its pause is over; a fallback model or agent answers meanwhile.",
      });
    }
    const door = this.#shut.get(subject);
    return door && door.until > now ? isShut(door, door.until - now) : undefined;
  }

  /** The breaker of this subject, which counts failures of these codes. */
  fuse(subject: string, codes: readonly Code[]): Fuse {
    const known = this.#fuses.get(subject);
    if (known) return known;
    const { failures, cooldown_seconds } = this.#options.breaker;
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
    const nothing = { until: 0, failures: 0, last: undefined, blown: undefined, lapsed: false };
    const fuse: Fuse = { subject, codes, policy, ...nothing };
    policy.onBreak(() => this.#opened(fuse));
    policy.onSuccess(() => {
      fuse.failures = 0;
    });
    policy.onReset(() => {
      if (!fuse.lapsed) this.#sharesOf(subject)?.reopen(subject);
      this.#closed(subject);
    });
    this.#fuses.set(subject, fuse);
    return fuse;
  }

  /** Opens a vendor's breaker without counting to the threshold: a bad key does not get better by asking. */
  blow(fuse: Fuse): void {
    fuse.blown ??= fuse.policy.isolate();
    fuse.until = this.#options.clock.now() + this.#cooldownMs;
  }

  /** What has come of trying somebody again is told to all; where our own breaker was open, it has told it itself. */
  triedOut(fuse: Fuse, tries: Tries, failure?: Failure): void {
    const { subject, codes, policy, failures } = fuse;
    const isTrial = tries.includes(subject);
    if (policy.state !== CircuitState.Closed || failure?.code === "CIRCUIT_OPEN") return;
    if (!fuse.lapsed && !isTrial) return;
    if (!failure || !(codes.includes(failure.code) || failure.code === "CANCELLED")) {
      fuse.lapsed = false;
      this.#options.shares?.reopen(subject);
    } else if (isTrial) {
      const until = this.#options.clock.now() + this.#cooldownMs;
      const door = { subject, kind: "open", until, failures, last: failure.message } as const;
      this.#options.shares?.shut(door);
      this.shut(door);
    }
  }

  /** How those stand whom a person has not switched off. */
  health(off: ReadonlyMap<string, unknown>): readonly Health[] {
    return [...this.#fuses.values()]
      .filter(({ subject }) => !off.has(subject))
      .map((fuse) => {
        const { subject, failures, until, last } = fuse;
        const state = this.#stateOf(fuse);
        return { subject, state, failures, ...(state === "open" && { until }), ...(last !== undefined && { last }) };
      });
  }

  #stateOf(fuse: Fuse): Health["state"] {
    const isOpen = this.#isOpen(fuse);
    const { state } = fuse.policy;
    if (state === CircuitState.Closed) return "closed";
    return state === CircuitState.HalfOpen || !isOpen ? "half-open" : "open";
  }

  #isOpen(fuse: Fuse): boolean {
    const spared = this.#options.clock.now() < fuse.until;
    if (!spared && fuse.blown) {
      fuse.lapsed = true;
      fuse.blown.dispose();
      fuse.blown = undefined;
    }
    const { state } = fuse.policy;
    // Where others are there too, it is the store that says whether somebody is trying it.
    if (state === CircuitState.HalfOpen) return this.#options.shares?.alone ?? true;
    return state !== CircuitState.Closed && spared;
  }

  #opened(fuse: Fuse): void {
    const { subject, failures, last } = fuse;
    fuse.lapsed = false;
    fuse.until = Math.max(fuse.until, this.#options.clock.now() + this.#cooldownMs);
    this.#options.log.warn({ event: "breaker.opened", subject, failures, last }, "breaker opened");
    const door = { subject, kind: "open", until: fuse.until, failures, ...(last !== undefined && { last }) } as const;
    this.#sharesOf(subject)?.shut(door);
    this.#options.onBreaker?.({ state: "opened", subject, failures, last });
  }

  #closed(subject: string): void {
    this.#options.log.info({ event: "breaker.closed", subject }, "breaker closed");
    this.#options.onBreaker?.({ state: "closed", subject });
  }

  /** Our own whose time is over, where another process has found that somebody is there again. */
  #closedElsewhere(open: ReadonlySet<string>): void {
    const now = this.#options.clock.now();
    for (const [subject, { policy, until }] of this.#fuses) {
      const isOpen = policy.state === CircuitState.Open || policy.state === CircuitState.Isolated;
      if (!isOpen || now < until || open.has(subject) || isRehearsed(subject)) continue;
      this.#fuses.delete(subject);
      this.#closed(subject);
    }
  }

  #sharesOf(subject: string): Shares | undefined {
    return isRehearsed(subject) ? undefined : this.#options.shares;
  }

  get #cooldownMs(): number {
    return this.#options.breaker.cooldown_seconds * 1000;
  }
}

/** Faults that were rehearsed say nothing of anybody else's runs. */
export const isRehearsed = (subject: string): boolean => subject === "rehearsal" || subject.startsWith("rehearsal/");
