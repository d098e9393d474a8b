import type { Amount, Caps } from "../core/budget.ts";
import { utcDay } from "../core/clock.ts";
import type { Budget } from "../core/limits.ts";
import { toNano } from "../core/money.ts";
import type { Hold } from "../core/store.ts";
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

export const minus = (a: Amount, b: Amount): Amount => ({
  usd: a.usd - b.usd,
  tokens: a.tokens - b.tokens,
  calls: a.calls - b.calls,
});

export const plus = (a: Amount, b: Amount): Amount => ({
  usd: a.usd + b.usd,
  tokens: a.tokens + b.tokens,
  calls: a.calls + b.calls,
});
