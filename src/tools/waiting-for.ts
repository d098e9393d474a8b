import { anyOf, choicesOf, needsPerson, settlesItself } from "../core/deciding.ts";
import type { FailureInfo } from "../core/errors.ts";
import { lackOf } from "../core/raising.ts";
import type { Run, Wait } from "../core/store.ts";
import type { Envelope, Next } from "./envelope.ts";
import { fitting } from "./fit.ts";

/** How the people behind a run can be met: by which rule they alone decide, and on which page. */
export interface Meeting {
  readonly self?: boolean;
  readonly page?: string | undefined;
}

/** What a run waits for, as its caller reads it. */
export function waitOf(wait: Wait, { self = true, page }: Meeting): NonNullable<Envelope["waiting_for"]> {
  const { kind, place, approval, expires_at, show, terms = {} } = wait;
  const { action, default: instead } = terms;
  return {
    kind,
    step: place,
    ...(approval !== undefined && { approval }),
    ...(expires_at !== undefined && { until: new Date(expires_at).toISOString() }),
    ...(show !== undefined && { show: fitting(show, 250).value }),
    ...(action && { action: fitting(action, 250).value }),
    ...(choicesOf(wait).length > 0 && needsPerson(wait, { self }) && { by: "person" as const }),
    ...(instead && { default: "value" in instead ? JSON.stringify(instead.value).slice(0, 200) : instead.how }),
    ...noteOf(wait),
    ...(page !== undefined && !settlesItself(wait) && { page }),
  };
}

/** What whoever looks at it should know beside that. */
function noteOf({ kind, escalated_at, show, terms }: Wait): { note?: string } {
  const { scope } = (show ?? {}) as Partial<FailureInfo>;
  const above = kind === "budget" && (scope === "caller" || scope === "day");
  const notes = [
    above && `the cap of the ${scope} is used up; the run goes on by itself at \`until\`, when it counts anew`,
    escalated_at !== undefined && (terms?.escalate?.note ?? "it has waited for long"),
    terms?.approvers && `only ${anyOf(terms.approvers)} may decide`,
  ].filter((note) => typeof note === "string");
  return notes.length > 0 ? { note: notes.join("; ") } : {};
}

/** The call that settles what is waited for; where no model may, the one that waits for whoever does. */
export function settling({ id: run_id, caps }: Run, wait: Wait, { self = true }: Meeting): Next {
  const { kind, place: step, approval, show } = wait;
  const [choice] = choicesOf(wait);
  const looks = { tool: "get_run", arguments: { run_id, wait_seconds: 25 } };
  if (choice) {
    if (needsPerson(wait, { self })) return looks;
    if (kind === "answer" && choicesOf(wait).includes("answer"))
      return { tool: "decide", arguments: { run_id, step, decision: "answer", value: "<the answer>" } };
    const decision = { run_id, step, decision: choice, ...(approval !== undefined && { approval }) };
    return { tool: "decide", arguments: decision };
  }
  const { scope } = (show ?? {}) as Partial<FailureInfo>;
  if (kind !== "budget" || scope === "caller" || scope === "day") return looks;
  const { unit, enough } = lackOf({ caps }, wait);
  return { tool: "decide", arguments: { run_id, decision: "raise_budget", value: { [unit]: enough } } };
}
