import { endsRun, Failure } from "../../core/errors.ts";
import type { RunContext } from "../../core/pattern.ts";
import { nthName } from "../../core/place.ts";
import { counted, listed } from "../../core/texts.ts";
import { type Course, lastBefore, type Progress, succeed } from "./course.ts";

/** A step's output that cannot be used, or the failure that left none. */
export interface Rejection {
  readonly failure: Failure;
  readonly output?: unknown;
}

/** Nobody could do the step: what was asked for in that case happens, and the next step or an end follows. */
export async function giveUp(
  ctx: RunContext,
  course: Course,
  step: Progress,
  at: number,
  rejection: Rejection,
): Promise<number> {
  const failure = inWords(step, rejection.failure);
  step.error = failure.toJSON();
  if (endsRun(failure)) return stop(ctx, course, step, failure);
  delete step.output;
  const { on_error } = step.planned.step;
  if (on_error === "skip") skip(ctx, step, failure);
  else if (on_error === "human") await askHuman(ctx, step, failure, rejection);
  else throw failure;
  return at + 1;
}

function inWords({ planned: { name, back }, rounds }: Progress, failure: Failure): Failure {
  if (failure.code !== "GATE_FAILED") return failure;
  const hint = back
    ? "Loosen the gate, give more max_rounds, or say what happens then with on_error."
    : "Set back_to or max_rounds to have it done again with what was wrong, or on_error.";
  const message = `step ${listed([name])} did not pass its gate in ${counted(rounds, "round")}: ${failure.message}`;
  return new Failure("GATE_FAILED", message, { step: nthName(name, rounds), hint });
}

/** The run is out of money or time: what is done is the result, and it says so. */
function stop(ctx: RunContext, course: Course, step: Progress, failure: Failure): number {
  if (!lastBefore(course, course.steps.length)) throw failure;
  step.status = "failed";
  ctx.degrade(`stopped at step ${listed([step.planned.name])}: ${failure.message}`);
  return course.steps.length;
}

function skip(ctx: RunContext, step: Progress, failure: Failure): void {
  step.status = "skipped";
  step.notes = [];
  ctx.degrade(`step ${listed([step.planned.name])} was skipped: ${failure.code} ${failure.message}`);
}

/** A person sees what went wrong. Approval takes what there is, or the value that comes with it; rejection fails the run. */
async function askHuman(ctx: RunContext, step: Progress, failure: Failure, made: Rejection): Promise<void> {
  const { name } = step.planned;
  const answer = await ctx.wait(`${name}-decision`, {
    kind: "approval",
    show: {
      step: name,
      problem: failure.message,
      ...("output" in made && { output: made.output }),
      approve:
        "output" in made
          ? "go on with this output, or with the value given"
          : "go on without this step, or with the value given",
      reject: "the run fails",
    },
  });
  if (answer.how === "rejected" || answer.how === "expired") {
    const why = answer.how === "rejected" && answer.note !== undefined ? `: ${answer.note}` : "";
    const place = nthName(name, step.rounds);
    throw new Failure("REJECTED", `a person gave up step ${listed([name])}${why}`, { step: place, cause: failure });
  }
  if (answer.value === undefined && !("output" in made)) return skip(ctx, step, failure);
  if (answer.value !== undefined) step.agent = "human";
  step.waited = true;
  succeed(step, answer.value ?? made.output);
}
