import { z } from "zod";
import { hasEnded } from "../core/status.ts";
import type { Run, RunStore } from "../core/store.ts";
import { ENVELOPE_SCHEMA } from "./envelope.ts";
import { ownRun } from "./own-run.ts";
import { simpleTool } from "./simple-tool.ts";
import { type CallContext, type Reply, type Rooms, SETTLES, type Setting, type Tool } from "./tool.ts";
import { watch } from "./watch.ts";

const Input = z.strictObject({
  run_id: z.string().min(1),
  action: z.enum(["cancel", "pause", "resume", "retry", "requeue", "compensate"]),
  step: z.string().optional().describe("retry from here"),
});

/** How long an action is watched before its answer, so that it can tell what came of it. */
const WATCHED_SECONDS = 3;

type Action = z.output<typeof Input>["action"];

const ACTIONS: Readonly<
  Record<
    Exclude<Action, "compensate">,
    (store: RunStore, id: string, by: string, step: string | undefined) => Promise<Run>
  >
> = {
  cancel: (store, id, by) => store.cancel(id, by),
  pause: (store, id, by) => store.pause(id, by),
  resume: (store, id, by) => store.resume(id, by),
  retry: (store, id, _, step) => store.again(id, "failed", step),
  requeue: (store, id, _, step) => store.again(id, "dead", step),
};

/** Cancels, pauses, resumes, retries or requeues a run, or has taken back what it did. */
export const controlRun = (setting: Setting): Tool =>
  simpleTool(
    {
      name: "control_run",
      title: "Control a run",
      description:
        "cancel a run (the only way to stop one), pause it (calls in flight end, none starts) and resume it, retry a failed " +
        "one from its failed step, requeue a dead one; compensate: take back what an ended run did. Paid answers are kept. " +
        "Not for approvals or budgets (decide).",
      input: Input,
      outputSchema: ENVELOPE_SCHEMA,
      hints: SETTLES,
      async answer({ run_id, action, step }, rooms, context) {
        const { store, engine } = rooms;
        const before = await ownRun(store, run_id, context.caller);
        if (action === "compensate") return compensated(rooms, before, context);
        const run = await ACTIONS[action](store, run_id, context.caller, step);
        engine.nudge(run_id);
        return watch(rooms, run, WATCHED_SECONDS, context, saidOf(action, before));
      },
    },
    setting,
  );

/** What was done by a run that succeeded is taken back once that is agreed to, and else at once: by a run of its own. */
async function compensated(rooms: Rooms, { id, status }: Run, context: CallContext): Promise<Reply> {
  const { run, existed } = await rooms.store.compensate(id, { ask: status === "succeeded" });
  rooms.engine.nudge(run.id);
  const isOver = existed && hasEnded(run.status);
  const note = isOver
    ? `what run ${id} did was taken back before, by this run`
    : `this run takes back what run ${id} did, the last step first`;
  return watch(rooms, run, WATCHED_SECONDS, context, { note });
}

/** What an action has not done, because there was nothing for it to do. */
function saidOf(action: Action, { status, paused }: Run): { note?: string } {
  if (hasEnded(status) && ["cancel", "pause", "resume"].includes(action))
    return { note: `the run had ended before: it is ${status}` };
  if (action === "pause" && paused) return { note: "the run was paused before" };
  if (action === "resume" && !paused) return { note: "the run was not paused" };
  return {};
}
