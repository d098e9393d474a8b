import { anyOf, choicesOf, shownOf } from "../core/deciding.ts";
import { showUsd } from "../core/money.ts";
import type { Run, Wait } from "../core/store.ts";
import { visible } from "../core/visible.ts";

/** One thing that somebody is waited for. */
export interface Asked {
  readonly run: Run;
  readonly wait: Wait;
}

const SHORT = 70;

/** All that waits, a line each. */
export const listed = (asked: readonly Asked[]): string => asked.map(line).join("\n");

function line({ run, wait }: Asked, i: number): string {
  const { kind, place, terms, expires_at, escalated_at } = wait;
  const marks = [
    terms?.high_risk && "high risk",
    terms?.approvers && `for ${anyOf(terms.approvers)}`,
    expires_at !== undefined && `until ${iso(expires_at)}`,
    escalated_at !== undefined && (terms?.escalate?.note ?? "waits for long"),
  ].filter(Boolean);
  const about = clipped(visible(terms?.action ?? shownOf(wait)).replace(/\s+/g, " "), SHORT);
  return `${i + 1}. ${run.id} ${run.pattern}: ${kind} at ${place}${marks.length > 0 ? ` (${marks.join(", ")})` : ""}: ${about}`;
}

/** All that a decision would be on. */
export function shown({ run, wait }: Asked): string {
  const { kind, place, show, approval, terms = {}, expires_at, opened_at, escalated_at } = wait;
  const { action, definition, high_risk, approvers, schema, default: instead, escalate } = terms;
  const rows = {
    run: `${run.id} (${run.pattern}, of ${run.caller}, so far ${showUsd(run.usage.usd)})`,
    step: place,
    asked: `${kind}, since ${iso(opened_at)}${expires_at === undefined ? "" : `, until ${iso(expires_at)}`}`,
    by: definition,
    risk: high_risk ? "high" : undefined,
    may: approvers && `${anyOf(approvers)}; here also whoever has these files`,
    note: escalated_at === undefined ? undefined : (escalate?.note ?? "it has waited for long"),
    else: instead && `if nobody decides: ${"value" in instead ? visible(instead.value) : instead.how}`,
    hash: approval,
    shown: show === undefined ? undefined : visible(shownOf(wait)),
    action: action?.name,
    with: action?.arguments === undefined ? undefined : visible(action.arguments),
    must: schema && `fit ${clipped(JSON.stringify(schema), 1000)}`,
    choices: choicesOf(wait).join(", ") || undefined,
  };
  return Object.entries(rows)
    .filter(([, text]) => text !== undefined)
    .map(([name, text]) => `${name.padEnd(8)}${String(text).replaceAll("\n", "\n        ")}`)
    .join("\n");
}

const clipped = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most)}…` : text);

const iso = (ms: number): string => new Date(ms).toISOString();
