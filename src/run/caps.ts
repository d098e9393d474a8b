import { type Amount, type Caps, type Ledger, NOTHING } from "../core/budget.ts";
import { utcDay } from "../core/clock.ts";
import type { Budget } from "../core/limits.ts";
import { toNano } from "../core/money.ts";
import type { Attempt, Hold } from "../core/store.ts";
import type { NestedCap } from "./frame.ts";
import type { Stage } from "./stage.ts";

/** A budget as a caller writes it, as caps that are counted. */
export function capsOf({ usd, tokens, calls }: Budget): Caps {
  return {
    ...(usd !== undefined && { usd: toNano(usd) }),
    ...(tokens !== undefined && { tokens }),
    ...(calls !== undefined && { calls }),
  };
}

/** The nodes of today above a caller's run. */
export function dailyNodes({ clock, daily }: Stage, caller: string): Hold["nodes"] {
  const day = utcDay(clock.now());
  return [
    { id: `caller:${caller}:${day}`, scope: "caller", caps: daily.caller },
    { id: `day:${day}`, scope: "day", caps: daily.day },
  ];
}

/** A nested cap is a fold over what was asked inside its place; it spans retries and generations. */
export function ledgerOf({ place, caps }: NestedCap, attempts: readonly Attempt[]): Ledger {
  const sum = (list: readonly Attempt[], amount: (attempt: Attempt) => Amount): Amount =>
    list.map(amount).reduce(plus, NOTHING);
  const paid = attempts.filter(({ cached_answer }) => !cached_answer);
  const spent = sum(
    paid.filter(({ state }) => state === "settled"),
    ({ usage }) => ({ usd: usage.usd, tokens: usage.input + usage.output, calls: 1 }),
  );
  const held = sum(
    paid.filter(({ state }) => state === "held"),
    ({ reserve }) => ({ ...reserve, calls: 1 }),
  );
  return { id: place, scope: "step", caps, spent, held };
}

export const plus = (a: Amount, b: Amount): Amount => ({
  usd: a.usd + b.usd,
  tokens: a.tokens + b.tokens,
  calls: a.calls + b.calls,
});
