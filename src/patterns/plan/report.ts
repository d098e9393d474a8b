import { z } from "zod";
import { Bill } from "../../core/bill.ts";
import { Problem } from "../parts.ts";
import type { Course } from "./course.ts";
import type { Draft } from "./draft.ts";
import { drawPlan } from "./drawing.ts";
import { Estimate } from "./estimate.ts";
import { PlannedTask } from "./input.ts";

export const PlanOutput = z.object({
  output: z.string().optional().describe("What was made of the results"),
  approach: z.string().optional(),
  plan: z.object({ tasks: z.array(PlannedTask) }).describe("The last one"),
  tasks: z.array(
    z.object({
      id: z.string(),
      round: z.int().describe("Of which plan: 0 is the first"),
      worker: z.string(),
      status: z.enum(["succeeded", "failed", "skipped"]),
      output: z.string().optional(),
      error: Problem.optional(),
      usage: Bill.optional(),
    }),
  ),
  replans: z.int(),
  validated: z.object({ ok: z.boolean(), problems: z.array(z.string()), confidence: z.number() }).optional(),
  mermaid: z.string().optional(),
  estimate: Estimate.optional().describe("Of the first plan"),
});
type PlanOutput = z.output<typeof PlanOutput>;

/** A plan that has come to its end, as its caller is told. */
export function report({ outcomes, round, output, judgement }: Course, first: Draft, last: Draft): PlanOutput {
  const drawn = outcomes.filter(({ id }, index) => outcomes.findLastIndex((one) => one.id === id) === index);
  const { approach = first.approach } = last;
  return {
    ...(output !== undefined && { output }),
    ...(approach !== undefined && { approach }),
    plan: { tasks: [...last.tasks] },
    tasks: outcomes.map(({ id, round, worker, status, output, error, usage }) => ({
      id,
      round,
      worker,
      status,
      ...(output !== undefined && { output }),
      ...(error && { error }),
      ...(usage && { usage }),
    })),
    replans: round,
    ...(judgement && { validated: { ...judgement, problems: [...judgement.problems] } }),
    mermaid: drawPlan(outcomes.length > 0 ? drawn : last.tasks),
    ...(first.estimate && { estimate: first.estimate }),
  };
}
