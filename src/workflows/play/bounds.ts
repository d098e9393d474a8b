import type { Budget } from "../../core/limits.ts";
import type { RunContext, Settled } from "../../core/pattern.ts";
import type { Node } from "../definition.ts";

/** What a node may use: money and calls, and time. */
export interface Bounds {
  readonly budget?: Budget;
  readonly seconds?: number;
}

/** A node's own limits; of two limits of time the nearer one. */
export function boundsOf({ budget: { seconds, ...caps } = {}, timeout_seconds }: Node): Bounds {
  const times = [seconds, timeout_seconds].filter((time) => time !== undefined);
  return {
    ...(Object.values(caps).some((cap) => cap !== undefined) && { budget: caps }),
    ...(times.length > 0 && { seconds: Math.min(...times) }),
  };
}

/** Work inside limits of its own; what has none is done as it is. */
export async function bounded<T>(ctx: RunContext, bounds: Bounds, work: (ctx: RunContext) => Promise<T>): Promise<T> {
  if (bounds.budget === undefined && bounds.seconds === undefined) return work(ctx);
  const [only] = await ctx.map([undefined], (_, inner) => work(inner), bounds);
  return outputOf(only);
}

/** A map that joins all has thrown where its branch failed. */
function outputOf<T>(settled: Settled<T> | undefined): T {
  if (!settled?.ok) throw new TypeError("a map of one that succeeded has no value");
  return settled.value;
}
