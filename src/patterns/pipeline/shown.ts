import { Failure } from "../../core/errors.ts";
import type { Budget } from "../../core/limits.ts";
import type { RunContext } from "../../core/pattern.ts";
import { listed, quoted } from "../../core/texts.ts";
import { type Course, lastBefore, type Progress } from "./course.ts";
import { isPart, type Reading, seen } from "./reading.ts";

/**
 * What a step sees of those before it, each under its heading: what it reads, in the order of the steps, then the work
 * so far. Where it reads a part of that work, it sees the part in its place.
 */
export async function readBy(
  ctx: RunContext,
  course: Course,
  at: number,
  budget: Budget | undefined,
): Promise<readonly string[]> {
  const here = course.steps[at];
  const last = lastBefore(course, at);
  const before = course.steps.slice(0, at).filter(({ output }) => output !== undefined);
  const shown: string[] = [];
  for (const step of [...before.filter((each) => each !== last), ...(last ? [last] : [])])
    for (const read of partsOf(here, step, step === last))
      shown.push(
        quoted(headingOf(step, read, step === last), step.planned.name, await partOf(ctx, course, step, read, budget)),
      );
  return shown;
}

/** The parts of an output that a step sees: those it names, else all of it where it names it or has it before it. */
function partsOf(here: Progress | undefined, { planned: { name } }: Progress, isLast: boolean): readonly Reading[] {
  const named = here?.planned.reads.filter(({ step }) => step === name) ?? [];
  const parts = named.filter(isPart);
  if (parts.length > 0) return parts;
  return isLast || named.length > 0 ? [{ step: name }] : [];
}

function headingOf({ planned: { name } }: Progress, { path }: Reading, isLast: boolean): string {
  const what = isLast ? "# The work so far" : `# From the step ${JSON.stringify(name)}`;
  return path === undefined ? what : `${what}, at ${path}`;
}

async function partOf(
  ctx: RunContext,
  { summaries }: Course,
  { output, planned: { name } }: Progress,
  read: Reading,
  budget: Budget | undefined,
): Promise<unknown> {
  try {
    return await seen(ctx, output, read, summaries, budget);
  } catch (error) {
    if (!(error instanceof Failure) || error.options.step !== undefined) throw error;
    throw new Failure(error.code, `of step ${listed([name])}: ${error.message}`, error.options);
  }
}
