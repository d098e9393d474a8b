import type { Range } from "./estimate.ts";
import type { Budget } from "./limits.ts";
import type { Outline } from "./outline.ts";

/** What a start would do and use; what nobody can tell is null. Money is in USD. */
export interface Forecast {
  /** Null where the pattern does not say what it is going to do; then all figures are null. */
  readonly outline: Outline | null;
  readonly calls: Range | null;
  readonly usd: { readonly likely: number; readonly most: number | null } | null;
  readonly tokens: Range | null;
  readonly seconds: Range | null;
  /** What the budget allows, whatever happens. */
  readonly cap: Budget;
  /** The same task asked of one agent once. */
  readonly single: { readonly agent: string; readonly usd: number | null; readonly seconds: number } | null;
  /** The likely cost over that of the single agent; null where that costs nothing. */
  readonly times_single: number | null;
  readonly warnings: readonly string[];
  /** How the figures are to be read. */
  readonly notes: readonly string[];
  readonly basis: string;
}
