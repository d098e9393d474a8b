import { html } from "hono/html";
import { anyOf, choicesOf, editable, settlesItself, shownOf } from "../core/deciding.ts";
import { lackOf, UNIT_NAMES } from "../core/raising.ts";
import type { Run, Wait } from "../core/store.ts";
import { visible } from "../core/visible.ts";
import { badge, type Html, moment } from "./layout.ts";

/** What a form needs beside what it decides. */
export interface FormTerms {
  /** Shows that the form is ours. */
  readonly csrf: string;
  /** An approver's token must be typed into it, or may be. */
  readonly token: "required" | "optional" | "none";
}

/** What people are asked for. */
export const asksPeople = ({ kind, state }: Wait): boolean =>
  state === "open" && (kind === "approval" || kind === "answer" || kind === "budget");

/** What is to be decided, exactly as it is bound, with the form that decides it; without terms there is no form. */
export const decideForm = (run: Run, wait: Wait, terms?: FormTerms): Html => html`<section class="decide">
<h2>${badge("waiting")} ${wait.kind} <span class="mono">${wait.place}</span></h2>
${facts(run, wait)}
${wait.show === undefined ? "" : html`<h3>${settlesItself(wait) ? "Goes on by itself" : "To be decided"}</h3><pre class="whole">${visible(shownOf(wait))}</pre>`}
${action(wait)}
${terms && !settlesItself(wait) ? form(run, wait, terms) : ""}
</section>`;

function facts(run: Run, { terms = {}, approval, opened_at, expires_at, escalated_at }: Wait): Html {
  const { definition, high_risk, approvers, default: instead, escalate } = terms;
  const rows: Record<string, string | undefined> = {
    run: run.id,
    "asked by": definition,
    "since (UTC)": moment(opened_at),
    "until (UTC)": expires_at === undefined ? undefined : moment(expires_at),
    "if nobody decides": instead && ("value" in instead ? visible(instead.value) : instead.how),
    "may decide": approvers && anyOf(approvers),
    risk: high_risk ? "high" : undefined,
    note: escalated_at === undefined ? undefined : (escalate?.note ?? "it has waited for long"),
    "bound by": approval,
  };
  const known = Object.entries(rows).filter(([, text]) => text !== undefined);
  return html`<dl>${known.map(([name, text]) => html`<div><dt>${name}</dt><dd>${text}</dd></div>`)}</dl>`;
}

const action = ({ terms }: Wait): Html =>
  terms?.action
    ? html`<h3>To be done: <span class="mono">${visible(terms.action.name)}</span></h3>
${terms.action.arguments === undefined ? "" : html`<pre class="whole">${visible(terms.action.arguments)}</pre>`}`
    : html``;

const form = (run: Run, wait: Wait, { csrf, token }: FormTerms): Html => html`
<form method="post" action="/runs/${encodeURIComponent(run.id)}/decide">
<input type="hidden" name="csrf" value="${csrf}">
<input type="hidden" name="step" value="${wait.place}">
<input type="hidden" name="approval" value="${wait.approval ?? ""}">
${wait.kind === "budget" ? budget(run, wait) : choices(wait)}
<p><label>Note <input name="note" maxlength="10000"></label></p>
${token === "none" ? "" : html`<p><label>Approver's token <input type="password" name="token" autocomplete="off"${token === "required" ? html` required` : ""}></label></p>`}
</form>`;

const LABELS = { approve: "Approve", reject: "Reject", edit: "Approve with these changes", answer: "Answer" } as const;

function choices(wait: Wait): Html {
  const may = choicesOf(wait);
  const said = may.find((choice) => choice === "answer" || choice === "edit");
  const plain = may.filter((choice) => choice !== said);
  const area =
    said &&
    html`<textarea name="value" rows="${said === "edit" ? 10 : 3}">
${said === "edit" ? plainText(editable(wait)) : ""}</textarea>
<p><button name="decision" value="${said}">${LABELS[said]}</button></p>`;
  return html`<p>${plain.map((choice) => html`<button name="decision" value="${choice}">${LABELS[choice]}</button> `)}</p>
${area ? (said === "edit" ? html`<details><summary>Edit</summary>${area}</details>` : area) : ""}`;
}

const plainText = (value: unknown): string =>
  typeof value === "string" ? value : (JSON.stringify(value, null, 2) ?? "");

function budget(run: Run, wait: Wait): Html {
  const { unit, enough } = lackOf(run, wait);
  return html`<input type="hidden" name="unit" value="${unit}">
<p><label>New cap in ${UNIT_NAMES[unit]}
<input name="value" type="number" min="0" step="${unit === "usd" ? "any" : "1"}" required value="${enough}"></label>
<button name="decision" value="raise_budget">Raise the budget</button></p>`;
}
