import { z } from "zod";
import { Failure } from "../core/errors.ts";
import { definePattern, type RunContext } from "../core/pattern.ts";
import { counted } from "../core/texts.ts";
import { judgesItself } from "./advice.ts";
import { checkRefine, RefineInput, refineOutline } from "./refine/input.ts";
import { type Course, refineUntil, STOPS } from "./refine/loop.ts";
import { Score } from "./refine/review.ts";

const Output = z.object({
  output: z.unknown().describe("The best draft, or what a person put in its place"),
  score: z.number().nullable().describe("null: nobody scored it"),
  met: z.boolean(),
  rounds: z.int(),
  best_round: z.int(),
  stopped_by: z.enum(STOPS),
  scores: z.array(Score),
  history: z.array(z.object({ round: z.int(), score: z.number().nullable(), problem: z.string().optional() })),
  human: z.enum(["approved", "replaced"]).optional().describe("What a person did with an unmet draft"),
});
type Output = z.output<typeof Output>;

/** A maker and a critic in a loop until a draft is good enough; the best draft is kept, not the last. */
export const refine = definePattern({
  name: "refine",
  version: 2,
  title: "Refine",
  description:
    "A maker drafts, a critic scores by criteria, and the faults go back until the threshold is met; the best draft is kept. " +
    "Use it for one text or artefact that must be good. Not for several stages (run_pipeline) or opposing views (debate).",
  input: RefineInput,
  output: Output,
  subject: "task",
  agents: ({ maker, critic }) => [maker, critic],
  check: checkRefine,
  outline: refineOutline,
  advice: ({ maker, critic }, who) => judgesItself("critic", critic, [maker], who),

  async run(ctx, input) {
    const course = await refineUntil(ctx, input);
    const output = reportOf(course);
    return output.met || course.stopped_by === "limit" ? output : unmet(ctx, input, output, course.evidence);
  },
});

function reportOf({ drafts, best, stopped_by }: Course): Output {
  const { review } = best;
  return {
    output: best.output,
    score: review.score,
    met: stopped_by === "threshold",
    rounds: drafts.length,
    best_round: best.round,
    stopped_by,
    scores: review.score === null ? [] : [...review.scores],
    history: drafts.map(({ round, review }) => ({
      round,
      score: review.score,
      ...(review.score === null && { problem: review.problem }),
    })),
  };
}

/** The best is not good enough: it is reported as it is, refused, or laid before a person. */
async function unmet(
  ctx: RunContext,
  input: RefineInput,
  output: Output,
  evidence: string | undefined,
): Promise<Output> {
  const short = shortfallOf(input, output, evidence);
  if (input.on_unmet === "human") return askHuman(ctx, input, output, short);
  if (input.on_unmet === "report") {
    ctx.degrade(short);
    return output;
  }
  if (evidence !== undefined) {
    throw new Failure("STALLED", short, {
      hint: "Name another maker or critic, say in the criteria what is missing, or take the best there is with on_unmet: report or human.",
    });
  }
  throw new Failure("GATE_FAILED", short, {
    hint: "Lower the threshold, give more max_rounds, or take the best there is with on_unmet: report or human.",
  });
}

function shortfallOf(
  { threshold }: RefineInput,
  { score, rounds, history }: Output,
  evidence: string | undefined,
): string {
  const best =
    score === null ? `no draft was worth scoring: ${history.at(-1)?.problem}` : `the best draft scored ${score}`;
  const short = `${best}; ${threshold} is needed (${counted(rounds, "round")})`;
  return evidence === undefined ? short : `${short}; STALLED, nothing new came: ${evidence}`;
}

/** A person sees the best draft and what it lacks. Approval takes it, a value stands in its place, rejection fails the run. */
async function askHuman(
  ctx: RunContext,
  { task, threshold }: RefineInput,
  output: Output,
  short: string,
): Promise<Output> {
  const answer = await ctx.wait("decision", {
    kind: "approval",
    show: {
      task,
      problem: short,
      draft: output.output,
      score: output.score,
      threshold,
      missing: output.scores.filter(({ score }) => score < 1),
      approve: "take this draft, or the value given",
      reject: "the run fails",
    },
  });
  if (answer.how === "rejected" || answer.how === "expired") {
    const why = answer.how === "rejected" && answer.note !== undefined ? `: ${answer.note}` : "";
    throw new Failure("REJECTED", `a person did not take the best draft${why}`);
  }
  if (answer.value === undefined) return { ...output, human: "approved" };
  return { ...output, output: answer.value, score: null, scores: [], human: "replaced" };
}
