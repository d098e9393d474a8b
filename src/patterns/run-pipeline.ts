import { z } from "zod";
import { type AgentRef, refName } from "../core/agent.ts";
import { Failure } from "../core/errors.ts";
import { definePattern, type RunContext } from "../core/pattern.ts";
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
} from "./pipeline-course.ts";
import { shortfall } from "./pipeline-gate.ts";
import { agentsOf, checkSteps, planned, Step } from "./pipeline-steps.ts";
import { counted, listed } from "./texts.ts";

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
  input: z.strictObject({ task: z.string().min(1), steps: z.array(Step).min(1).max(100) }),
  output: Output,
  subject: "task",
  agents: ({ steps }) => agentsOf(steps),
  check: ({ steps }, limits) => checkSteps(steps, limits),

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

/** A step's output that cannot be used, or the failure that left none. */
interface Rejection {
  readonly failure: Failure;
  readonly output?: unknown;
}

/** Does one step, and tells which comes next. */
async function advance(ctx: RunContext, course: Course, step: Progress, at: number): Promise<number> {
  let rejection = await attempt(ctx, course, step, at, step.planned.agent);
  if (!rejection) return at + 1;
  const back = wayBack(step, rejection);
  if (back !== undefined) {
    step.sentBack++;
    for (const later of course.steps.slice(back + 1)) delete later.output;
    note(course.steps[back], step, rejection);
    return back;
  }
  for (const agent of step.planned.step.fallback ?? []) {
    if (endsRun(rejection.failure)) break;
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

function succeed(step: Progress, output: unknown): void {
  step.status = "succeeded";
  step.output = output;
  step.notes = [];
  delete step.error;
}

/** Where a rejected step goes back to, if it may: a gate always sends back, another failure only if asked to. */
function wayBack({ planned: { back, step }, sentBack }: Progress, { failure }: Rejection): number | undefined {
  const may = failure.code === "GATE_FAILED" || step.on_error === "back_to";
  if (!back || !may || endsRun(failure)) return undefined;
  return sentBack + 1 < back.rounds ? back.to : undefined;
}

function note(to: Progress | undefined, from: Progress, { failure, ...made }: Rejection): void {
  if (!to) return;
  const others = to.notes.filter((known) => known.from !== from.planned.name);
  to.notes = [...others, { from: from.planned.name, problem: failure.message, ...made }];
}

/** Nobody could do the step: what was asked for in that case happens, and the next step or an end follows. */
async function giveUp(
  ctx: RunContext,
  course: Course,
  step: Progress,
  at: number,
  rejection: Rejection,
): Promise<number> {
  const failure = inWords(step, rejection.failure);
  step.error = failure.toJSON();
  if (endsRun(failure)) return stop(ctx, course, step, failure);
  delete step.output;
  const { on_error } = step.planned.step;
  if (on_error === "skip") skip(ctx, step, failure);
  else if (on_error === "human") await askHuman(ctx, step, failure, rejection);
  else throw failure;
  return at + 1;
}

function inWords({ planned: { name, back }, rounds }: Progress, failure: Failure): Failure {
  if (failure.code !== "GATE_FAILED") return failure;
  const hint = back
    ? "Loosen the gate, give more max_rounds, or say what happens then with on_error."
    : "Set back_to or max_rounds to have it done again with what was wrong, or on_error.";
  const message = `step ${listed([name])} did not pass its gate in ${counted(rounds, "round")}: ${failure.message}`;
  return new Failure("GATE_FAILED", message, { step: name, hint });
}

/** The run is out of money or time: what is done is the result, and it says so. */
function stop(ctx: RunContext, course: Course, step: Progress, failure: Failure): number {
  if (!lastBefore(course, course.steps.length)) throw failure;
  step.status = "failed";
  ctx.degrade(`stopped at step ${listed([step.planned.name])}: ${failure.message}`);
  return course.steps.length;
}

function skip(ctx: RunContext, step: Progress, failure: Failure): void {
  step.status = "skipped";
  step.notes = [];
  ctx.degrade(`step ${listed([step.planned.name])} was skipped: ${failure.code} ${failure.message}`);
}

/** A person sees what went wrong: a value becomes the output, approval takes what there is, rejection fails the run. */
async function askHuman(ctx: RunContext, step: Progress, failure: Failure, made: Rejection): Promise<void> {
  const { name } = step.planned;
  const answer = await ctx.wait(`${name}-decision`, {
    kind: "approval",
    show: {
      step: name,
      problem: failure.message,
      ...("output" in made && { output: made.output }),
      choices: {
        approve: "output" in made ? "go on with this output" : "go on without this step",
        reject: "the run fails",
        answer: "the value is this step's output",
      },
    },
  });
  if (answer.how === "rejected" || answer.how === "expired") {
    const why = answer.how === "rejected" && answer.note !== undefined ? `: ${answer.note}` : "";
    throw new Failure("REJECTED", `a person gave up step ${listed([name])}${why}`, { step: name, cause: failure });
  }
  if (answer.value === undefined && !("output" in made)) return skip(ctx, step, failure);
  if (answer.value !== undefined) step.agent = "human";
  succeed(step, answer.value ?? made.output);
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
