import { Failure } from "../../core/errors.ts";
import { nthName } from "../../core/place.ts";
import { isOutside, type State, stallOf, stateAs, type Verdict } from "../../core/stalls.ts";
import { asText, cut, listed } from "../../core/texts.ts";
import { type Course, outputsBefore, type Progress } from "./course.ts";
import type { Rejection } from "./way-out.ts";

/** Remembers what is about to be sent back, and tells whether anything of it is new. */
export function watch(course: Course, at: number, rejection: Rejection): Verdict {
  const step = course.steps[at];
  if (step) course.sentBack.push(stateOfRound(course, step, at, rejection));
  return stallOf(course.sentBack);
}

const WORDS_SHOWN = 80;

/** All outputs up to here as they stand, and what came of the step that was rejected. */
function stateOfRound(course: Course, { planned }: Progress, at: number, { failure, ...made }: Rejection): State {
  const { name, back } = planned;
  const came = "output" in made ? { output: made.output } : { code: failure.code, message: failure.message };
  const words =
    "output" in made ? `made ${shown(made.output)}` : `failed with ${failure.code}: ${shown(failure.message)}`;
  return {
    ...stateAs(`step ${listed([name])} ${words}`, name, outputsBefore(course, at), came),
    waiting: isOutside(failure) || course.steps.slice(back?.to ?? at, at + 1).some(({ waited }) => waited),
  };
}

const shown = (value: unknown): string => listed([cut(asText(value), WORDS_SHOWN)]);

/** What a step fails with whose rounds bring nothing new any more. */
export const stalled = (
  { planned: { name }, rounds }: Progress,
  { failure, ...made }: Rejection,
  evidence: string,
) => ({
  ...made,
  failure: new Failure(
    "STALLED",
    `step ${listed([name])} goes round with nothing new: ${evidence}; ${failure.message}`,
    {
      step: nthName(name, rounds),
      hint: "Say more plainly what its gate asks for, name another agent or a `fallback`, or say what happens then with on_error.",
      cause: failure,
    },
  ),
});
