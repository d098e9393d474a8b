import type { Bill } from "../../core/bill.ts";
import type { Failure } from "../../core/errors.ts";
import type { State } from "../../core/stalls.ts";
import type { Problem } from "../parts.ts";
import type { PlannedTask } from "./input.ts";

/** A task as it came out. */
export interface Outcome extends PlannedTask {
  /** The plan it belongs to: 0 is the first, each re-plan is one more. */
  readonly round: number;
  readonly status: "succeeded" | "failed" | "skipped";
  readonly output?: string;
  readonly error?: Problem;
  readonly usage?: Bill;
}

/** What a validator says of a result. */
export interface Judgement {
  readonly ok: boolean;
  readonly problems: readonly string[];
  readonly confidence: number;
}

/** A goal as far as it has come. */
export interface Course {
  round: number;
  readonly outcomes: Outcome[];
  output?: string;
  judgement?: Judgement;
  /** Each judgement that was not content. */
  readonly judged: State[];
  /** Nothing more is planned: no money or time is left, or it brings nothing new. */
  over?: Failure;
}

/** The tasks whose output stands. */
export const finished = (outcomes: readonly Outcome[]): Outcome[] =>
  outcomes.filter(({ status }) => status === "succeeded");

/** What came of the tasks of the last plan that had any. */
export const latest = (outcomes: readonly Outcome[]): Outcome[] =>
  outcomes.filter(({ round }) => round === outcomes.at(-1)?.round);

/** What a validator has against a result, in its words. */
export const saidOf = ({ problems }: Judgement): string => problems.join("; ") || "it named no problem";
