import type { Comparison, Figures, OutputDiff, StepDifference, StepFigures } from "./compare.ts";
import { nearChanges } from "./line-diff.ts";

/** How much of a comparison is told. */
export interface Bounds {
  readonly steps: number;
  readonly lines: number;
  /** The most characters of one value or line. */
  readonly width: number;
}

/** All that differs. */
export const WHOLE: Bounds = {
  steps: Number.POSITIVE_INFINITY,
  lines: Number.POSITIVE_INFINITY,
  width: Number.POSITIVE_INFINITY,
};

/** A comparison as text, for a terminal or for a model. */
export function compareWords(told: Comparison, bounds: Bounds): string {
  const { source, fork, status, reused, asked, totals, steps } = told;
  return [
    `${source} → ${fork}`,
    `status: ${change(status.before, status.after)}`,
    `steps: ${reused} reused, ${asked} asked`,
    ...totalWords(totals),
    ...someOf(steps.map(stepWords), bounds.steps, "steps"),
    ...outputWords(told.output, bounds),
  ].join("\n");
}

const change = (before: string, after: string): string => (before === after ? after : `${before} → ${after}`);

function totalWords({ before, after }: Comparison["totals"]): string[] {
  const row = (name: string, of: (figures: Figures) => number, show: (n: number) => string) =>
    `${name}: ${change(show(of(before)), show(of(after)))}${more(of(before), of(after))}`;
  return [
    `${row("cost", ({ usd }) => usd, dollars)}; paid for the fork: ${dollars(after.billed_usd)}`,
    row("tokens", ({ tokens }) => tokens, String),
    row("calls", ({ calls }) => calls, String),
    row("time of the steps", ({ ms }) => ms, millis),
  ];
}

function more(before: number, after: number): string {
  if (before === after || before === 0) return "";
  const percent = Math.round((after / before - 1) * 100);
  return percent === 0 ? "" : ` (${percent > 0 ? "+" : ""}${percent} %)`;
}

const WHAT = {
  answer: "another answer",
  figures: "the same answer",
  "only before": "gone",
  "only after": "new",
} as const;

/** One step that differs, in a line. */
function stepWords({ step, what, before, after }: StepDifference): string {
  const figures = (of: (side: StepFigures) => string) => change(before ? of(before) : "–", after ? of(after) : "–");
  const who = figures(({ agent, model }) => model ?? agent ?? "–");
  const numbers = [
    figures(({ usd }) => dollars(usd)),
    figures(({ tokens }) => `${tokens} tokens`),
    figures(({ ms }) => millis(ms)),
  ];
  const how = figures(({ status }) => status);
  return [`${step} [${WHAT[what]}]`, ...(how === "done" ? [] : [how]), ...(who === "–" ? [] : [who]), ...numbers].join(
    " · ",
  );
}

/** What differs in the outputs, in lines that begin with what is gone (-) or new (+). */
function outputWords(output: OutputDiff, { lines, width }: Bounds): string[] {
  if (output.kind === "same") return ["output: the same"];
  const told =
    output.kind === "text"
      ? nearChanges(output.lines)
      : output.changes.flatMap((one) => [
          ...("before" in one ? [`- ${one.path}: ${shown(one.before)}`] : []),
          ...("after" in one ? [`+ ${one.path}: ${shown(one.after)}`] : []),
        ]);
  const cut = told.map((line) => (line.length <= width ? line : `${line.slice(0, width - 1).toWellFormed()}…`));
  return ["output:", ...someOf(cut, lines, "lines")];
}

const shown = (value: unknown): string => JSON.stringify(value) ?? "nothing";

const someOf = (lines: readonly string[], most: number, things: string): string[] =>
  lines.length <= most ? [...lines] : [...lines.slice(0, most), `… and ${lines.length - most} more ${things}`];

const dollars = (usd: number): string => `$${usd.toFixed(9).replace(/\.?0+$/, "") || "0"}`;
const millis = (ms: number): string => (ms < 10_000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);
