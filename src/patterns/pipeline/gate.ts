import { z } from "zod";
import { Failure } from "../../core/errors.ts";
import { FENCE_RULE } from "../../core/fence.ts";
import type { Budget } from "../../core/limits.ts";
import type { RunContext } from "../../core/pattern.ts";
import { misfit } from "../../core/shape.ts";
import { mayHaveWaited } from "../../core/stalls.ts";
import { asText, paragraphs, quoted } from "../../core/texts.ts";
import { clamped } from "../vote/tally.ts";
import type { Planned } from "./steps.ts";

const Review = z.object({
  score: z.number().describe("From 0 (useless) to 1 (nothing to mend)"),
  reasons: z.array(z.string()).describe("Each fault that must be mended"),
});

const JUDGE = paragraphs(
  "Judge the output: does it do what this step of the task must do? Score it from 0 (useless) to 1 (nothing to mend), and " +
    "name each fault that must be mended.",
  FENCE_RULE,
);

/** What a gate looks at. */
export interface Work {
  readonly task: string;
  readonly output: unknown;
  readonly steps: Readonly<Record<string, unknown>>;
}

/** Why an output does not pass. */
export interface Shortfall {
  readonly problem: string;
  /** Whoever judged it may have waited for somebody. */
  readonly waited: boolean;
}

/** Why a step's output does not pass its gate; undefined where it does. What costs nothing is asked first. */
export async function shortfall(
  ctx: RunContext,
  planned: Planned,
  work: Work,
  budget: Budget | undefined,
): Promise<Shortfall | undefined> {
  const { gate } = planned.step;
  const misfits = gate?.schema && schemaMisfit(work.output, gate.schema);
  const problem = misfits ? `it does not fit its schema: ${misfits}` : conditionMisfit(planned, work);
  return problem === undefined ? criticism(ctx, planned, work, budget) : { problem, waited: false };
}

/** A text that is JSON is judged as the value it holds. */
function schemaMisfit(output: unknown, schema: Readonly<Record<string, unknown>>): string | undefined {
  const problem = misfit(output, schema);
  if (problem === undefined || typeof output !== "string") return problem;
  try {
    return misfit(JSON.parse(output), schema);
  } catch (error) {
    if (error instanceof Failure) throw error;
    return `${problem}; and it is no JSON`;
  }
}

function conditionMisfit({ when }: Planned, { output, task, steps }: Work): string | undefined {
  try {
    return when && !when.holds({ output, task, steps }) ? `the condition \`${when.text}\` does not hold` : undefined;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return error.message;
  }
}

async function criticism(
  ctx: RunContext,
  { name, critic, step }: Planned,
  { task, output }: Work,
  budget: Budget | undefined,
): Promise<Shortfall | undefined> {
  if (!critic) return undefined;
  const answer = await ctx.call(critic.agent, {
    name: `${name}-gate`,
    prompt: paragraphs(
      `# Task\n\n${task}`,
      step.instructions && `# What this step must do\n\n${step.instructions}`,
      quoted("# Output", name, output),
    ),
    brief: JUDGE,
    shape: Review,
    cache: false,
    ...(budget && { budget }),
  });
  const { output: review } = answer;
  const score = clamped(review.score);
  if (score >= critic.threshold) return undefined;
  const reasons = review.reasons.join("; ") || "no reason was given";
  const problem = `scored ${asText(score)}, ${critic.threshold} is needed: ${reasons}`;
  return { problem, waited: mayHaveWaited(answer) };
}
