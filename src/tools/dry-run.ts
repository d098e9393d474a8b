import { drawOutline } from "../core/drawing.ts";
import type { Range } from "../core/estimate.ts";
import type { Forecast } from "../core/forecast.ts";
import type { Outline } from "../core/outline.ts";
import { tokens } from "./fit.ts";
import { decimal } from "./render.ts";
import type { Reply } from "./tool.ts";

const GRAPH_TOKENS = 900;
const STEPS = [60, 30, 15, 5];

/** What a start would do and cost, as the answer to it; no run stands behind it. */
export function foreseen({ outline, ...figures }: Forecast): Reply {
  const graph = outline ? drawn(outline) : null;
  const data = { run_id: null, status: null, dry_run: true, ...figures, graph };
  return { data, text: inWords(figures, graph), isError: false };
}

/** As many of its steps as fit. */
function drawn(outline: Outline): string {
  const drawings = STEPS.map((most) => drawOutline(outline, most));
  return drawings.find((text) => tokens(text) <= GRAPH_TOKENS) ?? drawings.at(-1) ?? "";
}

function inWords(figures: Omit<Forecast, "outline">, graph: string | null): string {
  const { calls, usd, tokens, seconds, cap, single, times_single: times, warnings, notes, basis } = figures;
  return [
    "dry run: nothing was started, nobody was asked",
    usd ? `cost: likely ${dollars(usd.likely)}, at most ${dollars(usd.most)}` : "cost: unknown",
    calls && `calls: ${range(calls)}`,
    tokens && `tokens: ${range(tokens)}`,
    seconds && `seconds: ${range(seconds)}`,
    `the budget allows, whatever happens: ${capWords(cap)}`,
    single && singleWords(single, times),
    `basis: ${basis}`,
    ...notes.map((note) => `note: ${note}`),
    ...warnings.map((warning) => `warning: ${warning}`),
    graph,
  ]
    .filter(Boolean)
    .join("\n");
}

const range = ({ likely, most }: Range): string => `likely ${likely}, at most ${most}`;
const dollars = (usd: number | null): string => (usd === null ? "unknown" : `$${decimal(usd)}`);

function capWords(cap: Forecast["cap"]): string {
  const words = Object.entries(cap).map(([unit, most]) => (unit === "usd" ? dollars(most ?? null) : `${most} ${unit}`));
  return words.join(", ") || "anything";
}

function singleWords({ agent, usd, seconds }: NonNullable<Forecast["single"]>, times: number | null): string {
  const more = times === null ? "" : `: this costs ${times} times that`;
  return `${agent} alone, once: likely ${dollars(usd)}, ${seconds} s${more}`;
}
