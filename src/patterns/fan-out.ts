import { z } from "zod";
import { AgentRef, refName } from "../core/agent.ts";
import { Bill } from "../core/bill.ts";
import { Failure } from "../core/errors.ts";
import { FENCE_RULE } from "../core/fence.ts";
import type { Limits } from "../core/limits.ts";
import { type Answer, definePattern, type Join, type RunContext } from "../core/pattern.ts";
import { checkShape } from "../core/shape.ts";
import { counted, paragraphs, quoted } from "../core/texts.ts";
import { overlapping, tooFew } from "./advice.ts";
import { type Asked, Conflict, checkRules, conflictNotes, OnConflict, Rule, settleConflicts } from "./conflicts.ts";
import { type Branch, branchOf, codesOf, MERGE, mergePrompt, STATUSES, worthOf } from "./fan-out-branches.ts";
import { outlineJobs } from "./fan-out-outline.ts";
import { type Finding, findingsOf } from "./findings.ts";
import { distinctNames, JsonObject, Problem } from "./parts.ts";

const Input = z.strictObject({
  task: z.string().min(1),
  agents: z.array(AgentRef).min(1).optional().describe("All get the task"),
  items: z.array(z.unknown()).min(1).max(5000).optional().describe("One call of `agent` each"),
  agent: AgentRef.optional(),
  aggregator: AgentRef.optional().describe("Merges the answers"),
  join: z.enum(["all", "settle", "quorum", "first"]).optional().describe("Default settle: keep what succeeds"),
  quorum: z.int().min(1).max(5000).optional().describe("Successes needed"),
  timeout_seconds: z.number().positive().max(86_400).optional().describe("Per branch"),
  output_schema: JsonObject.optional().describe("Of each answer"),
  rules: z.array(Rule).max(20).optional().describe("What must hold of the answers"),
  on_conflict: OnConflict.optional().describe("Default clarify: who broke a rule is asked again, once"),
});
type Input = z.output<typeof Input>;

const Output = z.object({
  merged: z.string().optional().describe("What the aggregator made of the answers"),
  branches: z.array(
    z.object({
      agent: z.string(),
      item: z.unknown().optional(),
      status: z.enum(STATUSES),
      output: z.unknown().optional(),
      error: Problem.optional(),
      usage: Bill,
    }),
  ),
  findings: z
    .array(z.record(z.string(), z.unknown()))
    .optional()
    .describe("Answers with `severity`, each once, the gravest first"),
  conflicts: z.array(Conflict).optional().describe("Rules that answers broke"),
});

/** Many calls at once, each with its own true end; then, if asked for, one that makes a whole of them. */
export const fanOut = definePattern({
  name: "fan_out",
  version: 1,
  title: "Fan out",
  description:
    "Ask many agents the same task at once (`agents`), or one agent about many items (`items` + `agent`), then merge if " +
    "an aggregator is named. Use it for independent work or several views. Not to reach a decision (consensus_vote).",
  input: Input,
  output: Output,
  subject: "task",
  agents: ({ agents = [], agent, aggregator }) => [...agents, ...given(agent), ...given(aggregator)],
  check,
  outline: (input) => outlineJobs(input, jobsOf(input)),
  advice: ({ agents = [], items }, who) => [
    ...tooFew(items?.length ?? agents.length, items ? "item" : "agent"),
    ...overlapping(agents, who),
  ],

  async run(ctx, input) {
    const jobs = jobsOf(input);
    const settled = await ctx.map(jobs, (job, branch) => branch.call(job.agent, job.question), {
      join: joinOf(input),
      ...(input.timeout_seconds !== undefined && { seconds: input.timeout_seconds }),
      ...(input.aggregator !== undefined && { closing: input.aggregator }),
    });
    const answers = jobs.map((job, index) => branchOf(job, settled[index]));
    requireOne(answers);
    const { rules = [], on_conflict = "clarify" } = input;
    const { branches, conflicts } = await settleConflicts(ctx, jobs, answers, { rules, on_conflict });
    const lost = branches.filter(({ status }) => status !== "succeeded");
    if (joinOf(input).kind === "settle" && lost.length > 0) {
      ctx.degrade(`${lost.length} of ${counted(branches.length, "branch", "branches")} failed: ${codesOf(lost)}`);
    }
    const findings = findingsOf(branches);
    const material = { branches, conflicts, findings };
    const merged = input.aggregator === undefined ? undefined : await merge(ctx, input, input.aggregator, material);
    return {
      ...(merged !== undefined && { merged }),
      branches: [...branches],
      ...(findings && { findings: [...findings] }),
      ...(conflicts.length > 0 && { conflicts: [...conflicts] }),
    };
  },
});

const given = <T>(thing: T | undefined): T[] => (thing === undefined ? [] : [thing]);

function jobsOf({ task, agents, items = [], agent = "", output_schema }: Input): Asked[] {
  const shape = output_schema && { shape: output_schema };
  if (agents) {
    const names = distinctNames(agents);
    return agents.map((ref, index) => ({
      agent: ref,
      name: names[index] ?? refName(ref),
      question: { prompt: task, ...shape },
    }));
  }
  return items.map((item) => ({
    agent,
    name: refName(agent),
    item,
    question: { prompt: paragraphs(task, quoted("The item:", "item", item)), brief: FENCE_RULE, ...shape },
  }));
}

function joinOf({ join, quorum }: Input): Join {
  if (quorum !== undefined) return { kind: "quorum", count: quorum };
  return { kind: join === "all" || join === "first" ? join : "settle" };
}

function requireOne(branches: readonly Branch[]): void {
  if (branches.some(({ status }) => status === "succeeded")) return;
  const hint = branches.find(({ error }) => error?.hint)?.error?.hint;
  throw new Failure("NO_QUORUM", `no branch succeeded: ${codesOf(branches)}`, hint === undefined ? {} : { hint });
}

interface Material {
  readonly branches: readonly Branch[];
  readonly conflicts: readonly Conflict[];
  readonly findings: readonly Finding[] | undefined;
}

/** What is paid for is kept: where the merge fails, the branches are the result, and it says so. */
async function merge(
  ctx: RunContext,
  { task }: Input,
  aggregator: AgentRef,
  { branches, conflicts, findings }: Material,
): Promise<string | undefined> {
  if (!branches.some((branch) => worthOf(branch) !== "nothing")) {
    ctx.degrade("nothing to merge: every answer is empty");
    return undefined;
  }
  ctx.tell("merging the answers");
  try {
    const prompt = paragraphs(mergePrompt(task, branches, findings), conflictNotes(conflicts));
    const question = { prompt, brief: MERGE, closing: true };
    const answer: Answer = await ctx.call(aggregator, question);
    return answer.output;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    ctx.degrade(`the answers could not be merged: ${error.code} ${error.message}`);
    return undefined;
  }
}

function check({ agents, items, agent, join, quorum, output_schema, rules = [] }: Input, limits: Limits): void {
  if (output_schema) checkShape(output_schema);
  checkRules(rules);
  if (agents ? items !== undefined || agent !== undefined : items === undefined || agent === undefined) {
    throw new Failure("INVALID_INPUT", "fan_out needs either `agents`, or `items` and `agent`, and not both", {
      hint: 'Such as {"task": "…", "agents": ["writer", "critic"]} or {"task": "…", "items": ["a", "b"], "agent": "writer"}.',
    });
  }
  const width = agents?.length ?? 0;
  if (width > limits.width) {
    throw new Failure("WIDTH_EXCEEDED", `${width} agents at once are more than limits.width (${limits.width})`, {
      hint: "Ask fewer, give many things to one agent as `items`, or raise limits.width in the settings.",
    });
  }
  checkQuorum(join, quorum, agents?.length ?? items?.length ?? 0);
}

function checkQuorum(join: Input["join"], quorum: number | undefined, branches: number): void {
  if (join === "quorum" && quorum === undefined) {
    throw new Failure("INVALID_INPUT", 'join "quorum" needs `quorum`', { hint: `Such as {"quorum": ${branches}}.` });
  }
  if (quorum === undefined) return;
  if (join !== undefined && join !== "quorum") {
    throw new Failure("INVALID_INPUT", `\`quorum\` means nothing with join "${join}"`, {
      hint: 'Leave one of them out, or say join: "quorum".',
    });
  }
  if (quorum > branches) {
    throw new Failure(
      "INVALID_INPUT",
      `a quorum of ${quorum} cannot be reached by ${counted(branches, "branch", "branches")}`,
      {
        hint: `Give a quorum from 1 to ${branches}.`,
      },
    );
  }
}
