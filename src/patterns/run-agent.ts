import { z } from "zod";
import { AgentRef, refName } from "../core/agent.ts";
import { definePattern } from "../core/pattern.ts";
import { checkShape } from "../core/shape.ts";
import { JsonObject } from "./parts.ts";

/** One agent on one task. What is sent holds nothing but the agent's instructions and the task. */
export const runAgent = definePattern({
  name: "run_agent",
  version: 1,
  title: "Run one agent",
  description:
    "Give one task to one specialist agent and get its answer. Use it when one expert is enough. " +
    "Not for several answers (fan_out, consensus_vote) or several stages (run_pipeline).",
  input: z.strictObject({
    task: z.string().min(1),
    agent: AgentRef,
    output_schema: JsonObject.optional().describe("JSON Schema the answer must fit"),
  }),
  output: z.unknown().describe("The answer's text, or the value that fits output_schema"),
  subject: "task",
  agents: ({ agent }) => [agent],
  check: ({ output_schema }) => {
    if (output_schema) checkShape(output_schema);
  },
  outline: ({ task, agent, output_schema }) => {
    const bytes = Buffer.byteLength(task) + schemaBytes(output_schema);
    return { steps: [{ name: refName(agent), kind: "call", agent, after: [], least: 1, most: 1, bytes, reads: [] }] };
  },

  async run(ctx, { task, agent, output_schema }) {
    const { output } = await ctx.call<unknown>(agent, {
      prompt: task,
      ...(output_schema && { shape: output_schema }),
    });
    return output;
  },
});

const schemaBytes = (schema: object | undefined): number => (schema ? JSON.stringify(schema).length : 0);
