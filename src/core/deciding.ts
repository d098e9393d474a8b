import type { Choice } from "./approval.ts";
import { Failure, type FailureInfo } from "./errors.ts";
import type { Budget } from "./limits.ts";
import { misfit } from "./shape.ts";
import type { Decision, Run, Wait } from "./store.ts";

/** Who decides. A model speaks for itself through a tool; a person was asked by us, or has shown an approver's token. */
export interface Decider {
  /** As it is recorded. */
  readonly name: string;
  readonly is: "model" | "person";
  /** Whose approver's token was shown, by its name. */
  readonly approver?: string;
  /** Sits at a terminal from which Baton's files can be written, where nobody is kept from deciding. */
  readonly owner?: true;
}

/** What the settings say of who may decide. */
export interface ApprovalPolicy {
  /** The model that has called for a run may approve its steps, where they say nothing else. */
  readonly self: boolean;
  /** Above this only a person raises a run's budget. */
  readonly run_max: Budget;
}

/** Who decides, under which policy. */
export interface Judge {
  readonly decider: Decider;
  readonly policy: ApprovalPolicy;
}

/** A decision as somebody says it. */
export interface Said {
  readonly decision: Choice;
  readonly step?: string | undefined;
  readonly approval?: string | undefined;
  readonly value?: unknown;
  readonly note?: string | undefined;
}

/** The ways to decide that no model has. */
export const peoplesWays = (run: string): string =>
  `A person decides it: on Baton's page, with \`baton approve ${run}\` at a terminal, or with an approver's token by HTTP.`;

/** May only a person decide this? */
export const needsPerson = ({ terms }: Wait, { self }: Pick<ApprovalPolicy, "self">): boolean =>
  terms?.high_risk === true || terms?.approvers !== undefined || !(terms?.self ?? self);

/** Is it left to named approvers, of whom this is none? */
const isAnothers = ({ terms }: Wait, { approver, owner }: Decider): boolean =>
  terms?.approvers !== undefined && !owner && (approver === undefined || !terms.approvers.includes(approver));

/** Those who may decide, in words. */
export const anyOf = (names: readonly string[]): string => names.join(" or ");

/** What may be said to a wait. */
export function choicesOf({ kind, terms }: Wait): readonly Choice[] {
  if (kind === "approval") return terms?.choices ?? ["approve", "reject", "edit"];
  return kind === "answer" ? (terms?.choices ?? ["answer", "reject"]) : [];
}

const HOW = { approve: "approved", reject: "rejected", edit: "approved", answer: "answered" } as const;

/** The wait that is meant and the decision on it, where what is said fits it and may be said by this decider. */
export function settlement(
  run: Run,
  waits: readonly Wait[],
  said: Said,
  { decider, policy }: Judge,
): { readonly wait: Wait; readonly decision: Decision } {
  const wait = meant(run, waits, said);
  if (choicesOf(wait).length === 0) throw undecidable(run, wait);
  if (!choicesOf(wait).includes(said.decision)) throw notAsked(run, wait, said);
  checkHash(run, wait, said);
  checkValue(run, wait, said);
  if (isAnothers(wait, decider)) throw anothers(run, wait, decider);
  if (decider.is === "model" && needsPerson(wait, policy)) throw forbidden(run, wait);
  const { decision, value, note, approval } = said;
  return {
    wait,
    decision: {
      how: HOW[decision],
      ...(value !== undefined && { value }),
      ...(note !== undefined && { note }),
      ...(approval !== undefined && { approval }),
      ...(decision === "edit" && { edited: true }),
    },
  };
}

/** With several open, the decider must say which. */
function meant(run: Run, waits: readonly Wait[], { step, approval }: Said): Wait {
  const named = waits.filter((wait) => step === undefined || wait.place === step);
  const open = named.filter(({ state }) => state === "open");
  const [first, second] = open;
  if (first && !second) return first;
  if (second) throw wrong("several steps wait, and `step` says which is meant", listed(open));
  const settled = named.findLast(
    (wait) => step !== undefined || (approval !== undefined && wait.approval === approval),
  );
  if (settled) throw new Failure("ILLEGAL_CHANGE", `${quote(settled)} ${outcomeOf(settled)}`, { step: settled.place });
  const others = waits.filter(({ state }) => state === "open");
  if (others.length > 0) throw wrong(`${JSON.stringify(step)} does not wait`, listed(others));
  throw new Failure("ILLEGAL_CHANGE", `run ${run.id} is ${run.status} and waits for nobody`, {
    hint: `See get_run {"run_id":"${run.id}"}`,
  });
}

const listed = (waits: readonly Wait[]): string =>
  `Waiting: ${waits.map(({ place, kind }) => `${place} (${kind})`).join(", ")}.`;

function notAsked(run: Run, wait: Wait, { decision }: Said): Failure {
  const { kind, place, approval } = wait;
  const [first = "approve"] = choicesOf(wait);
  const right = { step: place, ...(first === "answer" ? { value: "<the answer>" } : { approval }) };
  const thing = kind === "approval" ? "an approval" : "an answer";
  return wrong(`${quote(wait)} waits for ${thing}, and nobody can ${decision} there`, rightCall(run, first, right));
}

function checkHash(run: Run, wait: Wait, { decision, approval }: Said): void {
  if (wait.kind !== "approval" && approval === undefined) return;
  if (approval === wait.approval) return;
  const right = rightCall(run, decision, { step: wait.place, approval: wait.approval });
  if (approval === undefined) throw wrong("the hash of what was shown is needed as `approval`", right);
  throw new Failure("STALE_APPROVAL", `what ${quote(wait)} asks is not what this hash stands for`, {
    step: wait.place,
    hint: `It has changed since it was shown. Look again, then decide: get_run {"run_id":"${run.id}"}`,
  });
}

function checkValue(run: Run, wait: Wait, { decision, value }: Said): void {
  const right = { step: wait.place, ...(wait.kind === "approval" && { approval: wait.approval }) };
  const isEdit = decision === "edit";
  if (!isEdit && decision !== "answer") {
    if (value === undefined) return;
    const other = choicesOf(wait).find((choice) => choice === "edit" || choice === "answer") ?? decision;
    throw wrong(`${decision} takes no \`value\``, rightCall(run, other, { ...right, value }));
  }
  if (value === undefined)
    throw wrong(
      isEdit ? "an edit needs `value`: what is approved instead" : "an answer needs `value`",
      rightCall(run, decision, { ...right, value: isEdit ? editable(wait) : "<the answer>" }),
    );
  const why = wait.terms?.schema && misfit(value, wait.terms.schema);
  if (why !== undefined)
    throw wrong(`the value does not fit: ${why}`, `It must fit ${JSON.stringify(wait.terms?.schema).slice(0, 1000)}`);
}

/** Does it wait for a cap above its run to count anew? Nobody settles that. */
export const settlesItself = ({ kind, expires_at }: Wait): boolean => kind === "budget" && expires_at !== undefined;

/** What people are shown: of money that has run out, the sentence that says so. */
export function shownOf({ kind, show }: Wait): unknown {
  return kind === "budget" ? ((show as Partial<FailureInfo> | undefined)?.message ?? show) : show;
}

/** What an edit replaces: the action's arguments, or all that is shown. */
export const editable = ({ terms, show }: Wait): unknown => terms?.action?.arguments ?? show;

function undecidable(run: Run, wait: Wait): Failure {
  if (settlesItself(wait))
    return wrong(
      `${quote(wait)} waits for a cap above the run's own to count anew`,
      `The run goes on by itself at ${new Date(wait.expires_at ?? 0).toISOString()}. To stop it: control_run {"run_id":"${run.id}","action":"cancel"}`,
    );
  if (wait.kind === "budget")
    return wrong(`${quote(wait)} waits for money`, rightCall(run, "raise_budget", { value: { usd: 2 } }));
  const what = wait.kind === "event" ? "for an event" : "for time to pass";
  return wrong(
    `${quote(wait)} waits ${what}, and nobody can decide that`,
    `To stop it: control_run {"run_id":"${run.id}","action":"cancel"}`,
  );
}

function forbidden(run: Run, wait: Wait): Failure {
  const why = wait.terms?.high_risk ? "is marked high_risk" : "is for a person to decide";
  return new Failure("FORBIDDEN", `${quote(wait)} ${why}: a model may not decide it`, {
    step: wait.place,
    hint: peoplesWays(run.id),
  });
}

function anothers({ id }: Run, wait: Wait, { name }: Decider): Failure {
  const names = anyOf(wait.terms?.approvers ?? []);
  return new Failure("FORBIDDEN", `${quote(wait)} is for ${names} to decide, and not for ${name}`, {
    step: wait.place,
    hint: `One of them decides it with an approver's token, on Baton's page or by HTTP; or whoever has Baton's files, with \`baton approve ${id}\` at a terminal.`,
  });
}

/** How a wait has ended, in words for somebody who comes too late. */
export function outcomeOf({ state, answer, decided_by, decided_at, expires_at }: Wait, now = 0): string {
  const at = new Date(decided_at ?? expires_at ?? now).toISOString();
  const { how = "decided", edited } = (answer ?? {}) as Partial<Decision>;
  if (state === "answered")
    return `was already ${how}${edited ? " with changes" : ""} by ${decided_by ?? "somebody"} at ${at}`;
  if (state === "withdrawn") return `is no longer asked: the run went on without it at ${at}`;
  return `can no longer be decided: its time was over at ${at}`;
}

const quote = ({ place }: Wait): string => (place === "" ? "the run" : JSON.stringify(place));

const wrong = (why: string, hint: string): Failure => new Failure("INVALID_INPUT", `decide: ${why}`, { hint });

/** The words that show how `decide` is called rightly. */
export const rightCall = ({ id }: Run, decision: string, more: object): string =>
  `A right call: decide ${JSON.stringify({ run_id: id, decision, ...more })}`;
