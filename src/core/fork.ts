import type { Changes, Fork } from "./changes.ts";
import type { Budget, OnBudget } from "./limits.ts";
import { isUnder, placesApart } from "./place.ts";
import type { Line, Run } from "./store.ts";

/** A fork as a caller asks for it. */
export interface ForkRequest {
  readonly source: Run;
  readonly from_step?: string;
  readonly changes?: Changes;
  readonly effects?: Fork["effects"];
  readonly caller: string;
  readonly budget?: Budget;
  readonly on_budget?: OnBudget;
  readonly priority?: number;
  readonly labels?: readonly string[];
  readonly idempotency?: { readonly key: string; readonly hash: string };
}

/** What a fork would reuse and ask, told before it costs anything. */
export interface ForkForecast {
  /** Steps of the source that it takes as they are. */
  readonly reused: number;
  /** Where it asks first; what follows depends on the answers. */
  readonly first: readonly string[];
  /** Steps of the source that are not reused, so far as memory leads. */
  readonly asked: readonly string[];
  /** What those have cost, in nano-USD, at the price of the models that answer now. */
  readonly usd: number;
  readonly seconds: number;
  /** How it ends without asking anybody, where it does. */
  readonly ends?: Run["status"];
  readonly notes: readonly string[];
}

/** Steps that count: what was asked, done or waited for. Decisions and patterns inside are made again from these. */
export const isStep = ({ kind }: Pick<Line, "kind">): boolean =>
  kind === "call" || kind === "choice" || kind === "wait";

/** The lines that stand: of each place the one of the latest generation that no retry has dropped. */
export function standing(lines: readonly Line[]): Line[] {
  const latest = new Map<string, Line>();
  for (const line of lines) {
    const known = latest.get(line.place);
    if (!line.dropped && (!known || known.generation <= line.generation)) latest.set(line.place, line);
  }
  return [...latest.values()];
}

/** The lines of a source that a fork may take, as generation 0: those that stood when it was forked, before its step. */
export const offeredLines = (lines: readonly Line[], { from, upto }: Fork): Line[] =>
  standing(lines)
    .filter((line) => line.seq <= upto && !(from && isFrom(line, from)))
    .map((line) => ({ ...line, generation: 0 }));

/** Where a step began: the first thing that was learnt at or inside it; of one that was cut off, the first end around it. */
export function beganAt(lines: readonly Line[], step: string): number {
  const inside = lines.filter(({ place }) => isUnder(place, step));
  const known = inside.length > 0 ? inside : lines.filter(({ place }) => isUnder(step, place));
  return Math.min(...known.map(({ seq }) => seq));
}

/**
 * Is it the step, inside it, the end of what it stands in, or later where it stands? A branch beside it is none of
 * these. A decision around it stays offered: its branches are counted again, lest another one wins unasked.
 */
function isFrom({ place, seq, kind }: Line, from: NonNullable<Fork["from"]>): boolean {
  if (isUnder(place, from.step)) return true;
  if (isUnder(from.step, place)) return kind !== "join";
  return placesApart(place, from.step) === "in turn" && seq > from.seq;
}

/** Was this asked before that, so that what it was told may have led there? Both are known to have begun. */
export function mayHaveLedTo(earlier: string, later: string): boolean {
  const apart = placesApart(earlier, later);
  return apart === "in turn" || (typeof apart === "object" && apart[0] < apart[1]);
}
