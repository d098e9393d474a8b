import { html } from "hono/html";
import { showUsd } from "../core/money.ts";
import type { Message, ToolUse } from "../core/provider.ts";
import { isRehearsal, type StepRecord, stepRecords } from "../core/record.ts";
import { redact } from "../core/redact.ts";
import { hasEnded } from "../core/status.ts";
import type { Attempt, Memory, Run } from "../core/store.ts";
import { wantOf } from "../core/told.ts";
import { badge, duration, type Html, layout, moment } from "./layout.ts";

const REFRESH_SECONDS = 3;
const LONGEST = 20_000;

/** One run: what it waits for, what it was asked, what it gave, and every step with its cost. */
export function runPage(run: Run, memory: Memory, toDecide: readonly Html[] = [], buttons: Html = html``): Html {
  const records = stepRecords(memory);
  const body = html`<h1>${run.pattern} <span class="mono dim">${run.id}</span></h1>
${facts(run)}
${toDecide}
${buttons}
${failure(run)}
${run.degraded.length === 0 ? "" : html`<h2>Degraded</h2><ul>${run.degraded.map((why) => html`<li>${why}</li>`)}</ul>`}
${run.output === undefined ? "" : html`<h2>Output</h2><pre>${readable(run.output)}</pre>`}
<h2>Steps</h2>
${records.length === 0 ? html`<p class="dim">None yet.</p>` : table(records)}
<h2>Input</h2><pre>${readable(run.input)}</pre>`;
  return layout(
    `Baton: ${run.pattern} ${run.status}`,
    body,
    hasEnded(run.status) || toDecide.length > 0 ? undefined : REFRESH_SECONDS,
  );
}

function facts(run: Run): Html {
  const { status, created_at, ended_at, usage, caps, labels, control } = run;
  const spent = `${showUsd(usage.usd)}${caps.usd === undefined ? "" : ` of at most ${showUsd(caps.usd)}`}${usage.partial ? " (partly estimated)" : ""}`;
  return html`<dl>
<div><dt>status</dt><dd>${badge(status)}</dd></div>
<div><dt>created (UTC)</dt><dd>${moment(created_at)}</dd></div>
${ended_at === undefined ? "" : html`<div><dt>time</dt><dd>${duration(ended_at - created_at)}</dd></div>`}
<div><dt>cost</dt><dd>${spent}</dd></div>
<div><dt>tokens</dt><dd>${usage.input} in, ${usage.output} out</dd></div>
<div><dt>calls</dt><dd>${usage.calls}</dd></div>
${run.source === undefined ? "" : html`<div><dt>fork of</dt><dd><a class="mono" href="/runs/${run.source}">${run.source}</a> (<a href="/runs/${run.id}/compare">compare</a>)</dd></div>`}
${labels.length === 0 ? "" : html`<div><dt>labels</dt><dd>${labels.join(", ")}</dd></div>`}
${isRehearsal(run) ? html`<div><dt>rehearsal</dt><dd>no real model answered</dd></div>` : ""}
${control ? html`<div><dt>${DONE[control.action]} by</dt><dd>${control.by}, ${moment(control.at)}</dd></div>` : ""}
${run.progress === undefined ? "" : html`<div><dt>progress</dt><dd>${run.progress}</dd></div>`}
</dl>`;
}

const DONE = { pause: "paused", resume: "resumed", cancel: "cancelled" } as const;

const failure = ({ error }: Run): Html =>
  error
    ? html`<h2>Error</h2><pre>${error.code} (${error.kind})${error.step ? ` at ${error.step}` : ""}: ${error.message}${error.hint ? `\n${error.hint}` : ""}</pre>`
    : html``;

const table = (records: readonly StepRecord[]): Html => html`<table>
<thead><tr><th>step</th><th>status</th><th>agent</th><th>model</th><th class="n">time</th><th class="n">requests</th><th class="n">tokens in</th><th class="n">out</th><th class="n">cost</th></tr></thead>
<tbody>${records.map(row)}</tbody>
</table>`;

const row = (record: StepRecord): Html => html`<tr>
<td class="mono">${record.place}${besides(record).map((each) => html`<br><span class="dim">${each}</span>`)}</td>
<td>${badge(record.status)}${record.error ? html`<br><span class="dim">${record.error.code}</span>` : ""}</td>
<td>${record.agent ?? record.kind}</td>
<td>${record.model ?? ""}</td>
<td class="n">${duration(record.ms)}</td>
<td class="n">${record.attempts.length}</td>
<td class="n">${record.usage.input}</td>
<td class="n">${record.usage.output}</td>
<td class="n">${showUsd(record.usage.usd)}</td>
</tr>
${inside(record)}`;

const besides = ({ marks, decided }: StepRecord): string[] => [
  ...(marks.length === 0 ? [] : [marks.join(", ")]),
  ...(decided ? [`decided by ${decided.by}, ${moment(decided.at)}`] : []),
];

/** What was asked and answered; of what no model was asked for, what came of it. */
function inside({ attempts, error, value }: StepRecord): Html {
  if (attempts.length > 0) return folded("asked and answered", attempts.map(asked));
  if (error) return folded("what went wrong", html`<pre>${error.code}: ${cut(error.message)}</pre>`);
  return value === undefined ? html`` : folded("what came of it", html`<pre>${readable(value)}</pre>`);
}

const folded = (title: string, what: Html | readonly Html[]): Html =>
  html`<tr><td colspan="9"><details><summary class="dim">${title}</summary>${what}</details></td></tr>`;

const asked = ({ model, state, result, error, input, reply, uses = [] }: Attempt): Html => html`
<p class="dim">${model}: ${state === "held" ? "in flight" : (error?.code ?? result ?? "")}</p>
${input.system === "" ? "" : html`<pre>${cut(input.system)}</pre>`}
${input.after === undefined ? "" : html`<p class="dim">after all that was said up to ${input.after}</p>`}
${input.messages.map(message)}
${reply === undefined || (reply === "" && uses.length > 0) ? "" : html`<pre>answered: ${cut(reply)}</pre>`}
${uses.map(wanted)}`;

const message = ({ role, content, uses = [], results = [] }: Message): Html => html`
${results.map(({ id, content: text, is_error }) => html`<pre>${is_error ? "error" : "result"} of ${id}: ${cut(text)}</pre>`)}
${content === "" && uses.length + results.length > 0 ? "" : html`<pre>${role}: ${cut(content)}</pre>`}
${uses.map(wanted)}`;

const wanted = (use: ToolUse): Html => html`<pre>wants ${cut(wantOf(use))} (${use.id})</pre>`;

const readable = (whole: unknown, value = redact(whole)): string =>
  cut(typeof value === "string" ? value : (JSON.stringify(value, null, 2) ?? ""));

const cut = (text: string): string =>
  text.length <= LONGEST
    ? text
    : `${text.slice(0, LONGEST)}… [${text.length - LONGEST} more characters: see get_run_trace]`;
