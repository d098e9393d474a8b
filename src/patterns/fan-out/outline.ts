import type { AgentRef } from "../../core/agent.ts";
import type { Outline, OutlineStep } from "../../core/outline.ts";
import { distinctNames } from "../parts.ts";

interface Job {
  readonly agent: AgentRef;
  readonly name: string;
  readonly question: { readonly prompt: string };
}

interface Fan {
  readonly task: string;
  readonly items?: readonly unknown[] | undefined;
  readonly aggregator?: AgentRef | undefined;
  readonly rules?: readonly unknown[] | undefined;
  readonly on_conflict?: "clarify" | "report" | "human" | undefined;
}

/** Branches side by side, many items as one step; whoever breaks a rule again; then the merge, which reads them all. */
export function outlineJobs({ task, items, aggregator, rules = [], on_conflict }: Fan, jobs: readonly Job[]): Outline {
  const groups = items ? [jobs] : jobs.map((job) => [job]);
  const branches = groups.flatMap((of) => (of[0] ? [branch(of[0], of)] : []));
  const names = branches.map(({ name }) => name);
  const asksAgain = rules.length > 0 && on_conflict !== "report";
  const again = asksAgain ? branches.map((step) => clarification(step, names)) : [];
  const before = [...names, ...again.map(({ name }) => name)];
  if (aggregator === undefined) return { steps: [...branches, ...again] };
  const [name = ""] = distinctNames([aggregator], before);
  const merge = { name, agent: aggregator, question: { prompt: task } };
  return { steps: [...branches, ...again, { ...branch(merge, [merge]), after: before, reads: names }] };
}

const clarification = (step: OutlineStep, names: readonly string[]): OutlineStep => ({
  ...step,
  name: `${step.name}-clarified`,
  least: 0,
  after: names,
  reads: names,
});

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
