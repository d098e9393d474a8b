import { z } from "zod";
import { Failure } from "../core/errors.ts";
import { Budget } from "../core/limits.ts";
import { toNano } from "../core/money.ts";
import type { Decision, Run, RunStore } from "../core/store.ts";
import { checkArguments } from "./arguments.ts";
import { ENVELOPE_SCHEMA } from "./envelope.ts";
import { ownRun } from "./own-run.ts";
import { rightCall, type Said, settledWait } from "./settling.ts";
import { simpleTool } from "./simple-tool.ts";
import { SETTLES, type Setting, type Tool } from "./tool.ts";
import { watch } from "./watch.ts";

const Input = z.strictObject({
  run_id: z.string().min(1),
  step: z.string().optional().describe("needed where several wait"),
  decision: z.enum(["approve", "reject", "answer", "raise_budget"]),
  approval: z.string().optional().describe("hash in waiting_for; for approve and reject"),
  value: z.unknown().optional().describe("the answer, or new caps {usd, tokens, calls, seconds}"),
  note: z.string().max(10_000).optional(),
});
type Input = z.output<typeof Input>;

const HOW = { approve: "approved", reject: "rejected", answer: "answered" } as const;
const WATCHED_SECONDS = 10;

/** Settles what a run waits for a person to settle. */
export const decide = (setting: Setting): Tool =>
  simpleTool(
    {
      name: "decide",
      title: "Decide for a waiting run",
      description:
        "Pass on a person's decision to a waiting run: approve, reject, answer, or raise_budget (sets new caps). " +
        "Ask the person first; never decide for them. Not to stop a run (control_run).",
      input: Input,
      outputSchema: ENVELOPE_SCHEMA,
      hints: SETTLES,
      async answer(input, rooms, context) {
        const { store, engine } = rooms;
        const run = await ownRun(store, input.run_id, context.caller);
        if (input.decision === "raise_budget") await raise(store, run, input, context.caller);
        else await settle(store, run, { ...input, decision: input.decision }, context.caller);
        engine.nudge(run.id);
        return watch(rooms, (await store.get(run.id)) ?? run, WATCHED_SECONDS, context);
      },
    },
    setting,
  );

async function raise(store: RunStore, run: Run, { value }: Input, by: string): Promise<void> {
  const { usd, ...rest } = checkArguments("decide", z.object({ value: Budget }), { value }).value;
  const caps = Object.fromEntries(Object.entries(rest).filter(([, cap]) => cap !== undefined));
  if (usd === undefined && Object.keys(caps).length === 0)
    throw new Failure("INVALID_INPUT", "decide: `value` names no cap to raise", {
      hint: rightCall(run, "raise_budget", { value: { usd: 2 } }),
    });
  await store.raise(run.id, { ...caps, ...(usd !== undefined && { usd: toNano(usd) }) }, by);
}

async function settle(store: RunStore, run: Run, input: Input & Said, by: string): Promise<void> {
  const { place } = settledWait(run, (await store.progress(run.id)).waiting, input);
  const { decision, value, note, approval } = input;
  const made: Decision = {
    how: HOW[decision],
    ...(value !== undefined && { value }),
    ...(note !== undefined && { note }),
    ...(approval !== undefined && { approval }),
  };
  await store.decide(run.id, place, made, by);
}
