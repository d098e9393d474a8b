import type { Outline, OutlineStep } from "../../core/outline.ts";
import { given } from "../parts.ts";
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
      const does = { ...work, after: before(at), most, ...(back !== undefined && !step.critic && { back }) };
      return step.critic ? [does, gateStep(step, bytes, most, back)] : [does];
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
    reads: [...new Set([...reads, ...(last === undefined ? [] : [last])])],
    ...(fallback && { fallback }),
    ...(budget && { budget }),
    ...(retry && { retry: given(retry) }),
  };
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
