import { z } from "zod";
import { Failure } from "../../core/errors.ts";
import { FENCE_RULE } from "../../core/fence.ts";
import type { RunContext } from "../../core/pattern.ts";
import { mayHaveWaited } from "../../core/stalls.ts";
import { listed, paragraphs, quoted } from "../../core/texts.ts";
import { isOver } from "../parts.ts";
import { clamped } from "../vote/tally.ts";
import { stateOfJudgement } from "./circle.ts";
import { type Course, finished, type Judgement, latest, saidOf } from "./course.ts";
import type { Team } from "./input.ts";

const JOIN = paragraphs(
  "Reach the goal out of the results of the tasks that were done for it. Answer the goal itself. Say nothing twice; put what matters most " +
    "first. Where results contradict each other, decide by what they give as grounds, and say so. Add nothing that they do not hold. If " +
    "what is missing matters, say that it is missing.",
  FENCE_RULE,
);

const JUDGE = paragraphs(
  "Judge whether the result reaches the goal. It does not where something that the goal asks for is missing, wrong or without ground. Name " +
    "each problem that must be mended so that somebody else can mend it; matters of taste are none.",
  FENCE_RULE,
);

const Verdict = z.object({
  ok: z.boolean().describe("It reaches the goal"),
  problems: z.array(z.string()).describe("What must be mended; none if ok"),
  confidence: z.number().describe("How sure you are, from 0 to 1"),
});

/** Makes one result of what is finished, and has it judged where somebody is named for that. */
export async function close(ctx: RunContext, team: Team, course: Course): Promise<void> {
  const output = await attempted(ctx, course, "the results could not be joined", () => join(ctx, team, course));
  if (output === undefined) return;
  course.output = output;
  delete course.judgement;
  const { validator } = team;
  if (validator === undefined) return;
  const judgement = await attempted(ctx, course, "the result could not be judged", () =>
    judge(ctx, team, validator, output),
  );
  if (!judgement) return;
  const { waited, ...said } = judgement;
  course.judgement = said;
  if (!said.ok) course.judged.push(stateOfJudgement(said, output, waited));
}

/** What is paid for is kept: where this fails, what there is is the result, and it says so. */
async function attempted<T>(
  ctx: RunContext,
  course: Course,
  what: string,
  work: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    if (isOver(error)) course.over = error;
    ctx.degrade(`${what}: ${error.code} ${error.message}`);
    return undefined;
  }
}

/** One result is the whole result, unless somebody was named to make it so. */
async function join(ctx: RunContext, team: Team, { outcomes, output: last, judgement }: Course): Promise<string> {
  const done = finished(outcomes);
  const [only] = done;
  if (done.length === 1 && only?.output !== undefined && !team.isJoined) return only.output;
  const lost = latest(outcomes).filter(({ status }) => status !== "succeeded");
  ctx.tell("joining the results");
  const { output } = await ctx.call(team.synthesiser, {
    name: "synthesis",
    prompt: paragraphs(
      `# Goal\n\n${team.goal}`,
      "# Results",
      ...done.map(({ id, task, output }) => quoted(`${JSON.stringify(id)}: ${task}`, id, output)),
      lost.length > 0 ? `Without a result: ${listed(lost.map(({ id }) => id))}.` : undefined,
      last !== undefined && judgement ? quoted("# What was made of them before", "result", last) : undefined,
      judgement && quoted("# What was wrong with that", "problems", saidOf(judgement)),
    ),
    brief: JOIN,
    closing: true,
  });
  return output;
}

async function judge(
  ctx: RunContext,
  { goal }: Team,
  validator: NonNullable<Team["validator"]>,
  result: string,
): Promise<Judgement & { readonly waited: boolean }> {
  ctx.tell("judging the result");
  const answer = await ctx.call(validator, {
    name: "validation",
    prompt: paragraphs(`# Goal\n\n${goal}`, quoted("# Result", "result", result)),
    brief: JUDGE,
    shape: Verdict,
    cache: false,
    closing: true,
  });
  const { output } = answer;
  return { ...output, confidence: clamped(output.confidence), waited: mayHaveWaited(answer) };
}
