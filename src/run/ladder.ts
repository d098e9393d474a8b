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
  if (!last) return ask(0, 0);
  const { rung, turn, error = CRASH_LOOP } = last;
  const further: Rung = rung + 1 < models ? ask(rung + 1, 0) : { do: "fail", error };
  if (error.code === "BUDGET_EXCEEDED") return ask(rung, turn);
  if (last.result === "bad") return turn === 0 && error.code !== "REFUSED" ? ask(rung, 1) : further;
  const again = policy.on.some((code) => code.toUpperCase() === error.code);
  return again ? afterTransient(last, error, told, further, policy, random) : further;
}

function afterTransient(
  { rung, turn, at, ms = 0 }: Attempt,
  error: FailureInfo,
  told: readonly Attempt[],
  further: Rung,
  policy: RetryPolicy,
  random: () => number,
): Rung {
  const failed = told.filter((attempt) => attempt.rung === rung && attempt.result === "failed").length;
  const asked = error.retry_after_ms ?? 0;
  if (failed >= policy.attempts) return further.do === "ask" ? further : { do: "fail", error: worn(error, failed) };
  if (asked <= policy.max_ms) return ask(rung, turn, Math.max(asked, pauseAfter(failed, policy, random)));
  return further.do === "ask" ? further : { do: "wait", rung, turn, until: at + ms + asked };
}

/** How long to wait before the next attempt after so many. */
export const pauseAfter = (failed: number, policy: RetryPolicy, random: () => number): number =>
  backoff(failed, policy) * random();

const ask = (rung: number, turn: number, pause_ms = 0): Rung => ({ do: "ask", rung, turn, pause_ms });

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
