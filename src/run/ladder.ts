import type { FailureInfo } from "../core/errors.ts";
import type { RetryPolicy } from "../core/limits.ts";
import type { Attempt } from "../core/store.ts";

/** What a call does next: ask one of its models, sleep first, wait for a far time, or give up. */
export type Rung =
  | { readonly do: "ask"; readonly rung: number; readonly turn: number; readonly pause_ms: number }
  | { readonly do: "wait"; readonly rung: number; readonly turn: number; readonly until: number }
  | { readonly do: "fail"; readonly error: FailureInfo };

const LOST_LIMIT = 3;

/**
 * A call's next rung is a function of its recorded attempts, so that a restart goes on where it stood:
 * transient failures are tried again with growing pauses, a useless answer gets one repair turn,
 * and what cannot be mended goes to the next model.
 */
export function nextRung(past: readonly Attempt[], models: number, policy: RetryPolicy, random: () => number): Rung {
  if (past.filter(({ result }) => result === "lost").length >= LOST_LIMIT) return { do: "fail", error: CRASH_LOOP };
  const told = past.filter(({ result }) => result === "ok" || result === "bad" || result === "failed");
  const last = told.at(-1);
  if (!last) return { do: "ask", rung: 0, turn: 0, pause_ms: 0 };
  const error = last.error ?? CRASH_LOOP;
  const further: Rung =
    last.rung + 1 < models ? { do: "ask", rung: last.rung + 1, turn: 0, pause_ms: 0 } : { do: "fail", error };

  if (error.code === "BUDGET_EXCEEDED") return { do: "ask", rung: last.rung, turn: last.turn, pause_ms: 0 };
  if (last.result === "bad") {
    const mendable = last.turn === 0 && error.code !== "REFUSED";
    return mendable ? { do: "ask", rung: last.rung, turn: 1, pause_ms: 0 } : further;
  }
  const again = policy.on.some((code) => code.toUpperCase() === error.code);
  if (error.kind !== "transient" || !again) return further;
  const failed = told.filter(({ rung, result }) => rung === last.rung && result === "failed").length;
  if (failed >= policy.attempts) return further.do === "ask" ? further : { do: "fail", error: worn(error, failed) };
  const asked = error.retry_after_ms ?? 0;
  if (asked > policy.max_ms) {
    const until = last.at + (last.ms ?? 0) + asked;
    return further.do === "ask" ? further : { do: "wait", rung: last.rung, turn: last.turn, until };
  }
  const pause_ms = Math.max(asked, backoff(failed, policy) * random());
  return { do: "ask", rung: last.rung, turn: last.turn, pause_ms };
}

const backoff = (failed: number, { initial_ms, factor, max_ms }: RetryPolicy): number =>
  Math.min(max_ms, initial_ms * factor ** (failed - 1));

const worn = (error: FailureInfo, attempts: number): FailureInfo => ({
  ...error,
  message: attempts > 1 ? `${error.message} (${attempts} attempts)` : error.message,
});

const CRASH_LOOP: FailureInfo = {
  code: "CRASH_LOOP",
  kind: "catastrophic",
  retryable: false,
  message: `this step was in flight at ${LOST_LIMIT} crashes of the server, and may be their cause`,
  hint: "Look at the step's input in the trace, then requeue the run.",
};
