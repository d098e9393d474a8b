import { z } from "zod";
import { Failure } from "../../core/errors.ts";
import { FENCE_RULE } from "../../core/fence.ts";
import type { RunContext } from "../../core/pattern.ts";
import { stallOf, type Verdict, warned } from "../../core/stalls.ts";
import { paragraphs, quoted } from "../../core/texts.ts";
import { nameShape } from "../names.ts";
import { standstill, stateOfPlan } from "./circle.ts";
import { type Course, finished } from "./course.ts";
import { type Estimate, estimateOf, excess } from "./estimate.ts";
import { readPlan } from "./graph.ts";
import type { PlannedTask, Team } from "./input.ts";
import { learnt } from "./learnt.ts";

/** A plan that can be done, and what it will use. */
export interface Draft {
  readonly tasks: readonly PlannedTask[];
  readonly approach?: string;
  readonly estimate?: Estimate;
}

/** A plan that cannot be done, and why. */
interface Wrong {
  readonly tasks: readonly PlannedTask[];
  readonly problem: string;
}

const RULES =
  "Write a plan that reaches the goal: tasks, each for one worker. You do not do the tasks yourself. Give a worker in `task` all it needs " +
  "to know: it sees the goal, its task and the outputs of the tasks that it reads, and nothing else. Name in `reads` the tasks whose " +
  "outputs it needs, and in `after` those that it must follow without reading them. Tasks that do not wait for each other are done at " +
  "the same time. Make as few tasks as the goal needs; one is enough for what one worker can do. Joining the results is no task: " +
  "somebody does it at the end.";

const AGAIN =
  "Part of it has been done already. Plan only what is still to be done: new tasks, with ids of their own, which may read the finished " +
  "ones. What failed is not to be tried again in the same words by the same worker. Give no task at all if nothing is left that would help.";

const SENT_BACK = 2;

/** Asks the planner for a plan, and sends it back with what is wrong: twice if it cannot be done, once if it is too dear. */
export async function draftPlan(
  ctx: RunContext,
  team: Team,
  course: Course,
  { isPriced }: { readonly isPriced: boolean },
): Promise<Draft> {
  const sentBack: Wrong[] = [];
  let tries = { wrong: 0, dear: 0 };
  for (;;) {
    const { approach, plan } = await askPlanner(ctx, team, course, sentBack);
    const { problems, tasks } = readPlan(plan.tasks, team, course.outcomes);
    const missing = tasks.length === 0 && course.round === 0 ? ["it has no task"] : [];
    const problem = [...missing, ...problems].join("; ");
    if (problem !== "") {
      tries = { ...tries, wrong: tries.wrong + 1 };
      sentBack.push({ tasks: plan.tasks, problem });
      if (tries.wrong > SENT_BACK) throw unusable(problem, circleOf(sentBack));
      continue;
    }
    const draft = await priced(ctx, team, { tasks, approach });
    const dear = isPriced ? tooDear(draft) : undefined;
    if (!dear) return draft;
    tries = { ...tries, dear: tries.dear + 1 };
    if (tries.dear > 1) throw dear;
    sentBack.push({ tasks: plan.tasks, problem: `${dear.message}. Reach the goal with fewer or cheaper tasks` });
  }
}

/** Why a plan is not to be begun: it is likely to use more than is left. */
export const tooDear = ({ estimate }: Draft): Failure | undefined => estimate && excess(estimate);

/** A plan with what it will use; one without tasks uses nothing. */
export async function priced(ctx: RunContext, team: Team, draft: Draft): Promise<Draft> {
  if (draft.tasks.length === 0) return draft;
  const estimate = await estimateOf(ctx, team, draft.tasks);
  return estimate ? { ...draft, estimate } : draft;
}

/** Has a plan been sent back before, as it is? */
const circleOf = (sentBack: readonly Wrong[]): Verdict => stallOf(sentBack.map(({ tasks }) => stateOfPlan(tasks)));

function unusable(problem: string, verdict: Verdict): Failure {
  const again = verdict.is === "fine" ? "" : `; it gave again what was sent back: ${verdict.evidence}`;
  const message = `the planner made no plan that can be done, in ${SENT_BACK + 1} tries: ${problem}${again}`;
  return new Failure("BAD_OUTPUT", message, {
    hint: "Name another `planner`, say more in the goal, or give a `plan` of your own.",
  });
}

async function askPlanner(ctx: RunContext, team: Team, course: Course, sentBack: readonly Wrong[]) {
  const wrong = sentBack.at(-1);
  ctx.tell(course.round === 0 ? "planning" : "planning again with what was learnt");
  const { output } = await ctx.call(team.planner, {
    name: "plan",
    prompt: paragraphs(
      `# Goal\n\n${team.goal}`,
      `# Workers\n\n${team.workers.map(({ name, about }) => `- ${about === "" ? name : `${name}: ${about}`}`).join("\n")}`,
      ...learnt(course),
      warned(standstill(course)),
      wrong && quoted("# Your last plan", "plan", { tasks: wrong.tasks }),
      wrong && quoted("# What is wrong with it", "problem", wrong.problem),
      warned(circleOf(sentBack)),
      wrong && "Write the plan again, whole, so that nothing of this is wrong any more.",
    ),
    brief: paragraphs(RULES, finished(course.outcomes).length > 0 || course.round > 0 ? AGAIN : undefined, FENCE_RULE),
    shape: draftShape(team),
    ...(wrong || course.round > 0 ? { cache: false as const } : {}),
  });
  return output;
}

const draftShape = ({ workers }: Team) =>
  z.object({
    approach: z.string().describe("How the goal is reached, in a sentence or two"),
    plan: z.object({
      tasks: z.array(
        z.object({
          id: z.string().min(1).max(60).describe("Short and its own, such as facts"),
          task: z.string().min(1).describe("What is to be done, whole"),
          worker: nameShape(workers.map(({ name }) => name)),
          after: z.array(z.string()).describe("Ids of tasks that it follows without reading them"),
          reads: z.array(z.string()).describe("Ids of tasks whose outputs it needs"),
          why: z.string().optional(),
        }),
      ),
    }),
  });
