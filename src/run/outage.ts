import type { Code, Failure } from "../core/errors.ts";
import type { RetryPolicy } from "../core/limits.ts";
import type { Attempt } from "../core/store.ts";
import type { Stage } from "./stage.ts";

/** What is done with a call when nobody is there to answer it: it fails, or it waits until somebody is. */
export type OnOutage = "fail" | "wait";

const OUT: readonly Code[] = ["NETWORK", "OVERLOADED", "UNAUTHORIZED", "QUOTA_EXHAUSTED", "CIRCUIT_OPEN"];
/** So long a call waits where nobody knows until when it must. */
const LONGEST_MS = 600_000;
const SHORTEST_MS = 1000;

/** How long a call waits whose models are refused for these reasons; undefined where waiting does not help. */
export function waitOut(reasons: readonly Failure[], { onOutage }: Pick<Stage, "onOutage">): number | undefined {
  if (onOutage !== "wait") return undefined;
  const out = reasons.filter(({ code }) => code === "CIRCUIT_OPEN" || code === "RATE_LIMITED");
  if (out.length === 0) return undefined;
  const pauses = out.map(({ retryAfterMs = LONGEST_MS }) => retryAfterMs);
  return Math.max(SHORTEST_MS, Math.min(...pauses));
}

/**
 * Until when a call waits whose models have all failed because they were out of reach: a cool-down that doubles each
 * time that it has been waited out in vain. Undefined where they have failed of something else.
 */
export function waitAfter(
  { code }: Failure,
  past: readonly Attempt[],
  policy: RetryPolicy,
  { onOutage, guard }: Pick<Stage, "onOutage" | "guard">,
): number | undefined {
  const last = past.at(-1);
  if (onOutage !== "wait" || !last || !OUT.includes(code)) return undefined;
  const pause = Math.min(LONGEST_MS, guard.cooldownMs * 2 ** Math.min(inVain(last, past, policy), 20));
  return last.at + (last.ms ?? 0) + pause;
}

/** After its first attempts a model is tried once each time; those are told apart by what may be tried again at once. */
function inVain({ rung, error }: Attempt, past: readonly Attempt[], { attempts, on }: RetryPolicy): number {
  const failed = past.filter((attempt) => attempt.rung === rung && attempt.result === "failed").length;
  const atFirst = on.some((code) => code.toUpperCase() === error?.code) ? attempts : 1;
  return Math.max(0, failed - atFirst);
}
