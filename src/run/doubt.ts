import type { Deed, Verdict } from "../core/deed.ts";
import { Failure } from "../core/errors.ts";
import type { WaitAnswer } from "../core/pattern.ts";
import { joinPlace, nthName } from "../core/place.ts";
import { actionOf } from "../core/toolbox.ts";
import type { Claim } from "../core/undoing.ts";
import type { Frame } from "./frame.ts";
import type { Playing } from "./playing.ts";
import { Waiting } from "./waiting.ts";

/** Where it is written down that an effect is about to be had, for the nth time. */
export const claimPlace = (place: string, nth: number): string => joinPlace(place, nthName("~claim", nth));

/** Where a person is asked what became of the nth claim. */
const doubtPlace = (place: string, nth: number): string => joinPlace(place, nthName("~done", nth));

/** How often an effect was about to be had, as far as memory tells. */
export function claimsOf({ journal }: Playing, frame: Frame, place: string, print: string): number {
  for (let nth = 1; ; nth++) {
    if (!journal.recall(frame, claimPlace(place, nth), "choice", print)) return nth - 1;
    journal.passed(doubtPlace(place, nth));
  }
}

/** By which key the nth claim is known. */
export const keyClaimed = ({ memory }: Playing, place: string, nth: number): string | undefined =>
  (memory.line(claimPlace(place, nth))?.value as Partial<Claim> | undefined)?.key;

/** Has a person been asked about the nth claim? Then nobody else is. */
export function isAsked({ memory, run }: Playing, place: string, nth: number): boolean {
  const at = doubtPlace(place, nth);
  const wait = memory.wait(at);
  return memory.line(at) !== undefined || (wait?.generation === run.generation && wait.state !== "withdrawn");
}

/** Asks a person whether an effect was had that a crash cut off; it costs nothing to wait for the answer. */
export function askWhetherDone(
  play: Playing,
  frame: Frame,
  place: string,
  nth: number,
  deed: Deed,
  then: { readonly told: (verdict: Verdict) => void; readonly fail: (failure: Failure) => void },
): void {
  const { name: action, arguments: input } = actionOf(deed);
  const show = {
    problem: `${place} had begun when the server stopped, and nobody knows whether it was done`,
    action,
    input,
    approve: "it was done",
    answer: "it was done, and gave this value",
    reject: "it was not done: it is done now",
  };
  const ask = { kind: "answer", show, choices: ["approve", "answer", "reject"], self: false } as const;
  const done = (answer: WaitAnswer) => {
    if (answer.how === "expired") then.fail(unknownEffect(place));
    else then.told(verdictOf(answer));
  };
  new Waiting(play, frame, doubtPlace(place, nth), ask, { done, fail: then.fail }).begin();
}

function verdictOf(answer: Exclude<WaitAnswer, { readonly how: "expired" }>): Verdict {
  return answer.how === "rejected" ? { done: false } : { done: true, value: answer.value ?? null };
}

const unknownEffect = (place: string): Failure =>
  new Failure("EFFECT_UNKNOWN", `${place} had begun when the server stopped, and nobody knows whether it was done`, {
    step: place,
    hint: "Look whether it was done. control_run retry does it again; declare `verify`, or `effect: {idempotent: true}` where its receiver knows a repetition by its key.",
  });
