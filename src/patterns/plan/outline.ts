import type { Outline, OutlineStep } from "../../core/outline.ts";
import { distinctNames, freeName } from "../parts.ts";
import type { PlannedTask, Team } from "./input.ts";

const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

/** What is going to be asked for a plan that is known: its tasks, and who closes over them. */
export function outlineOf(team: Team, tasks: readonly PlannedTask[]): Outline {
  if (tasks.length === 0) return { steps: [] };
  const ids = tasks.map(({ id }) => id);
  const work = tasks.map(({ id, task, worker, after, reads }): OutlineStep => {
    const agent = team.workers.find(({ name }) => name === worker)?.ref ?? worker;
    const bytes = bytesOf(team.goal) + bytesOf(task);
    const inside = reads.filter((one) => ids.includes(one));
    return { name: id, kind: "call", agent, after: [...after], least: 1, most: 1, bytes, reads: inside };
  });
  return { steps: [...work, ...closing(team, ids, tasks.length > 1 || team.isJoined, 1)] };
}

/** The same where nobody has made the plan yet: each worker does something, and at the most all of every plan. */
export function outlineAhead(team: Team, planOnly: boolean): Outline {
  const plans = 1 + team.replans;
  const workers = distinctNames(team.workers.map(({ name }) => name));
  const planner = freeName("plan", new Set(workers));
  const bytes = bytesOf(team.goal);
  const call = (name: string, more: Pick<OutlineStep, "agent" | "after" | "most">): OutlineStep => ({
    name,
    kind: "call",
    least: 1,
    bytes,
    reads: [],
    ...more,
  });
  const work = team.workers.map(({ ref }, index) => ({
    ...call(workers[index] ?? "", { agent: ref, after: [planner], most: team.most * plans }),
    reads: workers.slice(0, index),
    parallel: true,
  }));
  const planning = call(planner, { agent: team.planner, after: [], most: DRAFTS * (planOnly ? 1 : plans) });
  if (planOnly) return { steps: [planning] };
  return {
    steps: [planning, ...work, ...closing(team, workers, true, plans)],
  };
}

/** How often one plan may be drafted: it may be wrong twice, and too dear once. */
const DRAFTS = 4;

function closing(team: Team, before: readonly string[], isJoined: boolean, plans: number): OutlineStep[] {
  const used = new Set(before);
  const join = freeName("synthesis", used);
  const judge = freeName("validation", new Set([...used, join]));
  const step = (name: string, agent: Team["planner"], after: readonly string[]): OutlineStep => ({
    name,
    kind: "call",
    agent,
    after,
    least: 1,
    most: plans,
    bytes: bytesOf(team.goal),
    reads: after,
  });
  const joined = isJoined ? [step(join, team.synthesiser, before)] : [];
  if (team.validator === undefined) return joined;
  return [...joined, step(judge, team.validator, isJoined ? [join] : before)];
}
