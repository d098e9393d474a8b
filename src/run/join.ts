import { Failure, type FailureInfo } from "../core/errors.ts";
import { fingerprint } from "../core/fingerprint.ts";
import type { Join, Settled } from "../core/pattern.ts";

/** One branch that has ended. */
export interface Arrived {
  readonly index: number;
  readonly result: Settled<unknown>;
}

/** A map is done: the branches that count, in the order they count, and why it throws if it does. */
export interface Decision {
  readonly took: readonly number[];
  readonly fail?: FailureInfo;
  /** Needs no line: memory alone tells it again. */
  readonly plain: boolean;
}

/** Whether the branches that have ended decide a map of so many; undefined: not yet. */
export function judge(join: Join, total: number, ended: readonly Arrived[]): Decision | undefined {
  const took: number[] = [];
  const seen: Settled<unknown>[] = [];
  let good = 0;
  for (const { index, result } of ended) {
    took.push(index);
    seen.push(result);
    if (result.ok) good++;
    const early = decidedBy(join, total, seen, good);
    if (early) return { took, plain: false, ...early };
  }
  if (ended.length < total) return undefined;
  return { took, plain: join.kind === "settle" || join.kind === "all" };
}

/** Do the branches seen so far decide it, the last of them just now? So many of them are good. */
function decidedBy(
  join: Join,
  total: number,
  seen: readonly Settled<unknown>[],
  good: number,
): { fail?: FailureInfo } | undefined {
  if (join.kind === "settle") return undefined;
  if (join.kind === "until") return join.test(seen) ? {} : undefined;
  const last = seen.at(-1);
  if (join.kind === "all") return last?.ok === false ? { fail: last.error } : undefined;
  const needed = join.kind === "quorum" ? join.count : 1;
  if (good >= needed) return {};
  return seen.length - good > total - needed ? { fail: short(needed, total, seen) } : undefined;
}

function short(needed: number, total: number, seen: readonly Settled<unknown>[]): FailureInfo {
  const why = seen.flatMap((result) => (result.ok ? [] : [`${result.error.code}: ${result.error.message}`]));
  const message = `${needed} of ${total} branches had to succeed and cannot any more (${why.slice(0, 3).join("; ")})`;
  return new Failure("NO_QUORUM", message).toJSON();
}

export const CANCELLED_BRANCH: Settled<never> = {
  ok: false,
  error: new Failure("CANCELLED", "the others had decided before it ended").toJSON(),
};

/** What makes one join another question than the next: how it is decided, and over how many. */
export const joinPrint = (join: Join, of: number): string =>
  fingerprint({ kind: "map", join: join.kind, count: "count" in join ? join.count : 0, of });

/** Why a branch ends whose time is over. */
export const outOfTime = (seconds: number | undefined): FailureInfo =>
  new Failure("TIMEOUT", `the branch had not ended after its ${seconds} seconds`).toJSON();
