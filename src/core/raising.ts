import type { Caps } from "./budget.ts";
import { misfits } from "./check.ts";
import { type ApprovalPolicy, type Judge, peoplesWays, rightCall } from "./deciding.ts";
import { Failure, type FailureInfo } from "./errors.ts";
import { Budget } from "./limits.ts";
import { toNano, toUsd } from "./money.ts";
import type { Run, Wait } from "./store.ts";

/** A cap that has run out, and one that a run could go on with: USD, tokens or calls. */
export interface Lack {
  readonly unit: "usd" | "tokens" | "calls";
  readonly enough: number;
}

/** What a wait for a budget lacks: twice the cap that is used up (a cap of nothing has no double), or what was asked for. */
export function lackOf({ caps }: Pick<Run, "caps">, { kind, show }: Wait): Lack {
  const { unit = "usd", needs = 0 } = (kind === "budget" ? show : {}) as Partial<FailureInfo>;
  const twice = (caps[unit] || FIRST[unit]) * 2;
  if (unit !== "usd") return { unit, enough: Math.max(twice, needs) };
  return { unit, enough: Math.max(toUsd(twice), Math.ceil(needs * 100) / 100) };
}
const FIRST = { usd: 500_000_000, tokens: 50_000, calls: 5 };

/** What a cap is called where people read it. */
export const UNIT_NAMES = { usd: "USD", tokens: "tokens", calls: "calls" } as const;

const UNITS = ["usd", "tokens", "calls", "seconds"] as const;

/** The caps that a decider may set, as a store takes them. */
export function raisedCaps(run: Run, given: unknown, { decider, policy }: Judge): Caps & { readonly seconds?: number } {
  const [problem] = misfits(Budget, given);
  if (problem) throw wrong(run, [...problem.path.map(String), problem.message].join(": "));
  const caps = Budget.parse(given);
  const { usd, ...rest } = Object.fromEntries(Object.entries(caps).filter(([, cap]) => cap !== undefined)) as Budget;
  if (usd === undefined && Object.keys(rest).length === 0) throw wrong(run, "`value` names no cap to raise");
  if (decider.is === "model") checkCeiling(run, caps, policy);
  return { ...(rest as Omit<Caps, "usd">), ...(usd !== undefined && { usd: toNano(usd) }) };
}

/** Only a person raises a budget above what one run may have. */
function checkCeiling(run: Run, caps: Budget, { run_max }: ApprovalPolicy): void {
  const over = UNITS.find((unit) => (caps[unit] ?? 0) > (run_max[unit] ?? Number.POSITIVE_INFINITY));
  if (over === undefined) return;
  throw new Failure("FORBIDDEN", `${over} ${caps[over]} is above the ceiling of ${run_max[over]} for a run`, {
    hint: `Up to budgets.run_max a model may raise it. ${peoplesWays(run.id)}`,
  });
}

const wrong = (run: Run, why: string): Failure =>
  new Failure("INVALID_INPUT", `decide: ${why}`, { hint: rightCall(run, "raise_budget", { value: { usd: 2 } }) });
