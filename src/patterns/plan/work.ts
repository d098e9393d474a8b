import { billOf } from "../../core/bill.ts";
import { Failure } from "../../core/errors.ts";
import { FENCE_RULE } from "../../core/fence.ts";
import type { Answer, RunContext, Settled } from "../../core/pattern.ts";
import { paragraphs, quoted } from "../../core/texts.ts";
import { NO_USAGE } from "../../core/usage.ts";
import { isOver, problemOf } from "../parts.ts";
import { type Course, finished, type Outcome } from "./course.ts";
import type { PlannedTask, Team } from "./input.ts";

/** A task that was done, or the tasks without whose output it could not begin. */
type Did = Pick<Answer, "output" | "usage"> | { readonly without: readonly string[] };

const BRIEF =
  "You do one task of a plan; others do the rest of the goal. Do your task and nothing else, and return its result alone.";

/** Does the tasks of a plan, each as soon as those that it follows are done. */
export async function work(ctx: RunContext, team: Team, course: Course, tasks: readonly PlannedTask[]): Promise<void> {
  const done = new Map(finished(course.outcomes).map(({ id, output = "" }) => [id, output]));
  const places = new Map(tasks.map(({ id }, index) => [id, index]));
  const closing = closerOf(team, done.size + tasks.length);
  const settled = await ctx.map<PlannedTask, Did>(
    tasks,
    (task, branch, _, before) => doTask(branch, team, task, outputsOf(task, before, done)),
    {
      join: { kind: "settle" },
      after: tasks.map(({ after }) => after.flatMap((id) => places.get(id) ?? [])),
      ...(closing !== undefined && { closing }),
    },
  );
  course.outcomes.push(...tasks.map((task, index) => outcomeOf(task, course.round, settled[index])));
  const failures = settled.flatMap((result) => (result.ok ? [] : [Failure.fromInfo(result.error)]));
  const over = failures.find(isOver);
  if (over) course.over = over;
}

/** Who is asked once the tasks are done: money is kept for them. */
const closerOf = ({ synthesiser, isJoined, validator }: Team, parts: number): Team["validator"] =>
  parts > 1 || isJoined ? synthesiser : validator;

/** The outputs at hand for a task: of what it follows in this plan, and of what was finished before. */
function outputsOf(
  { after }: PlannedTask,
  before: readonly Settled<Did>[],
  done: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const here = after.flatMap((id, index) => {
    const result = before[index];
    return result?.ok && "output" in result.value ? [[id, result.value.output] as const] : [];
  });
  return new Map([...done, ...here]);
}

/** A task that follows one without an output does not begin. It sees the goal, its own words and what it reads. */
async function doTask(
  ctx: RunContext,
  { goal, workers }: Team,
  { id, task, worker, after, reads }: PlannedTask,
  outputs: ReadonlyMap<string, string>,
): Promise<Did> {
  const without = after.filter((one) => !outputs.has(one));
  if (without.length > 0) return { without };
  const ref = workers.find(({ name }) => name === worker)?.ref ?? worker;
  const { output, usage } = await ctx.call(ref, {
    name: id,
    prompt: paragraphs(
      `# The goal that all work for\n\n${goal}`,
      `# Your task\n\n${task}`,
      ...reads.map((one) => quoted(`# From the task ${JSON.stringify(one)}`, one, outputs.get(one))),
    ),
    brief: paragraphs(BRIEF, FENCE_RULE),
  });
  return { output, usage };
}

function outcomeOf(task: PlannedTask, round: number, result: Settled<Did> | undefined): Outcome {
  if (!result) throw new Failure("BUG", `the task ${task.id} has not ended`);
  if (!result.ok) {
    const { error, usage = NO_USAGE } = result;
    return { ...task, round, status: "failed", error: problemOf(error), usage: billOf(usage) };
  }
  if ("without" in result.value) return { ...task, round, status: "skipped" };
  const { output, usage } = result.value;
  return { ...task, round, status: "succeeded", output, usage: billOf(usage) };
}
