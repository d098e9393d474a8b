import type { AgentRef } from "./agent.ts";
import type { Budget, RetryPolicy } from "./limits.ts";

/** One step of what a pattern is going to do, as far as its input tells. */
export interface OutlineStep {
  /** Unlike that of every other step of its outline. */
  readonly name: string;
  readonly kind: "call" | "act" | "wait" | "run" | "code";
  /** Whom a call asks first. */
  readonly agent?: AgentRef;
  /** The steps it begins after; with none it begins at once. */
  readonly after: readonly string[];
  /** How often it is played if all goes well, and at the most. */
  readonly least: number;
  readonly most: number;
  /** The bytes of its prompt that are known now. */
  readonly bytes: number;
  /** The steps whose answers are put into its prompt. */
  readonly reads: readonly string[];
  /** A step to which it may send the work back. */
  readonly back?: string;
  /** Other agents that are asked where the first fails. */
  readonly fallback?: readonly AgentRef[];
  /** The step's own caps, which bound it whatever it does. */
  readonly budget?: Budget;
  /** How it is tried again, where it has a way of its own. */
  readonly retry?: Partial<RetryPolicy>;
  /** What is played inside it, once each time. */
  readonly inner?: Outline;
  /** All its plays go on at the same time. */
  readonly parallel?: boolean;
}

/** What a pattern is going to do. */
export interface Outline {
  readonly steps: readonly OutlineStep[];
}
