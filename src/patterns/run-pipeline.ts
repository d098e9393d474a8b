import { z } from "zod";
import { endsRun } from "../core/errors.ts";
import { definePattern, type RunContext } from "../core/pattern.ts";
import { NO_STALL } from "../core/stalls.ts";
import { judgesItself, tooFew } from "./advice.ts";
import { attempt, forgetAfter, isUnjudged, note, wayBack } from "./pipeline/attempt.ts";
import { stalled, watch } from "./pipeline/circle.ts";
import { begin, type Course, type Progress } from "./pipeline/course.ts";
import { outlinePipeline } from "./pipeline/outline.ts";
import { PipelineOutput, report } from "./pipeline/report.ts";
import { agentsOf, checkSteps, planned, Step } from "./pipeline/steps.ts";
import { giveUp } from "./pipeline/way-out.ts";

/** Agents one after another, with gates between them that send work back, and a way out for each step that fails. */
export const runPipeline = definePattern({
  name: "run_pipeline",
  version: 2,
  title: "Run a pipeline",
  description:
    "Agents work in order; each sees the task, the last output and what it reads. Gates check quality and can send work " +
    "back. Use it for dependent stages (draft, review, edit). Not for independent work (fan_out).",
  input: z.strictObject({ task: z.string().min(1), steps: z.array(Step).min(1).max(1000) }),
  output: PipelineOutput,
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
  const verdict = back === undefined ? NO_STALL : watch(course, at, rejection);
  if (back !== undefined && verdict.is !== "stop") {
    step.sentBack++;
    forgetAfter(course, back);
    note(course.steps[back], step, rejection, verdict);
    return back;
  }
  let last = verdict.is === "stop" ? stalled(step, rejection, verdict.evidence) : rejection;
  for (const agent of step.planned.step.fallback ?? []) {
    if (endsRun(rejection.failure) || isUnjudged(rejection)) break;
    if (rejection.failure.code === "GATE_FAILED") note(step, step, rejection);
    const again = await attempt(ctx, course, step, at, agent);
    if (!again) return at + 1;
    rejection = last = again;
  }
  return giveUp(ctx, course, step, at, last);
}
