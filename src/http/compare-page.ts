import { html } from "hono/html";
import type { Comparison, Figures, OutputDiff, StepDifference, StepFigures } from "../core/compare.ts";
import { nearChanges } from "../core/line-diff.ts";
import { badge, duration, type Html, layout } from "./layout.ts";

const LONGEST = 20_000;
const MOST_STEPS = 500;

/** A fork beside its source: what is the same, what is not, and what it cost. */
export function comparePage(told: Comparison): Html {
  const { source, fork, status, totals, steps, reused, asked } = told;
  const body = html`<h1>A fork beside its source</h1>
<dl>
<div><dt>source</dt><dd><a class="mono" href="/runs/${source}">${source}</a> ${badge(status.before)}</dd></div>
<div><dt>fork</dt><dd><a class="mono" href="/runs/${fork}">${fork}</a> ${badge(status.after)}</dd></div>
<div><dt>steps</dt><dd>${reused} reused, ${asked} asked</dd></div>
<div><dt>paid for the fork</dt><dd>${dollars(totals.after.billed_usd)}</dd></div>
</dl>
${totalsTable(totals)}
<h2>Output</h2>
${difference(told.output)}
<h2>Steps that differ</h2>
${steps.length === 0 ? html`<p class="dim">None.</p>` : stepsTable(steps)}`;
  return layout(`Baton: ${fork} beside ${source}`, body);
}

const totalsTable = ({ before, after }: Comparison["totals"]): Html => {
  const row = (name: string, of: (figures: Figures) => string) =>
    html`<tr><td>${name}</td><td class="n">${of(before)}</td><td class="n">${of(after)}</td></tr>`;
  return html`<table>
<thead><tr><th>as its steps are</th><th class="n">source</th><th class="n">fork</th></tr></thead>
<tbody>
${row("cost", ({ usd }) => dollars(usd))}
${row("tokens", ({ tokens }) => String(tokens))}
${row("calls", ({ calls }) => String(calls))}
${row("time of the steps", ({ ms }) => duration(ms))}
</tbody>
</table>`;
};

function difference(output: OutputDiff): Html {
  if (output.kind === "same") return html`<p class="dim">The same.</p>`;
  if (output.kind === "text") return html`<pre>${cut(nearChanges(output.lines).join("\n"))}</pre>`;
  return html`<table>
<thead><tr><th>path</th><th>source</th><th>fork</th></tr></thead>
<tbody>${output.changes.slice(0, MOST_STEPS).map(
    (change) => html`<tr><td class="mono">${change.path}</td>
<td class="text"><code>${shown("before" in change, change.before)}</code></td>
<td class="text"><code>${shown("after" in change, change.after)}</code></td></tr>`,
  )}</tbody>
</table>`;
}

const shown = (isThere: boolean, value: unknown): string => (isThere ? cut(JSON.stringify(value) ?? "") : "");

const stepsTable = (steps: readonly StepDifference[]): Html => html`<table>
<thead><tr><th>step</th><th>what</th><th>model</th><th class="n">cost</th><th class="n">tokens</th><th class="n">time</th></tr></thead>
<tbody>${steps.slice(0, MOST_STEPS).map(stepRow)}</tbody>
</table>
${steps.length > MOST_STEPS ? html`<p class="dim">… and ${steps.length - MOST_STEPS} more</p>` : ""}`;

function stepRow({ step, what, before, after }: StepDifference): Html {
  const pair = (of: (side: StepFigures) => string) => {
    const [old, now] = [before ? of(before) : "–", after ? of(after) : "–"];
    return old === now ? now : html`${old}<br>${now}`;
  };
  return html`<tr>
<td class="mono">${step}</td>
<td>${what}${before?.status === after?.status ? "" : html`<br><span class="dim">${pair(({ status }) => status)}</span>`}</td>
<td>${pair(({ model = "–" }) => model)}</td>
<td class="n">${pair(({ usd }) => dollars(usd))}</td>
<td class="n">${pair(({ tokens }) => String(tokens))}</td>
<td class="n">${pair(({ ms }) => duration(ms))}</td>
</tr>`;
}

const dollars = (usd: number): string => `$${usd.toFixed(9).replace(/\.?0+$/, "") || "0"}`;

const cut = (text: string): string =>
  text.length <= LONGEST
    ? text
    : `${text.slice(0, LONGEST).toWellFormed()}… [${text.length - LONGEST} more characters]`;
