/** So many times the usual is too much. */
export const COSTLY_TIMES = 3;
/** So many runs must have succeeded before anybody knows what is usual. */
export const ENOUGH_RUNS = 3;
/** In nano-USD: what costs no more than a cent is never too much. */
export const COSTLY_LEAST = 10_000_000;

/**
 * Under which name it is learnt what a run costs. Runs of one saved workflow are like each other; those of the pattern
 * that plays them all are not.
 */
export function subjectOf(pattern: string, input: unknown): string {
  const name = pattern === "run_workflow" ? (input as { readonly name?: unknown } | undefined)?.name : undefined;
  return typeof name === "string" ? `workflow:${name}` : `pattern:${pattern}`;
}

/** `map/2/critic` with a star for its branch. */
export const anyBranch = (place: string): string => place.replace(/(^|\/)\d+(?=\/|$)/g, "$1*");

/** What one place of a run has cost, and what runs of its kind usually spend there, in nano-USD. */
export interface PlaceCost {
  /** With stars for branches. */
  readonly place: string;
  readonly usd: number;
  readonly usual: number;
  /** The dearest of its branches. */
  readonly dearest: string;
}

/** Where a run has spent most over the usual. */
export function mostOver(
  spent: readonly { readonly place: string; readonly usd: number }[],
  usual: (place: string) => number,
): PlaceCost | undefined {
  const steps = new Map<string, number>();
  for (const { place, usd } of spent) steps.set(place, (steps.get(place) ?? 0) + usd);
  const places = new Map<string, PlaceCost>();
  for (const [step, usd] of steps) {
    const place = anyBranch(step);
    const known = places.get(place);
    const dearest = known && (steps.get(known.dearest) ?? 0) >= usd ? known.dearest : step;
    places.set(place, { place, usd: (known?.usd ?? 0) + usd, usual: usual(place), dearest });
  }
  const over = ({ usd, usual }: PlaceCost) => usd - usual;
  return [...places.values()].toSorted((a, b) => over(b) - over(a))[0];
}
