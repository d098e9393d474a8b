import type { z } from "zod";
import type { AgentRef, AgentSpec } from "./agent.ts";
import type { Terms } from "./approval.ts";
import type { Deed } from "./deed.ts";
import type { FailureInfo } from "./errors.ts";
import type { EventFilter } from "./event.ts";
import type { Budget, Limits, RetryPolicy } from "./limits.ts";
import type { Outline } from "./outline.ts";
import type { JsonSchema } from "./provider.ts";
import type { Usage } from "./usage.ts";
import type { PinnedWorkflow } from "./workflow.ts";

/** One question to one agent. */
export interface Task<T = string> {
  /** The step's own name; else the agent's name makes its place. */
  readonly name?: string;
  readonly prompt: string;
  /** Told to the agent beside its own instructions. */
  readonly brief?: string;
  /** The shape asked for: a zod object of ours, or a JSON Schema of the caller's. None: plain text. */
  readonly shape?: z.ZodType<T> | JsonSchema;
  /** Caps of this call alone; their end is a failure of the call, not of the run. */
  readonly budget?: Budget;
  /** For the whole call: its retries, repairs and fallbacks. */
  readonly seconds?: number;
  readonly retry?: Partial<RetryPolicy>;
  /** Asks it of the answer cache first. Patterns whose samples must be independent say `false`. */
  readonly cache?: { readonly ttl: number } | false;
  /** May use the money that the enclosing map has set aside for closing. */
  readonly closing?: boolean;
}

export interface Answer<T = string> {
  /** `name@version` of who answered. */
  readonly agent: string;
  readonly model: string;
  readonly output: T;
  readonly usage: Usage;
  /** When it was remembered, in milliseconds since 1970; a replay and a fork read the same. */
  readonly at: number;
}

export type Settled<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: FailureInfo; readonly usage?: Usage };

/**
 * When a map is done. `all`: every branch succeeded, else it throws the first failure. `settle`: every branch ended.
 * `first`: one succeeded. `quorum`: so many succeeded, or no longer can (then it throws NO_QUORUM). `until`: the test
 * holds for the branches that have ended. Branches that are not counted are cancelled and read CANCELLED.
 */
export type Join =
  | { readonly kind: "all" | "settle" | "first" }
  | { readonly kind: "quorum"; readonly count: number }
  | { readonly kind: "until"; readonly test: (ended: readonly Settled<unknown>[]) => boolean };

export interface MapOptions {
  readonly join?: Join;
  /** Each branch's own limit of time, counted in what its steps took. */
  readonly seconds?: number;
  /** The agent of the call that closes over the branches: money for it is set aside before the first branch starts. */
  readonly closing?: AgentRef;
  /**
   * Whom each branch follows, by index: it begins when they have ended and is told how, in this order. All that a
   * branch learns of its siblings. A cycle is a bug.
   */
  readonly after?: readonly (readonly number[])[];
  /** Caps of all branches together; a call that they refuse fails with BUDGET_EXCEEDED. */
  readonly budget?: Budget;
}

/** What bounds a pattern inside a pattern. */
export interface RunOptions {
  /** Its own name; else the pattern's makes its place. */
  readonly name?: string;
  readonly budget?: Budget;
  /** Counted in what its steps took; at its end the pattern fails with TIMEOUT. */
  readonly seconds?: number;
}

/** What a wait shows to whoever may settle it, and what their decision is held to. */
export interface WaitAsk extends Terms {
  readonly kind: "approval" | "answer" | "event" | "timer";
  /** What is to be decided or answered; an approval is bound to its hash, with the action and who asks. */
  readonly show?: unknown;
  readonly within_seconds?: number;
  /** Which event is awaited, where one is; one that came since the run began, and was not taken, is taken at once. */
  readonly event?: EventFilter;
}

export type WaitAnswer =
  | {
      readonly how: "approved" | "rejected";
      readonly note?: string;
      readonly value?: unknown;
      /** The value is what a person has made of what was shown. */
      readonly edited?: true;
    }
  | { readonly how: "answered"; readonly value: unknown; readonly note?: string }
  | { readonly how: "expired" };

/**
 * All a pattern can do to the world. What these verbs return is all it ever learns, and it is the same on replay,
 * after a crash and in a fork. Inside one context one verb at a time: `map` is the only way to be parallel.
 */
export interface RunContext {
  /** Ask one agent. The only verb that costs. */
  call<T = string>(agent: AgentRef, task: Task<T>): Promise<Answer<T>>;
  /** Do the same for many, at once, each in a context of its own. Branches share nothing. */
  map<A, B>(
    items: readonly A[],
    branch: (item: A, ctx: RunContext, index: number, before: readonly Settled<B>[]) => Promise<B>,
    options?: MapOptions,
  ): Promise<Settled<B>[]>;
  /** Stop here until somebody or something outside answers, or the time is over. */
  wait(name: string, ask: WaitAsk): Promise<WaitAnswer>;
  /** Play another pattern in here, one level deeper. */
  run<I, O>(pattern: Pattern<I, O>, input: I, options?: RunOptions): Promise<O>;
  /** Do or read something in the world that is no model: a request, a file, an estimate. What came of it is remembered. */
  act(name: string, deed: Deed): Promise<unknown>;
  /** Milliseconds that the steps seen from here have taken; sleep, crash and pause do not count. */
  elapsed(): number;
  /** What the steps seen from here have used. */
  spent(): Usage;
  /** From 0 to 1; the same on every replay. */
  random(): number;
  /** Says to whoever watches how far it is. */
  tell(progress: string): void;
  /** Says that the result is less than was asked for, and why. */
  degrade(reason: string): void;
  /** The saved workflow that this run has pinned under a name. */
  workflow(name: string): PinnedWorkflow | undefined;
  /** What this run's limits allow, as they were pinned. */
  readonly limits: Limits;
}

/** A pattern is a pure async function with a name and a schema at each end. It is also an MCP tool. */
export interface Pattern<I = unknown, O = unknown> {
  readonly name: string;
  /** Grows when the same input may ask other questions than before; runs in flight keep what they were told. */
  readonly version: number;
  readonly title: string;
  /** For the model that chooses: what it does, when to use it, when not. */
  readonly description: string;
  readonly input: z.ZodType<I>;
  readonly output: z.ZodType<O>;
  /** The key of its input that says what is to be done: context texts are joined to it. */
  readonly subject: string;
  /** Everybody its input names, so that an unknown agent is refused before the run exists; a saved workflow may stand among them. */
  agents(input: I): readonly AgentRef[];
  /** The saved workflows its input names as such. */
  workflows?(input: I): readonly string[];
  /** What is wrong with an input that its schema lets pass; throws a Failure. */
  check?(input: I, limits: Limits, pinned?: (workflow: string) => PinnedWorkflow | undefined): void;
  /** What it is going to do, as far as the input tells; for estimates, drawings and warnings. Asks nobody. */
  outline?(input: I, limits: Limits, workflow?: (name: string) => PinnedWorkflow | undefined): Outline;
  /** What a careful reader would change in this input, a sentence each; `who` tells whom a reference means. */
  advice?(input: I, who: (ref: AgentRef) => AgentSpec | undefined): readonly string[];
  run(ctx: RunContext, input: I): Promise<O>;
}

/** Lets a pattern's types be inferred from its schemas. */
export const definePattern = <I, O>(pattern: Pattern<I, O>): Pattern<I, O> => pattern;
