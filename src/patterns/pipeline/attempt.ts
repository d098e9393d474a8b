import { type AgentRef, refName } from "../../core/agent.ts";
import { endsRun, Failure } from "../../core/errors.ts";
import type { RunContext } from "../../core/pattern.ts";
import { mayHaveWaited, NO_STALL, type Verdict } from "../../core/stalls.ts";
import { given } from "../parts.ts";
import { budgetLeft, type Course, metered, outputsBefore, type Progress, promptOf, succeed } from "./course.ts";
import { shortfall } from "./gate.ts";
import { readBy } from "./shown.ts";
import type { Rejection } from "./way-out.ts";

/** One agent does the step once; undefined where its output passes. */
export async function attempt(
  ctx: RunContext,
  course: Course,
  step: Progress,
  at: number,
  agent: AgentRef,
): Promise<Rejection | undefined> {
  const { name, step: said } = step.planned;
  let made: { readonly output?: unknown } = {};
  step.rounds++;
  step.waited = false;
  step.agent = refName(agent);
  try {
    const read = await metered(ctx, step, () => readBy(ctx, course, at, budgetLeft(step)));
    const answer = await metered(ctx, step, () =>
      ctx.call<unknown>(agent, {
        name,
        ...promptOf(course, at, read),
        ...(said.output_schema && { shape: said.output_schema }),
        ...(said.timeout_seconds !== undefined && { seconds: said.timeout_seconds }),
        ...(said.retry && { retry: given(said.retry) }),
        ...(said.budget && { budget: budgetLeft(step) ?? said.budget }),
        ...(said.cache && { cache: said.cache }),
        ...(step.rounds > 1 && { cache: false as const }),
      }),
    );
    const { output } = answer;
    made = { output };
    step.waited = mayHaveWaited(answer);
    const work = { task: course.task, output, steps: outputsBefore(course, at) };
    const short = await metered(ctx, step, () => shortfall(ctx, step.planned, work, budgetLeft(step)));
    step.waited ||= short?.waited ?? false;
    if (short) return { ...made, failure: new Failure("GATE_FAILED", short.problem) };
    succeed(step, output);
    return undefined;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { ...made, failure: error };
  }
}

/** Where a rejected step goes back to, if it may: a gate always sends back, another failure only if asked to. */
export function wayBack({ planned: { back, step }, sentBack }: Progress, rejection: Rejection): number | undefined {
  const { failure } = rejection;
  const may = failure.code === "GATE_FAILED" || step.on_error === "back_to";
  if (!back || !may || endsRun(failure) || isUnjudged(rejection)) return undefined;
  return sentBack + 1 < back.rounds ? back.to : undefined;
}

/** The output is there, and whoever had to judge it failed: doing it again would mend nothing. */
export const isUnjudged = (rejection: Rejection): boolean =>
  "output" in rejection && rejection.failure.code !== "GATE_FAILED";

/** What was built on an output that is to be made again no longer stands. */
export function forgetAfter(course: Course, at: number): void {
  for (const later of course.steps.slice(at + 1)) {
    delete later.output;
    delete later.status;
  }
}

/** Tells a step what was wrong with what it, or one after it, has made. */
export function note(
  to: Progress | undefined,
  { planned: { name } }: Progress,
  rejection: Rejection,
  verdict: Verdict = NO_STALL,
): void {
  if (!to) return;
  const rejected = "output" in rejection && { rejected: rejection.output };
  const others = to.notes.filter(({ from }) => from !== name);
  to.notes = [...others, { from: name, problem: rejection.failure.message, verdict, ...rejected }];
}
