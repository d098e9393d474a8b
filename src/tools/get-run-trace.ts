import { z } from "zod";
import { STATUSES } from "../core/status.ts";
import { ownRun } from "./own-run.ts";
import { simpleTool } from "./simple-tool.ts";
import { LOOKS, type Setting, type Tool } from "./tool.ts";
import { traceMemory } from "./trace-memory.ts";
import { cost, graph, step, steps, summary } from "./trace-views.ts";
import { lazily, outputSchema } from "./wire.ts";

const VIEWS = { summary, steps, step, cost, graph };

const Input = z.strictObject({
  run_id: z.string().min(1),
  view: z
    .enum(["summary", "steps", "step", "cost", "graph"])
    .optional()
    .describe("default summary; graph is Mermaid text"),
  step: z.string().optional().describe("for view step"),
  cursor: z.string().optional(),
});

const Output = z.object({
  run_id: z.string().nullable(),
  status: z.enum(STATUSES).nullable(),
  view: z.enum(["summary", "steps", "step", "cost", "graph"]).optional(),
  trace: z.record(z.string(), z.unknown()).optional(),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
  next: z.object({ tool: z.string(), arguments: z.record(z.string(), z.unknown()) }).optional(),
});
const OUTPUT_SCHEMA = lazily(() => outputSchema(Output));

/** What a run did, read from its journal. */
export const getRunTrace = (setting: Setting): Tool =>
  simpleTool(
    {
      name: "get_run_trace",
      title: "Trace a run",
      description:
        "What a run did: each step's question, answer, model, time, attempts, tokens and cost. Use it to explain a failure or " +
        "a bill: view steps lists them, view step shows one whole. Not for the result (get_run).",
      input: Input,
      outputSchema: OUTPUT_SCHEMA,
      hints: LOOKS,
      async answer(input, { store }, { caller }) {
        const { run_id, cursor, step: place } = input;
        const view = input.view ?? (place === undefined ? "summary" : "step");
        const run = await ownRun(store, run_id, caller);
        const memory = await traceMemory(store, run);
        const { data, text, next: more } = VIEWS[view]({ run, memory, step: place, cursor });
        const next =
          more === undefined ? undefined : { tool: "get_run_trace", arguments: { ...input, view, cursor: more } };
        return {
          data: { run_id, status: run.status, view, trace: data, ...(next && { next }) },
          text: [
            `run ${run_id} ${run.status} · ${view}`,
            text,
            next && `next: ${next.tool} ${JSON.stringify(next.arguments)}`,
          ]
            .filter(Boolean)
            .join("\n"),
          isError: false,
        };
      },
    },
    setting,
  );
