import { Failure } from "../../core/errors.ts";
import { FENCE_RULE } from "../../core/fence.ts";
import type { RunContext } from "../../core/pattern.ts";
import { mayHaveWaited, type Verdict, warned } from "../../core/stalls.ts";
import { paragraphs, quoted } from "../../core/texts.ts";
import { isOver } from "../parts.ts";
import { bestOf, type Draft, faultsOf, standstill } from "./draft.ts";
import { conditionOf, criteriaOf, type RefineInput, roundsOf } from "./input.ts";
import { criteriaText, review } from "./review.ts";

/** `stall`: what came was there before; `failure`: maker or critic failed when there was already a draft to keep; `limit`: the run's money or time. */
export const STOPS = ["threshold", "max_rounds", "no_improvement", "stall", "failure", "limit"] as const;

/** A refinement as far as it has come. */
export interface Course {
  readonly drafts: readonly Draft[];
  readonly best: Draft;
  readonly stopped_by: (typeof STOPS)[number];
  /** What came again and again, where that stopped it. */
  readonly evidence?: string;
}

const PATIENCE = 2;

/** Makes drafts until one is good enough, the rounds are over, or two in a row are nothing new or no better than the best. */
export async function refineUntil(ctx: RunContext, input: RefineInput): Promise<Course> {
  const rounds = roundsOf(input, ctx.limits);
  const when = conditionOf(input);
  const drafts: Draft[] = [];
  for (let round = 1; ; round++) {
    ctx.tell(`round ${round} of ${rounds}`);
    let made: Made | undefined;
    try {
      made = await make(ctx, input, drafts);
      drafts.push({ round, ...made, review: await review(ctx, input, when, made.output) });
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      return broken(ctx, drafts, round, made, error);
    }
    const best = bestOf(drafts);
    const verdict = standstill(drafts);
    const stopped_by = stopOf(input, drafts, best, rounds, verdict);
    if (best && stopped_by) return { drafts, best, stopped_by, ...(stopped_by === "stall" && evidenceOf(verdict)) };
  }
}

const evidenceOf = (verdict: Verdict): Pick<Course, "evidence"> =>
  verdict.is === "stop" ? { evidence: verdict.evidence } : {};

function stopOf(
  { threshold }: RefineInput,
  drafts: readonly Draft[],
  best: Draft | undefined,
  rounds: number,
  { is }: Verdict,
): Course["stopped_by"] | undefined {
  if (best && best.review.score !== null && best.review.score >= threshold) return "threshold";
  if (is === "stop") return "stall";
  if (drafts.length >= rounds) return "max_rounds";
  return best && drafts.length - best.round >= PATIENCE ? "no_improvement" : undefined;
}

/** What is there is kept: the best draft, or at the end of the run's money one that nobody could judge any more. */
function broken(
  ctx: RunContext,
  drafts: readonly Draft[],
  round: number,
  made: Made | undefined,
  failure: Failure,
): Course {
  const over = isOver(failure);
  const unjudged =
    over && made !== undefined ? { round, ...made, review: { score: null, problem: failure.message } } : undefined;
  const best = bestOf(drafts) ?? unjudged;
  if (!best) throw failure;
  ctx.degrade(`stopped in round ${round}: ${failure.code} ${failure.message}`);
  return { drafts: unjudged ? [...drafts, unjudged] : drafts, best, stopped_by: over ? "limit" : "failure" };
}

type Made = Pick<Draft, "output" | "waited">;

/**
 * A draft, from the best one so far and what was wrong with it: to go on from the last, where that was worse, would be to
 * mend what is to be thrown away. Of later tries only what was wrong with them is told, so that it is not done again.
 */
async function make(ctx: RunContext, input: RefineInput, drafts: readonly Draft[]): Promise<Made> {
  const best = bestOf(drafts);
  const later = best ? drafts.slice(best.round) : [];
  const answer = await ctx.call(input.maker, {
    name: "draft",
    prompt: paragraphs(
      `# Task\n\n${input.task}`,
      criteriaText(criteriaOf(input)),
      best && quoted("# The best draft so far", "draft", best.output),
      best && quoted("# What is wrong with it", "faults", faultsOf(best.review)),
      ...later.map(({ round, review }) =>
        quoted("# What was wrong with a later try", `try ${round}`, faultsOf(review)),
      ),
      warned(standstill(drafts)),
      best && "Write it again, whole, so that nothing of this is wrong any more and what was good stays.",
    ),
    ...(best && { brief: FENCE_RULE }),
    cache: false,
  });
  return { output: answer.output, waited: mayHaveWaited(answer) };
}
