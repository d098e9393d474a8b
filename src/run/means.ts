import type { World } from "../core/estimate.ts";
import type { Baseline } from "../core/store.ts";

/** So many runs, and calls of a step, must there be before they tell anything. */
const ENOUGH = 3;

export interface Means {
  /** How many runs they come from; 0 where there are not enough. */
  readonly runs: number;
  readonly mean: NonNullable<World["mean"]>;
  /** Has any of them been asked for and found? */
  readonly used: () => boolean;
}

/** What calls have cost and taken so far, by the names that their places end in. */
export function meansOf(baselines: readonly Baseline[]): Means {
  const runs = baselines.find(({ place }) => place === "")?.runs ?? 0;
  const sums = new Map<string, { runs: number; usd: number; ms: number }>();
  for (const { place, ...more } of runs < ENOUGH ? [] : baselines) {
    const sum = sums.get(lastName(place)) ?? { runs: 0, usd: 0, ms: 0 };
    sums.set(lastName(place), { runs: sum.runs + more.runs, usd: sum.usd + more.usd, ms: sum.ms + more.ms });
  }
  let used = false;
  const mean: Means["mean"] = (names) => {
    const [sum] = names.flatMap((name) => sums.get(name) ?? []).filter((each) => each.runs >= ENOUGH);
    if (!sum) return undefined;
    used = true;
    return { usd: sum.usd / sum.runs, ms: sum.ms / sum.runs };
  };
  return { runs: runs < ENOUGH ? 0 : runs, mean, used: () => used };
}

/** `map/3/critic.2` is a call of `critic`; a name's own marks are escaped. */
const lastName = (place: string): string =>
  (place.match(/(?:\\.|[^\\/])+$/)?.[0] ?? "").replace(/(?<!\\)\.\d+$/, "").replace(/\\(.)/g, "$1");
