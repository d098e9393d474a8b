import { z } from "zod";
import { fingerprint } from "./fingerprint.ts";
import type { JsonSchema } from "./provider.ts";

/** What a person may say to a step that waits for them. */
const CHOICES = ["approve", "reject", "edit", "answer"] as const;
export type Choice = (typeof CHOICES)[number];

/** A decision as somebody sends it. */
export const DecisionRequest = z.strictObject({
  step: z.string().optional().describe("needed where several wait"),
  decision: z.enum([...CHOICES, "raise_budget"]),
  approval: z.string().optional().describe("hash in waiting_for; for approve, reject, edit"),
  value: z
    .unknown()
    .optional()
    .describe("the answer; what an edit approves instead; new caps {usd, tokens, calls, seconds}"),
  note: z.string().max(10_000).optional(),
});
export type DecisionRequest = z.output<typeof DecisionRequest>;

/** What is going to be done, exactly. */
interface Action {
  readonly name: string;
  /** An edit puts others in their place. */
  readonly arguments?: unknown;
}

/** What is taken for a decision where nobody decides in time. */
type Fallback = { readonly how: "approved" | "rejected" } | { readonly how: "answered"; readonly value: unknown };

/** What a decision is held to, as it was when it was asked for. */
export interface Terms {
  readonly action?: Action;
  /** `name@version` of what asks, where it is not the run's own pattern. */
  readonly definition?: string;
  /** A wrong decision does harm: the model that has called for the run may not make it. */
  readonly high_risk?: boolean;
  /** May the model that has called for the run decide? Unsaid: as the settings have it. */
  readonly self?: boolean;
  /** Of these approvers, by the names of their tokens, one must decide; unsaid: anybody who may decide at all. */
  readonly approvers?: readonly string[];
  /** What may be said; unsaid: what goes with the kind of the wait. */
  readonly choices?: readonly Choice[];
  /** What a value must be that is said in an answer or an edit. */
  readonly schema?: JsonSchema;
  readonly default?: Fallback;
  /** After so many seconds it is told again, with this note. */
  readonly escalate?: { readonly after_seconds: number; readonly note?: string };
}

/** What an approval stands for: this run, this step, what is shown, the action with its arguments, by this definition. */
export interface Bound extends Pick<Terms, "action" | "definition"> {
  readonly run: string;
  readonly place: string;
  readonly show: unknown;
}

/** The hash that a decision names, so that it counts for nothing else. */
export const approvalOf = (bound: Bound): string => fingerprint(bound);
