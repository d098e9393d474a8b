import { z } from "zod";
import { type AgentRef, refName } from "../core/agent.ts";
import { Failure } from "../core/errors.ts";
import { definePattern, type RunContext } from "../core/pattern.ts";
import { judgesItself, tooFew } from "./advice.ts";
import { given, Problem, problemOf } from "./parts.ts";
import {
  begin,
  budgetLeft,
  type Course,
  endsRun,
  lastBefore,
  metered,
  outputsBefore,
  type Progress,
  promptOf,
  succeed,
} from "./pipeline-course.ts";
import { shortfall } from "./pipeline-gate.ts";
import { outlinePipeline } from "./pipeline-outline.ts";
import { agentsOf, checkSteps, planned, Step } from "./pipeline-steps.ts";
import { giveUp, type Rejection } from "./pipeline-way-out.ts";

const Output = z.object({
  output: z.unknown().describe("The last step's output"),
  steps: z.array(
    z.object({
      name: z.string(),
      agent: z.string().describe("Who made the output"),
      status: z.enum(["succeeded", "skipped", "failed"]),
      rounds: z.int().describe("How often it was done"),
      output: z.unknown().optional(),
      error: Problem.optional(),
    }),
  ),
});

/** Agents one after another, with gates between them that send work back, and a way out for each step that fails. */
export const runPipeline = definePattern({
  name: "run_pipeline",
  version: 1,
  title: "Run a pipeline",
  description:
    "Agents work in order; each sees the task, the last output and what it reads. Gates check quality and can send work " +
    "back. Use it for dependent stages (draft, review, edit). Not for independent work (fan_out).",
  input: z.strictObject({ task: z.string().min(1), steps: z.array(Step).min(1).max(1000) }),
  output: Output,
  subject: "task",
  agents: ({ steps }) => agentsOf(steps),
  check: ({ steps }, limits) => checkSteps(steps, limits),
  outline: outlinePipeline,
  advice: ({ steps }, who) => [
    ...tooFew(steps.length, "step"),
    ...planned(steps).flatMap(({ agent, critic }) =>
      critic ? judgesItself("critic", critic.agent, [agent], who) : [],
    ),
  ],

  async run(ctx, { task, steps }) {
    const course = begin(task, planned(steps));
    let at = 0;
    for (let step = course.steps[at]; step; step = course.steps[at]) {
      ctx.tell(`step ${at + 1} of ${steps.length}: ${step.planned.name}`);
      at = await advance(ctx, course, step, at);
    }
    return report(course);
  },
});

/** Does one step, and tells which comes next. */
async function advance(ctx: RunContext, course: Course, step: Progress, at: number): Promise<number> {
  let rejection = await attempt(ctx, course, step, at, step.planned.agent);
  if (!rejection) return at + 1;
  const back = wayBack(step, rejection);
  if (back !== undefined) {
    step.sentBack++;
    forgetAfter(course, back);
    note(course.steps[back], step, rejection);
    return back;
  }
  for (const agent of step.planned.step.fallback ?? []) {
    if (endsRun(rejection.failure) || isUnjudged(rejection)) break;
    if (rejection.failure.code === "GATE_FAILED") note(step, step, rejection);
    const again = await attempt(ctx, course, step, at, agent);
    if (!again) return at + 1;
    rejection = again;
  }
  return giveUp(ctx, course, step, at, rejection);
}

/** One agent does the step once; undefined where its output passes. */
async function attempt(
  ctx: RunContext,
  course: Course,
  step: Progress,
  at: number,
  agent: AgentRef,
): Promise<Rejection | undefined> {
  const { name, step: said } = step.planned;
  let made: { readonly output?: unknown } = {};
  step.rounds++;
  step.agent = refName(agent);
  try {
    const { output } = await metered(ctx, step, () =>
      ctx.call<unknown>(agent, {
        name,
        ...promptOf(course, at),
        ...(said.output_schema && { shape: said.output_schema }),
        ...(said.timeout_seconds !== undefined && { seconds: said.timeout_seconds }),
        ...(said.retry && { retry: given(said.retry) }),
        ...(said.budget && { budget: budgetLeft(step) ?? said.budget }),
        ...(said.cache && { cache: said.cache }),
        ...(step.rounds > 1 && { cache: false as const }),
      }),
    );
    made = { output };
    const work = { task: course.task, output, steps: outputsBefore(course, at) };
    const problem = await metered(ctx, step, () => shortfall(ctx, step.planned, work, budgetLeft(step)));
    if (problem !== undefined) return { ...made, failure: new Failure("GATE_FAILED", problem) };
    succeed(step, output);
    return undefined;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { ...made, failure: error };
  }
}

/** Where a rejected step goes back to, if it may: a gate always sends back, another failure only if asked to. */
function wayBack({ planned: { back, step }, sentBack }: Progress, rejection: Rejection): number | undefined {
  const { failure } = rejection;
  const may = failure.code === "GATE_FAILED" || step.on_error === "back_to";
  if (!back || !may || endsRun(failure) || isUnjudged(rejection)) return undefined;
  return sentBack + 1 < back.rounds ? back.to : undefined;
}

/** The output is there, and whoever had to judge it failed: doing it again would mend nothing. */
const isUnjudged = (rejection: Rejection): boolean => "output" in rejection && rejection.failure.code !== "GATE_FAILED";

/** What was built on an output that is to be made again no longer stands. */
function forgetAfter(course: Course, at: number): void {
  for (const later of course.steps.slice(at + 1)) {
    delete later.output;
    delete later.status;
  }
}

function note(to: Progress | undefined, { planned: { name } }: Progress, rejection: Rejection): void {
  if (!to) return;
  const rejected = "output" in rejection && { rejected: rejection.output };
  const others = to.notes.filter(({ from }) => from !== name);
  to.notes = [...others, { from: name, problem: rejection.failure.message, ...rejected }];
}

function report(course: Course): z.output<typeof Output> {
  const last = lastBefore(course, course.steps.length);
  const failed = course.steps.findLast(({ error }) => error)?.error;
  if (!last) throw failed ? Failure.fromInfo(failed) : new Failure("BUG", "a pipeline ended without an output");
  return {
    output: last.output,
    steps: course.steps.map(({ planned: { name }, agent, status = "skipped", rounds, output, error }) => ({
      name,
      agent,
      status,
      rounds,
      ...(output !== undefined && { output }),
      ...(error && { error: problemOf(error) }),
    })),
  };
}
