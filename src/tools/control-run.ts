import { z } from "zod";
import { ENVELOPE_SCHEMA } from "./envelope.ts";
import { ownRun } from "./own-run.ts";
import { simpleTool } from "./simple-tool.ts";
import { SETTLES, type Setting, type Tool } from "./tool.ts";
import { watch } from "./watch.ts";

const Input = z.strictObject({
  run_id: z.string().min(1),
  action: z.enum(["cancel", "retry", "requeue"]),
  step: z.string().optional().describe("retry from here"),
});

/** How long an action is watched before its answer, so that it can tell what came of it. */
const WATCHED_SECONDS = 3;

/** Cancels, retries or requeues a run. */
export const controlRun = (setting: Setting): Tool =>
  simpleTool(
    {
      name: "control_run",
      title: "Control a run",
      description:
        "cancel a run (the only way to stop one), retry a failed one from its failed step, requeue a dead one. Paid answers " +
        "are kept. Not for approvals or budgets (decide).",
      input: Input,
      outputSchema: ENVELOPE_SCHEMA,
      hints: SETTLES,
      async answer({ run_id, action, step }, rooms, context) {
        const { store, engine } = rooms;
        await ownRun(store, run_id, context.caller);
        const run =
          action === "cancel"
            ? await store.cancel(run_id)
            : await store.again(run_id, action === "retry" ? "failed" : "dead", step);
        engine.nudge(run_id);
        return watch(rooms, run, WATCHED_SECONDS, context);
      },
    },
    setting,
  );
