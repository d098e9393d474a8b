import type { Envelope } from "./envelope.ts";
import { textOf } from "./fit.ts";

/** An envelope as text: the same words and figures, in the order in which they matter. */
export function render(told: Envelope): string {
  const { output, error, degraded, queued_because, note, warnings, next } = told;
  return [
    headline(told),
    ...(degraded ?? []).map((why) => `degraded: ${why}`),
    queued_because && `queued because ${queued_because}`,
    ...waitLines(told),
    error &&
      `error ${error.code} (${error.kind}${error.retryable ? ", may be tried again" : ""})${where(error)}: ${error.message}`,
    error?.hint && `hint: ${error.hint}`,
    error?.input_ref && `its input: ${error.input_ref}`,
    output !== undefined && `output:\n${textOf(output)}`,
    note && `note: ${note}`,
    ...(warnings ?? []).map((warning) => `warning: ${warning}`),
    next && `next: ${next.tool} ${JSON.stringify(next.arguments)}`,
  ]
    .filter((line) => typeof line === "string" && line !== "")
    .join("\n");
}

function headline({ run_id, status, usage, steps, rehearsal }: Envelope): string {
  if (run_id === null) return "refused: nothing was started or changed";
  const parts = [
    `run ${run_id} ${status}`,
    usage && `$${decimal(usage.usd)}${usage.partial ? " (partly estimated)" : ""}`,
    usage &&
      `${counted(usage.calls, "call")}, ${usage.input_tokens} tokens in${rememberedOf(usage)}, ${usage.output_tokens} out`,
    steps && stepLine(steps),
    rehearsal && "rehearsal (no real model answered)",
  ];
  return parts.filter(Boolean).join(" · ");
}

/** What of the input a vendor remembered, where it did. */
const rememberedOf = ({ input_tokens, cached_tokens = 0 }: NonNullable<Envelope["usage"]>): string =>
  cached_tokens > 0 ? ` (${cachedShare(input_tokens, cached_tokens)})` : "";

/** "2,400 cached, 80 %". */
export const cachedShare = (input: number, cached: number): string =>
  `${cached.toLocaleString("en")} cached, ${Math.round((100 * cached) / Math.max(1, input))} %`;

function stepLine({ done, running, waiting, failed, total }: NonNullable<Envelope["steps"]>): string {
  const named = (word: string, list: string[]) => (list.length > 0 ? `${word}: ${list.join(", ")}` : "");
  const count = `${total === undefined ? counted(done, "step") : `${done}/${total} steps`} done`;
  return [count, named("running", running), named("waiting", waiting), named("failed", failed)]
    .filter(Boolean)
    .join("; ");
}

function waitLines({ waiting_for: wait }: Envelope): string[] {
  if (!wait) return [];
  const until = wait.until ? ` until ${wait.until}` : "";
  const hash = wait.approval ? ` (approval ${wait.approval})` : "";
  const at = wait.step === "" ? "" : ` at ${wait.step}`;
  const { show, action, by, default: instead, note, page } = wait;
  return [
    `waiting for ${wait.kind}${at}${hash}${until}${instead ? `, then: ${instead}` : ""}`,
    show === undefined ? "" : shownLine(wait, show),
    action === undefined ? "" : `to be done: ${textOf(action)}`,
    by ? "only a person may decide it" : "",
    note ? `note on it: ${note}` : "",
    page ? `a person decides here: ${page}` : "",
  ];
}

/** Of an outage and of money that has run out the sentence that says so; nobody decides on a timer, nor on a cap of all runs. */
function shownLine({ kind, until }: NonNullable<Envelope["waiting_for"]>, show: unknown): string {
  const { outage, message } = Object(show) as { readonly outage?: string; readonly message?: string };
  if (kind === "timer" && outage !== undefined) return `why: ${outage}`;
  if (kind !== "budget") return `to be decided: ${textOf(show)}`;
  return `${until === undefined ? "to be decided" : "why"}: ${message ?? textOf(show)}`;
}

const where = ({ step, agent }: NonNullable<Envelope["error"]>): string =>
  `${step === undefined ? "" : ` at ${step}`}${agent === undefined ? "" : ` by ${agent}`}`;

/** A figure in full: never with an exponent, never with idle zeros. */
export const decimal = (usd: number): string => usd.toFixed(9).replace(/\.?0+$/, "") || "0";

/** "1 call", "2 calls". */
export const counted = (count: number, thing: string): string => `${count} ${thing}${count === 1 ? "" : "s"}`;
