import { z } from "zod";
import { Bill } from "../core/bill.ts";
import { Failure } from "../core/errors.ts";
import { definePattern } from "../core/pattern.ts";
import { counted } from "../core/texts.ts";
import { overlapping, tooFew } from "./advice.ts";
import { type Branch, branchOf, codesOf, STATUSES } from "./fan-out/branches.ts";
import { Conflict, settleConflicts } from "./fan-out/conflicts.ts";
import { findingsOf } from "./fan-out/findings.ts";
import { checkFanOut, FanOutInput, jobsOf, joinOf } from "./fan-out/input.ts";
import { merge } from "./fan-out/merge.ts";
import { outlineJobs } from "./fan-out/outline.ts";
import { Problem } from "./parts.ts";

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
  input: FanOutInput,
  output: Output,
  subject: "task",
  agents: ({ agents = [], agent, aggregator }) => [...agents, ...given(agent), ...given(aggregator)],
  check: checkFanOut,
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
    const merged =
      input.aggregator === undefined ? undefined : await merge(ctx, input.task, input.aggregator, material);
    return {
      ...(merged !== undefined && { merged }),
      branches: [...branches],
      ...(findings && { findings: [...findings] }),
      ...(conflicts.length > 0 && { conflicts: [...conflicts] }),
    };
  },
});

const given = <T>(thing: T | undefined): T[] => (thing === undefined ? [] : [thing]);

function requireOne(branches: readonly Branch[]): void {
  if (branches.some(({ status }) => status === "succeeded")) return;
  const hint = branches.find(({ error }) => error?.hint)?.error?.hint;
  throw new Failure("NO_QUORUM", `no branch succeeded: ${codesOf(branches)}`, hint === undefined ? {} : { hint });
}
