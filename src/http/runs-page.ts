import { html } from "hono/html";
import { showUsd } from "../core/money.ts";
import { aboutRun } from "../core/record.ts";
import type { Run, RunPage, RunStats } from "../core/store.ts";
import { badge, duration, type Html, layout, moment } from "./layout.ts";

const REFRESH_SECONDS = 5;

/** What is to be decided, the latest runs, and how all of them went. */
export function runsPage(page: RunPage, stats: RunStats, toDecide: readonly Html[] = [], buttons: Html = html``): Html {
  const waiting = toDecide.length === 0 ? "" : html`<h1>Waiting for somebody</h1>${toDecide}`;
  const body = html`${waiting}<h1>Runs</h1>${figures(stats)}${page.runs.length === 0 ? "" : buttons}${page.runs.length === 0 ? NONE : table(page.runs)}${more(page)}`;
  return layout("Baton: runs", body, toDecide.length > 0 ? undefined : REFRESH_SECONDS);
}

const NONE = html`<p class="dim">There is no run yet. Connect a client to <code>/mcp</code> and call a tool, such as <code>run_agent</code>.</p>`;

function figures({ counts, p50, p95, p99, usd }: RunStats): Html {
  const counted = Object.entries(counts).filter(([, count]) => count > 0);
  const times = Object.entries({ P50: p50, P95: p95, P99: p99 }).filter(([, ms]) => ms !== undefined);
  return html`<dl>
${counted.map(([status, count]) => html`<div><dt>${status}</dt><dd>${count}</dd></div>`)}
${times.map(([name, ms]) => html`<div><dt>${name}</dt><dd>${duration(ms ?? 0)}</dd></div>`)}
<div><dt>cost</dt><dd>${showUsd(usd)}</dd></div>
</dl>`;
}

const table = (runs: readonly Run[]): Html => html`<table>
<thead><tr><th>run</th><th>status</th><th>pattern</th><th>about</th><th>created (UTC)</th><th class="n">time</th><th class="n">calls</th><th class="n">cost</th></tr></thead>
<tbody>${runs.map(row)}</tbody>
</table>`;

function row(run: Run): Html {
  const { id, status, pattern, created_at, ended_at, usage } = run;
  return html`<tr>
<td class="mono"><a href="/runs/${encodeURIComponent(id)}">${id.slice(0, 10)}…</a></td>
<td>${badge(status)}</td>
<td>${pattern}</td>
<td class="text">${aboutRun(run)}</td>
<td>${moment(created_at)}</td>
<td class="n">${ended_at === undefined ? "" : duration(ended_at - created_at)}</td>
<td class="n">${usage.calls}</td>
<td class="n">${showUsd(usage.usd)}</td>
</tr>`;
}

const more = ({ next }: RunPage): Html =>
  next === undefined ? html`` : html`<p><a href="/?cursor=${encodeURIComponent(next)}">older runs</a></p>`;
