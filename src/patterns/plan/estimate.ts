import { z } from "zod";
import { Failure } from "../../core/errors.ts";
import type { RunContext } from "../../core/pattern.ts";
import { isOver } from "../parts.ts";
import type { PlannedTask, Team } from "./input.ts";
import { outlineOf } from "./outline.ts";

const Amount = z.number().nullish();

/** What a plan will use, as far as anybody can tell; what nothing bounds is null or absent. */
export const Estimate = z.object({
  likely: z.object({ usd: Amount, calls: Amount, seconds: Amount }),
  most: z.object({ usd: Amount, calls: Amount }).optional(),
  left: z.object({ usd: Amount, calls: Amount, tokens: Amount }).optional(),
});
export type Estimate = z.output<typeof Estimate>;

/** What the tasks and those who close over them will use; undefined where it cannot be told. */
export async function estimateOf(
  ctx: RunContext,
  team: Team,
  tasks: readonly PlannedTask[],
): Promise<Estimate | undefined> {
  try {
    const told = await ctx.act("estimate", { does: "estimate", input: { outline: outlineOf(team, tasks) } });
    return Estimate.safeParse(told).data;
  } catch (error) {
    if (!(error instanceof Failure) || isOver(error)) throw error;
    return undefined;
  }
}

/** Why a plan does not fit what is left; undefined where it fits, or nobody can tell. */
export function excess({ likely, left }: Estimate): Failure | undefined {
  const unit = (["usd", "calls"] as const).find(
    (key) => (likely[key] ?? 0) > (left?.[key] ?? Number.POSITIVE_INFINITY),
  );
  if (unit === undefined) return undefined;
  const show = (n: number | null | undefined) => (unit === "usd" ? `$${(n ?? 0).toPrecision(3)}` : `${n} calls`);
  const message = `the plan is likely to take ${show(likely[unit])}, and ${show(left?.[unit])} are left of the budget`;
  return new Failure("BUDGET_EXCEEDED", message, {
    kind: "semantic",
    unit,
    hint: "Raise `budget`, narrow the goal, name cheaper workers, or see the figures first with plan_only.",
  });
}
