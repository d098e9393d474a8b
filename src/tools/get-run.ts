import { z } from "zod";
import { ENVELOPE_SCHEMA, type Envelope, outputText } from "./envelope.ts";
import { ownRun } from "./own-run.ts";
import { textPage } from "./page.ts";
import { simpleTool } from "./simple-tool.ts";
import { WaitSeconds } from "./tail.ts";
import { LOOKS, type Reply, type Setting, type Tool } from "./tool.ts";
import { reply, watch } from "./watch.ts";

const PAGE_TOKENS = 1500;

const Input = z.strictObject({
  run_id: z.string().min(1),
  wait_seconds: WaitSeconds.optional().describe("default 0"),
  cursor: z.string().optional().describe("reads a long output on, as text"),
});

/** How a run stands and what it gave; waits for it if asked. */
export const getRun = (setting: Setting): Tool =>
  simpleTool(
    {
      name: "get_run",
      title: "Get a run",
      description:
        "Status and result of a run; with `wait_seconds` waits for it. Use it whenever another tool answered running, queued " +
        "or waiting. Not for its steps (get_run_trace), and never start a run again to get its result.",
      input: Input,
      outputSchema: ENVELOPE_SCHEMA,
      hints: LOOKS,
      async answer({ run_id, wait_seconds = 0, cursor }, rooms, context) {
        const run = await ownRun(rooms.store, run_id, context.caller);
        const told = await watch(rooms, run, cursor === undefined ? wait_seconds : 0, context);
        if (cursor === undefined) return told;
        return page(told, outputText(await ownRun(rooms.store, run_id, context.caller)), cursor);
      },
    },
    setting,
  );

function page(told: Reply, output: string, cursor: string): Reply {
  const { next: _, ...rest } = told.data as Envelope;
  const { shown, next } = textPage(output, cursor, PAGE_TOKENS);
  const goOn = { tool: "get_run", arguments: { run_id: rest.run_id, cursor: next } };
  return reply({ ...rest, output: shown, ...(next !== undefined && { next: goOn }) });
}
