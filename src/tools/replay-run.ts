import { z } from "zod";
import { Changes, type Fork } from "../core/changes.ts";
import { needsPerson } from "../core/deciding.ts";
import { fingerprint } from "../core/fingerprint.ts";
import type { ForkForecast, ForkRequest } from "../core/fork.ts";
import { Budget } from "../core/limits.ts";
import { toUsd } from "../core/money.ts";
import { hasEnded } from "../core/status.ts";
import type { Run } from "../core/store.ts";
import { answering } from "./answering.ts";
import { checkArguments, cleanArguments } from "./arguments.ts";
import { comparedShortly, compareUri, comparisonOf } from "./comparing.ts";
import { Envelope } from "./envelope.ts";
import { firstOf } from "./fit.ts";
import { ownRun } from "./own-run.ts";
import { counted, decimal } from "./render.ts";
import { DEFAULT_WAIT, Tail, WaitSeconds } from "./tail.ts";
import { type CallContext, type Reply, type Rooms, type Setting, STARTS, type Tool } from "./tool.ts";
import { watch } from "./watch.ts";
import { inputSchema, lazily, outputSchema } from "./wire.ts";

const Input = z.strictObject({
  run_id: z.string().min(1),
  from_step: z.string().min(1).optional(),
  changes: Changes.optional(),
  rerun_effects: z.boolean().optional(),
  dry_run: z.boolean().optional(),
  wait_seconds: WaitSeconds.optional(),
  budget: Budget.optional(),
  labels: Tail.shape.labels,
  idempotency_key: Tail.shape.idempotency_key,
});
type Input = z.output<typeof Input>;

const Loose = z.looseObject({}).optional();

/** The input as the menu tells it: shorter than it is checked. */
const MENU = z.object({
  run_id: z.string(),
  from_step: z.string().optional().describe("all from here on is asked anew"),
  changes: z
    .object({
      agents: Loose.describe("{name: {instructions?, model?, version?: latest}}"),
      input: Loose.describe("the whole input"),
      steps: Loose.describe("{step: {prompt?, output_schema?}}"),
    })
    .optional(),
  rerun_effects: z.boolean().optional().describe("else a person is asked"),
  dry_run: z.boolean().optional(),
  wait_seconds: z.number().optional(),
  budget: Budget.optional(),
  labels: z.array(z.string()).optional(),
  idempotency_key: z.string().optional(),
});

const menuSchema = lazily(() => inputSchema(MENU));
const OUTPUT = lazily(() =>
  outputSchema(
    Envelope.extend({
      source: z.string().optional(),
      comparison: z.string().optional(),
      dry_run: z.boolean().optional(),
    }),
  ),
);

/** Forks a run: what has not changed is reused, the rest is asked, and both are compared. */
export const replayRun = (setting: Setting): Tool => ({
  name: "replay_run",
  title: "Replay a run with changes",
  description:
    "Plays a run again as a new one with other prompts, models or input: unchanged steps are reused free, the rest is asked, " +
    "both are compared; dry_run tells the cost first. Not to go on with a failed run (control_run).",
  get inputSchema() {
    return menuSchema();
  },
  get outputSchema() {
    return OUTPUT();
  },
  hints: STARTS,
  call: answering("replay_run", setting.log, async (args, context) => {
    const given = checkArguments("replay_run", Input, cleanArguments(args, setting.limits.input_bytes));
    const rooms = await setting.open();
    const source = await ownRun(rooms.store, given.run_id, context.caller);
    const effects = given.rerun_effects ? await effectsOf(source, rooms, context) : undefined;
    const request = { ...requestOf(source, given, context), ...(effects && { effects }) };
    if (given.dry_run) return foreseen(source, await rooms.engine.foreseeFork(request));
    const { run, existed } = await rooms.engine.fork(request);
    context.progress?.(`run ${run.id} ${existed ? "found again by its idempotency key" : `forked from ${source.id}`}`);
    const notes = [
      ...(existed ? ["this idempotency key already had a run, and here it is"] : []),
      ...(given.rerun_effects && !effects ? [NOT_UNASKED] : []),
    ];
    const note = notes.length > 0 ? { note: notes.join("; ") } : {};
    const told = await watch(rooms, run, given.wait_seconds ?? DEFAULT_WAIT, context, note);
    return withComparison(rooms, run, told);
  }),
});

function requestOf(
  source: Run,
  { from_step, changes, rerun_effects, budget, labels, idempotency_key: key }: Input,
  { caller }: CallContext,
): ForkRequest {
  const hash = fingerprint({ run: source.id, from_step, changes, rerun_effects, budget });
  return {
    source,
    caller,
    ...(from_step !== undefined && { from_step }),
    ...(changes && { changes }),
    ...(budget && { budget }),
    ...(labels && { labels }),
    ...(key !== undefined && { idempotency: { key: `replay_run:${key}`, hash } }),
  };
}

/**
 * Which effects are had unasked: whoever may approve for itself may let go unasked what it could approve. A model may
 * not where the settings leave that to people, nor where the run had a step that was left to them.
 */
async function effectsOf(
  { id }: Run,
  { store, people }: Rooms,
  { person }: CallContext,
): Promise<Fork["effects"] | undefined> {
  if (person) return "run";
  if (!people.policy.self) return undefined;
  const { waits } = await store.news(id);
  return waits.some((wait) => needsPerson(wait, people.policy)) ? undefined : "self";
}

const NOT_UNASKED = "what changes the world waits for a person here: a model may not have it done again unasked";

async function withComparison({ store }: Rooms, { id }: Run, told: Reply): Promise<Reply> {
  const run = await store.get(id);
  const whole = run && hasEnded(run.status) ? await comparisonOf(store, run) : undefined;
  const data = { ...told.data, ...(run?.source !== undefined && { source: run.source }) };
  if (!whole) return { ...told, data };
  const comparison = comparedShortly(whole);
  return {
    ...told,
    data: { ...data, comparison },
    text: `${told.text}\ncompared with its source (whole: ${compareUri(id)}):\n${comparison}`,
  };
}

const LISTED = 20;

/** What a replay would reuse, ask and cost; no run stands behind it. */
function foreseen(source: Run, { reused, first, asked, usd, seconds, ends, notes }: ForkForecast): Reply {
  const data = {
    run_id: null,
    status: null,
    dry_run: true,
    source: source.id,
    reused,
    asked: asked.length,
    first: firstOf(first, LISTED),
    steps: firstOf(asked, LISTED),
    usd: toUsd(usd),
    seconds,
    ...(ends && { ends }),
    notes: [...notes],
  };
  const text = [
    "dry run: nothing was started, nobody was asked",
    `${counted(reused, "step")} of ${source.id} reused, ${asked.length} asked anew`,
    first.length > 0 && `asked first: ${data.first.join(", ")}`,
    asked.length > 0 && `not reused: ${data.steps.join(", ")}`,
    `likely $${decimal(data.usd)} and ${seconds} s, as recorded; what the answers lead to may cost more`,
    ends && `it would end ${ends} without asking anybody`,
    ...notes.map((note) => `note: ${note}`),
  ];
  return { data, text: text.filter(Boolean).join("\n"), isError: false };
}
