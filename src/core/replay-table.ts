import type { Comparison } from "./compare.ts";
import type { Run } from "./store.ts";

/** What came of one run of a set: its comparison, or why there is none. */
export interface Replayed {
  readonly source: Run;
  readonly comparison?: Comparison;
  readonly problem?: string;
}

/** All of a set, for whoever decides whether a change is rolled out. Money is in USD. */
export interface ReplayTotals {
  readonly runs: number;
  readonly same: number;
  readonly different: number;
  /** Did not end as well as its source. */
  readonly worse: number;
  readonly better: number;
  /** Could not be replayed at all. */
  readonly refused: number;
  readonly usd: { readonly before: number; readonly after: number; readonly paid: number };
  readonly ms: { readonly before: number; readonly after: number };
}

/** Adds up what came of a set of replays. */
export function replayTotals(all: readonly Replayed[]): ReplayTotals {
  const told = all.flatMap(({ comparison }) => comparison ?? []);
  const sum = (of: (one: Comparison) => number) => told.reduce((total, one) => total + of(one), 0);
  const good = (status: string) => status === "succeeded";
  const count = (is: (one: Comparison) => boolean) => told.filter(is).length;
  return {
    runs: all.length,
    same: count(({ output }) => output.kind === "same"),
    different: count(({ output }) => output.kind !== "same"),
    worse: count(({ status }) => good(status.before) && !good(status.after)),
    better: count(({ status }) => !good(status.before) && good(status.after)),
    refused: all.length - told.length,
    usd: {
      before: sum(({ totals }) => totals.before.usd),
      after: sum(({ totals }) => totals.after.usd),
      paid: sum(({ totals }) => totals.after.billed_usd),
    },
    ms: { before: sum(({ totals }) => totals.before.ms), after: sum(({ totals }) => totals.after.ms) },
  };
}

/** A set as a table in text, with its totals. */
export function replayTable(all: readonly Replayed[]): string {
  const rows = [["run", "status", "cost", "time", "reused", "asked", "output"], ...all.map(row)];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0))) ?? [];
  const lines = rows.map((cells) =>
    cells
      .map((cell, n) => cell.padEnd(widths[n] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  return [...lines, "", ...totalLines(replayTotals(all))].join("\n");
}

function row({ source, comparison, problem }: Replayed): string[] {
  if (!comparison) return [source.id, source.status, "–", "–", "–", "–", problem ?? "not replayed"];
  const { status, totals, reused, asked, output } = comparison;
  return [
    source.id,
    change(status.before, status.after),
    change(dollars(totals.before.usd), dollars(totals.after.usd)),
    change(seconds(totals.before.ms), seconds(totals.after.ms)),
    String(reused),
    String(asked),
    output.kind === "same" ? "same" : "different",
  ];
}

function totalLines({ runs, same, different, worse, better, refused, usd, ms }: ReplayTotals): string[] {
  return [
    `${runs} runs: ${same} with the same output, ${different} with another, ${refused} not replayed`,
    `status: ${worse} worse, ${better} better`,
    `cost: ${change(dollars(usd.before), dollars(usd.after))}; paid for the replays: ${dollars(usd.paid)}`,
    `time of the steps: ${change(seconds(ms.before), seconds(ms.after))}`,
  ];
}

const change = (before: string, after: string): string => (before === after ? after : `${before} → ${after}`);
const dollars = (usd: number): string => `$${usd.toFixed(6).replace(/\.?0+$/, "") || "0"}`;
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
