import { z } from "zod";
import type { Condition } from "../../core/condition.ts";
import { Failure } from "../../core/errors.ts";
import { FENCE_RULE } from "../../core/fence.ts";
import type { RunContext } from "../../core/pattern.ts";
import { misfit } from "../../core/shape.ts";
import { mayHaveWaited } from "../../core/stalls.ts";
import { paragraphs, quoted } from "../../core/texts.ts";
import { clamped } from "../vote/tally.ts";
import { type Criterion, criteriaOf, type RefineInput } from "./input.ts";

export const Score = z.object({ criterion: z.string(), score: z.number(), reason: z.string() });
type Score = z.output<typeof Score>;

/** What is known of a draft: its scores, or why it is not worth scoring. */
export type Review =
  | {
      readonly score: number;
      readonly scores: readonly Score[] /** The critic may have waited for somebody. */;
      readonly waited: boolean;
    }
  | { readonly score: null; readonly problem: string };

/** Judges a draft. What code can tell is asked first, so that no critic is paid for a draft that is plainly wrong. */
export async function review(
  ctx: RunContext,
  input: RefineInput,
  when: Condition | undefined,
  draft: string,
): Promise<Review> {
  const problem = plainFault(input, when, draft);
  return problem === undefined ? criticise(ctx, input, draft) : { score: null, problem };
}

function plainFault({ task, check }: RefineInput, when: Condition | undefined, draft: string): string | undefined {
  const output = readJson(draft);
  const faults = check?.schema && misfit(output, check.schema);
  if (faults !== undefined) return `it does not fit its schema: ${faults}`;
  try {
    return when?.holds({ output: check?.schema ? output : draft, task }) === false
      ? `the condition \`${when.text}\` does not hold`
      : undefined;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return error.message;
  }
}

/** A draft that is JSON is checked as the value it holds. */
function readJson(draft: string): unknown {
  try {
    return JSON.parse(draft.trim().replace(/^```\w*\s*|\s*```$/g, ""));
  } catch {
    return draft;
  }
}

const REVIEW = paragraphs(
  "Judge the draft by each criterion alone: a score from 0 (fails it) to 1 (nothing to mend), and the reason, which names " +
    "what must be mended. Use the whole range; let the score follow from the reason.",
  FENCE_RULE,
);

async function criticise(ctx: RunContext, input: RefineInput, draft: string): Promise<Review> {
  const criteria = criteriaOf(input);
  const answer = await ctx.call(input.critic, {
    name: "review",
    prompt: paragraphs(`# Task\n\n${input.task}`, criteriaText(criteria), quoted("# Draft", "draft", draft)),
    brief: REVIEW,
    shape: shapeOf(criteria.length),
    cache: false,
  });
  const scores = criteria.map(({ name }, index) => {
    const { score = 0, reason = "" } = answer.output[keyOf(index)] ?? {};
    return { criterion: name, score: clamped(score), reason };
  });
  return { score: mean(criteria, scores), scores, waited: mayHaveWaited(answer) };
}

/** The criteria under the keys that they are scored by: a name of the caller's may be no key that every vendor takes. */
export const criteriaText = (criteria: readonly Criterion[]): string =>
  paragraphs(
    "# Criteria",
    criteria
      .map(({ name, description }, index) => `- ${keyOf(index)}: ${name}${description ? `. ${description}` : ""}`)
      .join("\n"),
  );

const keyOf = (index: number): string => `criterion_${index + 1}`;
const One = z.object({ reason: z.string(), score: z.number() });

const shapeOf = (criteria: number): z.ZodType<Record<string, z.output<typeof One>>> =>
  z.object(Object.fromEntries(Array.from({ length: criteria }, (_, index) => [keyOf(index), One])));

/** The weighted mean, to a millionth, so that the order of adding never makes one score beat another. */
function mean(criteria: readonly Criterion[], scores: readonly Score[]): number {
  const whole = criteria.reduce((sum, { weight }) => sum + weight, 0);
  const sum = criteria.reduce((total, { weight }, index) => total + weight * (scores[index]?.score ?? 0), 0);
  return Math.round((sum / whole) * 1_000_000) / 1_000_000;
}
