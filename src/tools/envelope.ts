import { z } from "zod";
import { Bill, billOf } from "../core/bill.ts";
import type { Failure, FailureInfo } from "../core/errors.ts";
import { showUsd } from "../core/money.ts";
import { isRehearsal } from "../core/record.ts";
import { STATUSES } from "../core/status.ts";
import type { Progress, Run, Wait } from "../core/store.ts";
import { clip, firstOf, fitting, textOf } from "./fit.ts";
import { type Meeting, settling, waitOf } from "./waiting-for.ts";
import { lazily, outputSchema } from "./wire.ts";

const Next = z.object({ tool: z.string(), arguments: z.record(z.string(), z.unknown()) });
export type Next = z.output<typeof Next>;

/** What every tool that speaks of one run answers; it holds for refused calls and failed runs as well. */
export const Envelope = z.object({
  run_id: z.string().nullable(),
  status: z.enum(STATUSES).nullable().describe("null: no run (refused, or dry_run)"),
  output: z.unknown().optional(),
  error: z
    .object({
      code: z.string(),
      kind: z.string(),
      message: z.string(),
      step: z.string().optional(),
      agent: z.string().optional(),
      input_ref: z.string().optional(),
      retryable: z.boolean(),
      hint: z.string().optional(),
    })
    .optional(),
  usage: Bill.extend({ cached_tokens: z.int().optional() }).optional(),
  steps: z
    .object({
      done: z.number(),
      running: z.array(z.string()),
      waiting: z.array(z.string()),
      failed: z.array(z.string()),
      total: z.number().optional(),
    })
    .optional(),
  waiting_for: z
    .object({
      kind: z.enum(["approval", "answer", "budget", "event", "timer", "resume"]),
      step: z.string(),
      approval: z.string().optional(),
      until: z.string().optional(),
      show: z.unknown().optional(),
      action: z.unknown().optional(),
      by: z.literal("person").optional().describe("no model may decide"),
      default: z.string().optional(),
      note: z.string().optional(),
      page: z.string().optional(),
    })
    .optional(),
  queued_because: z.string().optional(),
  degraded: z.array(z.string()).optional(),
  rehearsal: z.boolean().optional(),
  note: z.string().optional(),
  warnings: z.array(z.string()).optional(),
  next: Next.optional().describe("the call to make now"),
});
export type Envelope = z.output<typeof Envelope>;

export const ENVELOPE_SCHEMA = lazily(() => outputSchema(Envelope));

/** Room for the output in an answer of 2,000 tokens, beside all else it may say. */
const OUTPUT_TOKENS = 1200;
const LISTED = 12;

/** All that is at hand to tell of a run. */
export interface Told {
  readonly run: Run;
  readonly progress: Progress;
  readonly queuedBecause?: string | undefined;
  readonly note?: string | undefined;
  readonly warnings?: readonly string[];
  readonly meeting?: Meeting;
}

/** A run as its caller reads it. */
export function envelope({ run, progress, queuedBecause, note, warnings = [], meeting = {} }: Told): Envelope {
  const { value, cut } = fitting(run.output, OUTPUT_TOKENS);
  const [wait] = progress.waiting;
  const next = nextCall(run, wait, { cut, meeting });
  return {
    run_id: run.id,
    status: run.status,
    ...(run.output !== undefined && { output: value }),
    ...(run.error && { error: errorOf(run.error) }),
    usage: { ...billOf(run.usage), ...(run.usage.cached > 0 && { cached_tokens: run.usage.cached }) },
    steps: {
      done: progress.done,
      running: firstOf(progress.running, LISTED),
      waiting: firstOf(
        progress.waiting.map(({ place }) => place),
        LISTED,
      ),
      failed: firstOf(progress.failed, LISTED),
    },
    ...waitingFor(run, wait, meeting),
    ...(queuedBecause !== undefined && { queued_because: queuedBecause }),
    ...(run.degraded.length > 0 && {
      degraded: firstOf(
        run.degraded.map((why) => clip(why, 300)),
        6,
      ),
    }),
    ...(isRehearsal(run) && { rehearsal: true }),
    ...noted(note, forked(run, progress), overspent(run), endingOf(run, progress), cutOff(run, progress)),
    ...(warnings.length > 0 && { warnings: [...warnings] }),
    ...(next && { next }),
  };
}

function forked({ source }: Run, { reused = 0, done, failed }: Progress): string | undefined {
  if (source === undefined) return undefined;
  return `a fork of ${source}: ${reused} calls reused, ${done + failed.length - reused} asked.`;
}

/** What a vendor has billed beyond what it was held to. */
function overspent({ caps: { usd: cap }, usage }: Run): string | undefined {
  if (cap === undefined || usage.usd <= cap) return undefined;
  return `a vendor billed more than was held, so that this run cost ${showUsd(usage.usd)} under a cap of ${showUsd(cap)}.`;
}

/** What of a run that is being stopped still runs. */
function endingOf({ status, cancelling, paused }: Run, { running }: Progress): string | undefined {
  if (status !== "running" || !(cancelling || paused)) return undefined;
  const asked = cancelling ? "its end is asked for" : "its pause is asked for";
  if (running.length === 0) return `${asked}, and whoever plays it has not stopped yet.`;
  return `${asked}, and what \`steps.running\` lists ${cancelling ? "has not been stopped yet" : "ends first"}.`;
}

/** What was in the midst of changing the world when the run was cancelled: no answer came any more. */
function cutOff({ status }: Run, { untold = [] }: Progress): string | undefined {
  if (status !== "cancelled" || untold.length === 0) return undefined;
  return `begun and cut off, so that nobody knows whether it was done: ${firstOf(untold, LISTED).join(", ")}.`;
}

/** A paused run waits to go on, whatever else it waits for. */
function waitingFor(
  { status, paused, control }: Run,
  wait: Wait | undefined,
  meeting: Meeting,
): Pick<Envelope, "waiting_for"> {
  if (status !== "waiting") return {};
  if (paused) return { waiting_for: { kind: "resume", step: "", ...(control && { note: `paused by ${control.by}` }) } };
  return wait ? { waiting_for: waitOf(wait, meeting) } : {};
}

function noted(...notes: readonly (string | undefined)[]): { note?: string } {
  const said = notes.filter((one) => one !== undefined).join(" ");
  return said === "" ? {} : { note: said };
}

/** The answer to a call that was refused, or to a question that cannot be answered: there is no run to speak of. */
export const refusal = (failure: Failure): Envelope => ({
  run_id: null,
  status: null,
  error: errorOf(failure.toJSON()),
});

const errorOf = ({
  retry_after_ms: _,
  scope: __,
  unit: ___,
  needs: ____,
  ...info
}: FailureInfo): Envelope["error"] => ({
  ...info,
  message: clip(info.message, 1200),
  ...(info.hint !== undefined && { hint: clip(info.hint, 1600) }),
});

/** The exact call to make now; none where nothing is to be done. */
function nextCall(
  run: Run,
  wait: Wait | undefined,
  { cut, meeting }: { readonly cut: boolean; readonly meeting: Meeting },
): Next | undefined {
  const run_id = run.id;
  switch (run.status) {
    case "queued":
    case "running":
      return { tool: "get_run", arguments: { run_id, wait_seconds: 25 } };
    case "waiting":
      if (run.paused) return { tool: "control_run", arguments: { run_id, action: "resume" } };
      return wait ? settling(run, wait, meeting) : { tool: "get_run", arguments: { run_id, wait_seconds: 25 } };
    case "succeeded":
      return cut ? { tool: "get_run", arguments: { run_id, cursor: "0" } } : undefined;
    case "failed":
      return run.error?.retryable
        ? { tool: "control_run", arguments: { run_id, action: "retry" } }
        : { tool: "get_run_trace", arguments: { run_id } };
    case "dead":
      return { tool: "get_run_trace", arguments: { run_id } };
    case "cancelled":
      return undefined;
  }
}

export const runUri = (id: string): string => `baton://runs/${id}`;
export const traceUri = (id: string): string => `${runUri(id)}/trace`;

/** Is the output of a run longer than an answer shows? */
export const isCut = (run: Run): boolean => fitting(run.output, OUTPUT_TOKENS).cut;

/** The whole output of a run as text, which is what cursors count in. */
export const outputText = (run: Run): string => textOf(run.output);
