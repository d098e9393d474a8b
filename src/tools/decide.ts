import { z } from "zod";
import { DecisionRequest } from "../core/approval.ts";
import { type Judge, type Said, settlement } from "../core/deciding.ts";
import { Failure } from "../core/errors.ts";
import { raisedCaps } from "../core/raising.ts";
import type { Run, RunStore } from "../core/store.ts";
import { Rating } from "../core/versions.ts";
import { ENVELOPE_SCHEMA } from "./envelope.ts";
import { ownRun } from "./own-run.ts";
import type { People } from "./people.ts";
import { simpleTool } from "./simple-tool.ts";
import { SETTLES, type Setting, type Tool } from "./tool.ts";
import { watch } from "./watch.ts";

const Input = z.strictObject({
  run_id: z.string().min(1),
  ...DecisionRequest.shape,
  rating: Rating.optional().describe("what they think of the work, 1-5"),
});
type Input = z.output<typeof Input>;

const WATCHED_SECONDS = 10;

/** Settles what a run waits for a person to settle. */
export const decide = (setting: Setting): Tool =>
  simpleTool(
    {
      name: "decide",
      title: "Decide for a waiting run",
      description:
        "Pass on a person's decision to a waiting run: approve, reject, edit (approve with changes), answer, or raise_budget " +
        "(sets new caps). Ask the person first; never decide for them. Not to stop a run (control_run).",
      input: Input,
      outputSchema: ENVELOPE_SCHEMA,
      hints: SETTLES,
      async answer(input, rooms, context) {
        const { store, engine, people } = rooms;
        const run = await ownRun(store, input.run_id, context.caller);
        const judge: Judge = { decider: { name: context.caller, is: "model" }, policy: people.policy };
        const { decision } = input;
        const deciding =
          decision === "raise_budget"
            ? raise(store, run, input, judge)
            : settle(store, run, { ...input, decision }, judge);
        await deciding.catch(async (error: unknown) => {
          throw await withPage(Failure.from(error), people, run);
        });
        if (input.rating) await rate(store, run, input.rating, context.caller);
        engine.nudge(run.id);
        return watch(rooms, (await store.get(run.id)) ?? run, WATCHED_SECONDS, context);
      },
    },
    setting,
  );

async function raise(store: RunStore, run: Run, { value }: Input, judge: Judge): Promise<void> {
  await store.raise(run.id, raisedCaps(run, value ?? {}, judge), judge.decider.name);
}

async function settle(store: RunStore, run: Run, said: Said, judge: Judge): Promise<void> {
  const { waits } = await store.news(run.id);
  const { wait, decision } = settlement(run, waits, said, judge);
  await store.decide(run.id, wait.place, decision, judge.decider.name);
}

async function rate(store: RunStore, { id: run }: Run, { score, note }: Rating, by: string): Promise<void> {
  await store.versions.rate({ run, place: "", by, score, ...(note !== undefined && { note }) });
}

/** Who may not decide is told where those are met who may. */
async function withPage(failure: Failure, people: People, run: Run): Promise<Failure> {
  const { code, message, options } = failure;
  const page = code === "FORBIDDEN" ? await people.page(run) : undefined;
  return page === undefined
    ? failure
    : new Failure(code, message, { ...options, hint: `${options.hint} The page: ${page}` });
}
