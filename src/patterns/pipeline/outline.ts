import type { Outline, OutlineStep } from "../../core/outline.ts";
import { given } from "../parts.ts";
import { isPart, type Reading, summaryName } from "./reading.ts";
import { type Planned, planned, type Step } from "./steps.ts";

/** Steps in order, each with the critic of its gate behind it, and how often work may come back to them. */
export function outlinePipeline({ task, steps }: { readonly task: string; readonly steps: readonly Step[] }): Outline {
  const all = planned(steps);
  const bytes = Buffer.byteLength(task);
  const before = (at: number): string[] => {
    const last = all[at - 1];
    return last ? [last.critic ? gateOf(last) : last.name] : [];
  };
  return {
    steps: all.flatMap((step, at) => {
      const most = playsOf(all, at);
      const back = step.back && all[step.back.to]?.name;
      const work = workOf(step, bytes, all[at - 1]?.name);
      const sums = summarySteps(step, before(at), most);
      const after = sums.length > 0 ? sums.map(({ name }) => name) : before(at);
      const does = { ...work, after, most, ...(back !== undefined && !step.critic && { back }) };
      return [...sums, does, ...(step.critic ? [gateStep(step, bytes, most, back)] : [])];
    }),
  };
}

const gateOf = ({ name }: Planned): string => `${name}-gate`;

function workOf({ name, agent, step, reads }: Planned, bytes: number, last: string | undefined) {
  const { budget, fallback, retry, output_schema } = step;
  const schema = output_schema ? JSON.stringify(output_schema).length : 0;
  return {
    name,
    kind: "call" as const,
    agent,
    least: 1,
    bytes: bytes + schema,
    reads: [...readNames(name, reads, last)],
    ...(fallback && { fallback }),
    ...(budget && { budget }),
    ...(retry && { retry: given(retry) }),
  };
}

/** What a step reads, by the names of the outline: a summary instead of what it is of. */
function readNames(name: string, reads: readonly Reading[], last: string | undefined): ReadonlySet<string> {
  const isCut = reads.some((read) => read.step === last && isPart(read));
  const named = reads.map((read) => (read.summary ? `${name} < ${summaryName(read.step)}` : read.step));
  return new Set([...named, ...(last === undefined || isCut ? [] : [last])]);
}

/** The summaries that a step has made of what it reads. */
function summarySteps({ name, reads }: Planned, after: readonly string[], most: number): OutlineStep[] {
  const asked = new Map(reads.flatMap(({ step, summary }) => (summary ? [[step, summary.by] as const] : [])));
  return [...asked].map(([step, agent]) => ({
    name: `${name} < ${summaryName(step)}`,
    kind: "call",
    agent,
    after,
    least: 1,
    most,
    bytes: 400,
    reads: [step],
  }));
}

/** Whoever judges an output does so after each attempt, those of the fallbacks too. */
function gateStep(planned: Planned, bytes: number, plays: number, back: string | undefined): OutlineStep {
  const { name, critic, step } = planned;
  const { instructions = "", fallback = [], budget } = step;
  return {
    name: gateOf(planned),
    kind: "call",
    ...(critic && { agent: critic.agent }),
    after: [name],
    least: 1,
    most: plays * (1 + fallback.length),
    bytes: bytes + Buffer.byteLength(instructions),
    reads: [name],
    ...(back !== undefined && { back }),
    ...(budget && { budget }),
  };
}

/** Once, and once more for each time that a step from here on may send the work back to here or further. */
const playsOf = (all: readonly Planned[], at: number): number =>
  all.slice(at).reduce((sum, { back }) => sum + (back !== undefined && back.to <= at ? back.rounds - 1 : 0), 1);
