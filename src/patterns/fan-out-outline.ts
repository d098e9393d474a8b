import type { AgentRef } from "../core/agent.ts";
import type { Outline, OutlineStep } from "../core/outline.ts";
import { distinctNames } from "./parts.ts";

interface Job {
  readonly agent: AgentRef;
  readonly name: string;
  readonly question: { readonly prompt: string };
}

/** Branches side by side, many items of one agent as one step; then the merge, which reads them all. */
export function outlineJobs(task: string, jobs: readonly Job[], ofItems: boolean, aggregator?: AgentRef): Outline {
  const branches = ofItems ? jobs.slice(0, 1).map((job) => branch(job, jobs)) : jobs.map((job) => branch(job, [job]));
  const names = branches.map(({ name }) => name);
  if (aggregator === undefined) return { steps: branches };
  const [name = ""] = distinctNames([aggregator], names);
  const merge = { name, agent: aggregator, question: { prompt: task } };
  return { steps: [...branches, { ...branch(merge, [merge]), after: names, reads: names }] };
}

function branch({ name, agent }: Job, of: readonly Job[]): OutlineStep {
  const bytes = of.reduce((sum, { question }) => sum + Buffer.byteLength(question.prompt), 0);
  return {
    name,
    kind: "call",
    agent,
    after: [],
    least: of.length,
    most: of.length,
    bytes: Math.ceil(bytes / of.length),
    reads: [],
    ...(of.length > 1 && { parallel: true }),
  };
}
