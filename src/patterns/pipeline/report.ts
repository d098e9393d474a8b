import { z } from "zod";
import { Failure } from "../../core/errors.ts";
import { Problem, problemOf } from "../parts.ts";
import { type Course, lastBefore } from "./course.ts";

export const PipelineOutput = z.object({
  output: z.unknown().describe("The last step's output"),
  steps: z.array(
    z.object({
      name: z.string(),
      agent: z.string().describe("Who made the output"),
      status: z.enum(["succeeded", "skipped", "failed"]),
      rounds: z.int().describe("How often it was done"),
      output: z.unknown().optional(),
      error: Problem.optional(),
    }),
  ),
});

/** A pipeline that has come to its end, as its caller is told. */
export function report(course: Course): z.output<typeof PipelineOutput> {
  const last = lastBefore(course, course.steps.length);
  const failed = course.steps.findLast(({ error }) => error)?.error;
  if (!last) throw failed ? Failure.fromInfo(failed) : new Failure("BUG", "a pipeline ended without an output");
  return {
    output: last.output,
    steps: course.steps.map(({ planned: { name }, agent, status = "skipped", rounds, output, error }) => ({
      name,
      agent,
      status,
      rounds,
      ...(output !== undefined && { output }),
      ...(error && { error: problemOf(error) }),
    })),
  };
}
