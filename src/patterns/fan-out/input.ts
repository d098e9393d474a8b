import { z } from "zod";
import { AgentRef, refName } from "../../core/agent.ts";
import { Failure } from "../../core/errors.ts";
import { FENCE_RULE } from "../../core/fence.ts";
import type { Limits } from "../../core/limits.ts";
import type { Join } from "../../core/pattern.ts";
import { checkShape } from "../../core/shape.ts";
import { counted, paragraphs, quoted } from "../../core/texts.ts";
import { distinctNames, JsonObject } from "../parts.ts";
import { type Asked, checkRules, OnConflict, Rule } from "./conflicts.ts";

export const FanOutInput = z.strictObject({
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
export type FanOutInput = z.output<typeof FanOutInput>;

/** Who is asked what: every agent the task, or one agent the task about each item. */
export function jobsOf({ task, agents, items = [], agent = "", output_schema }: FanOutInput): Asked[] {
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

/** When the branches are done. */
export function joinOf({ join, quorum }: FanOutInput): Join {
  if (quorum !== undefined) return { kind: "quorum", count: quorum };
  return { kind: join === "all" || join === "first" ? join : "settle" };
}

/** Throws where words do not go together, or too many are asked at once. */
export function checkFanOut(
  { agents, items, agent, join, quorum, output_schema, rules = [] }: FanOutInput,
  limits: Limits,
): void {
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

function checkQuorum(join: FanOutInput["join"], quorum: number | undefined, branches: number): void {
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
