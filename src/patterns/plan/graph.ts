import { listed, normalised } from "../../core/texts.ts";
import { nameMeant, noSuchName } from "../names.ts";
import type { Outcome } from "./course.ts";
import type { PlannedTask, Team } from "./input.ts";

/** A plan as it is read: what is wrong with it, in words for whoever made it; its tasks can be done if nothing is. */
export interface ReadPlan {
  readonly problems: readonly string[];
  /** What a task reads it also follows; what is finished already nobody need follow. */
  readonly tasks: readonly PlannedTask[];
}

/** Reads a plan beside what was done before: a new one has new tasks only, which may read finished ones. */
export function readPlan(given: readonly PlannedTask[], team: Team, before: readonly Outcome[]): ReadPlan {
  const done = before.filter(({ status }) => status === "succeeded").map(({ id }) => id);
  const names = team.workers.map(({ name }) => name);
  const tasks = given.map((task) => completed(task, names, done));
  const ids = tasks.map(({ id }) => id);
  const problems = [
    ...(tasks.length > team.most ? [`it has ${tasks.length} tasks, and ${team.most} are the most`] : []),
    ...repeated(ids).map((id) => `two tasks have the id ${listed([id])}`),
    ...tasks.flatMap((task) => [
      ...(done.includes(task.id) ? [`the id ${listed([task.id])} is that of a finished task; give another`] : []),
      ...(names.includes(task.worker)
        ? []
        : [`task ${listed([task.id])}: ${noSuchName("worker", task.worker, names)}`]),
      ...strangers(task, ids, done),
      ...again(task, before),
    ]),
  ];
  const ring = problems.length === 0 ? ringOf(tasks) : [];
  return { problems: ring.length > 0 ? [`tasks wait for each other in a ring: ${ring.join(" → ")}`] : problems, tasks };
}

function completed(task: PlannedTask, names: readonly string[], done: readonly string[]): PlannedTask {
  const reads = [...new Set(task.reads)];
  const after = [...new Set([...task.after, ...reads])].filter((id) => !done.includes(id));
  return { ...task, worker: nameMeant(task.worker, names) ?? task.worker, after, reads };
}

const repeated = (ids: readonly string[]): string[] => [...new Set(ids.filter((id, index) => ids.indexOf(id) < index))];

/** Tasks that are named and are not there. */
function strangers({ id, after, reads }: PlannedTask, ids: readonly string[], done: readonly string[]): string[] {
  const known = (name: string) => ids.includes(name) || done.includes(name);
  const unknown = [...new Set([...after, ...reads])].filter((name) => !known(name));
  if (unknown.length === 0) return [];
  const gone = done.length > 0 ? ` (finished: ${listed(done)})` : "";
  return [
    `task ${listed([id])} follows or reads ${listed(unknown)}, which is no task of this plan and no finished one${gone}`,
  ];
}

/** Memory of past attempts: what has failed is not tried again in the same way, and what is done is not done again. */
function again({ id, worker, task }: PlannedTask, before: readonly Outcome[]): string[] {
  const same = before.find(
    (one) => one.status !== "skipped" && one.worker === worker && normalised(one.task) === normalised(task),
  );
  if (!same) return [];
  return same.status === "succeeded"
    ? [`task ${listed([id])} is finished already, as ${listed([same.id])}: read that instead`]
    : [
        `task ${listed([id])} is the same as ${listed([same.id])}, which failed (${same.error?.code ?? "no answer"}): ` +
          "give it in another way, or to another worker",
      ];
}

/** Tasks that wait for each other in a ring, the first one again at the end; none where every task can begin. */
function ringOf(tasks: readonly PlannedTask[]): string[] {
  const open = new Map(tasks.map((task) => [task.id, task]));
  for (let free = freeOf(open); free.length > 0; free = freeOf(open)) for (const id of free) open.delete(id);
  const way: string[] = [];
  let at = open.keys().next().value;
  while (at !== undefined && !way.includes(at)) {
    way.push(at);
    at = open.get(at)?.after.find((id) => open.has(id));
  }
  return at === undefined ? [] : [...way.slice(way.indexOf(at)), at];
}

/** The tasks that wait for none of these. */
const freeOf = (open: ReadonlyMap<string, PlannedTask>): string[] =>
  [...open.values()].filter(({ after }) => !after.some((id) => open.has(id))).map(({ id }) => id);
