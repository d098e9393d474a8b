import { Failure } from "../core/errors.ts";
import type { Run, Wait } from "../core/store.ts";

/** What a person may say to a step that waits for them. */
type Settling = "approve" | "reject" | "answer";

export interface Said {
  readonly decision: Settling;
  readonly step?: string | undefined;
  readonly approval?: string | undefined;
  readonly value?: unknown;
}

/** The wait that is meant, if what is said fits it; else a failure that shows the right call. */
export function settledWait(run: Run, open: readonly Wait[], said: Said): Wait {
  const wait = chosen(run, open, said.step);
  if (wait.kind === "approval") checkApproval(run, wait, said);
  else if (wait.kind === "answer") checkAnswer(run, wait, said);
  else throw unsettleable(run, wait);
  return wait;
}

/** With several open, the caller must say which. */
function chosen(run: Run, open: readonly Wait[], step: string | undefined): Wait {
  const [first, second] = open;
  if (!first)
    throw new Failure("ILLEGAL_CHANGE", `run ${run.id} is ${run.status} and waits for nobody`, {
      hint: `See get_run {"run_id":"${run.id}"}`,
    });
  const wait = step === undefined ? (second ? undefined : first) : open.find(({ place }) => place === step);
  if (wait) return wait;
  const why =
    step === undefined ? "several steps wait, and `step` says which is meant" : `${quote(step)} does not wait`;
  throw wrong(why, `Waiting: ${open.map(({ place, kind }) => `${place} (${kind})`).join(", ")}.`);
}

function checkApproval(run: Run, { place, approval }: Wait, { decision, approval: given }: Said): void {
  const right = (how: Settling) => rightCall(run, how, { step: place, approval });
  if (decision === "answer") throw wrong(`${quote(place)} waits for an approval`, right("approve"));
  if (given === approval) return;
  if (given === undefined) throw wrong("the hash of what was shown is needed as `approval`", right(decision));
  throw new Failure("STALE_APPROVAL", `what ${quote(place)} asks approval for is not what this hash stands for`, {
    hint: `It has changed since it was shown. Look again, then decide: get_run {"run_id":"${run.id}"}`,
  });
}

function checkAnswer(run: Run, { place }: Wait, { decision, value }: Said): void {
  if (decision === "answer" && value !== undefined) return;
  const right = rightCall(run, "answer", { step: place, value: "<the answer>" });
  throw wrong(decision === "answer" ? "an answer needs `value`" : `${quote(place)} waits for an answer`, right);
}

function unsettleable(run: Run, { kind, place }: Wait): Failure {
  if (kind === "budget")
    return wrong(`${quote(place)} waits for money`, rightCall(run, "raise_budget", { value: { usd: 2 } }));
  const what = kind === "timer" ? "for time to pass" : "for an event";
  return wrong(
    `${quote(place)} waits ${what}, and nobody can decide that`,
    `To stop it: control_run {"run_id":"${run.id}","action":"cancel"}`,
  );
}

const quote = (place: string): string => (place === "" ? "the run" : JSON.stringify(place));

const wrong = (why: string, hint: string): Failure => new Failure("INVALID_INPUT", `decide: ${why}`, { hint });

/** The words that show how `decide` is called rightly. */
export const rightCall = ({ id }: Run, decision: string, more: object): string =>
  `A right call: decide ${JSON.stringify({ run_id: id, decision, ...more })}`;
