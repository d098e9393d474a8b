import { Failure } from "../core/errors.ts";
import { definePattern, type RunContext } from "../core/pattern.ts";
import { counted } from "../core/texts.ts";
import { isOver } from "./parts.ts";
import { stalled, standstill } from "./plan/circle.ts";
import { close } from "./plan/close.ts";
import { type Course, finished, latest, type Outcome, saidOf } from "./plan/course.ts";
import { type Draft, draftPlan, priced, tooDear } from "./plan/draft.ts";
import { checkPlanInput, givenPlan, PlanInput, planAgents, type Team, teamOf } from "./plan/input.ts";
import { outlineAhead, outlineOf } from "./plan/outline.ts";
import { PlanOutput, report } from "./plan/report.ts";
import { work } from "./plan/work.ts";

/** Somebody plans, code keeps to the plan, and workers do its tasks; what fails is planned again with what was learnt. */
export const planAndExecute = definePattern({
  name: "plan_and_execute",
  version: 2,
  title: "Plan and execute",
  description:
    "A planner writes a task graph, workers do it in parallel, a synthesiser joins it; failed tasks are planned again. Use it " +
    "for a goal whose steps you do not know; plan_only shows plan and cost. Not for known steps (run_pipeline, fan_out).",
  input: PlanInput,
  output: PlanOutput,
  subject: "goal",
  agents: planAgents,
  check: checkPlanInput,
  outline: (input, limits) => {
    const team = teamOf(input, limits);
    const tasks = givenPlan(input, team);
    const planOnly = input.plan_only === true;
    return tasks ? outlineOf(team, planOnly ? [] : tasks) : outlineAhead(team, planOnly);
  },

  async run(ctx, input) {
    const team = teamOf(input, ctx.limits);
    const course: Course = { round: 0, outcomes: [], judged: [] };
    const first = await firstPlan(ctx, team, course, input);
    if (input.plan_only) return report(course, first, first);
    let last = first;
    for (let next: Draft | undefined = first; next; next = await playRound(ctx, team, course, next)) last = next;
    return report(course, first, last);
  },
});

/** The plan that was given, else the planner's. What does not fit the budget is not begun, but may be looked at. */
async function firstPlan(ctx: RunContext, team: Team, course: Course, input: PlanInput): Promise<Draft> {
  const isPriced = input.plan_only !== true;
  const tasks = givenPlan(input, team);
  if (!tasks) return draftPlan(ctx, team, course, { isPriced });
  const draft = await priced(ctx, team, { tasks });
  const dear = isPriced ? tooDear(draft) : undefined;
  if (dear) throw dear;
  return draft;
}

/** Does a plan; a new plan follows where tasks failed or the result was found wanting, as long as there may be one. */
async function playRound(ctx: RunContext, team: Team, course: Course, plan: Draft): Promise<Draft | undefined> {
  ctx.tell(`doing ${counted(plan.tasks.length, "task")}`);
  await work(ctx, team, course, plan.tasks);
  const lost = latest(course.outcomes).filter(({ status }) => status !== "succeeded");
  const next = lost.length > 0 ? await replan(ctx, team, course) : undefined;
  if (next) return next;
  requireOne(course);
  if (lost.length > 0) ctx.degrade(`${counted(lost.length, "task")} without a result: ${codesOf(lost)}`);
  await close(ctx, team, course);
  if (!course.judgement || course.judgement.ok) return undefined;
  const mended = await replan(ctx, team, course);
  if (!mended) ctx.degrade(`the validator is not content: ${saidOf(course.judgement)}`);
  return mended;
}

/** A new plan with what was learnt; none where there may be no more, it brings nothing new, or the planner knows of nothing that would help. */
async function replan(ctx: RunContext, team: Team, course: Course): Promise<Draft | undefined> {
  if (course.over || course.round >= team.replans) return undefined;
  const verdict = standstill(course);
  try {
    if (verdict.is === "stop") throw stalled(course, verdict.evidence);
    course.round++;
    const draft = await draftPlan(ctx, team, course, { isPriced: true });
    return draft.tasks.length > 0 ? draft : undefined;
  } catch (error) {
    if (!(error instanceof Failure) || finished(course.outcomes).length === 0) throw error;
    if (isOver(error) || error.code === "STALLED") course.over = error;
    ctx.degrade(`no new plan: ${error.code} ${error.message}`);
    return undefined;
  }
}

function requireOne({ outcomes, over }: Course): void {
  if (finished(outcomes).length > 0) return;
  if (over) throw over;
  const hint = outcomes.find(({ error }) => error?.hint)?.error?.hint;
  throw new Failure("NO_QUORUM", `no task succeeded: ${codesOf(outcomes)}`, hint === undefined ? {} : { hint });
}

const codesOf = (outcomes: readonly Outcome[]): string =>
  outcomes.map(({ id, status, error }) => `${id} (${error?.code ?? status})`).join(", ");
