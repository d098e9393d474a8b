import { z } from "zod";
import { Budget, OnBudget } from "../core/limits.ts";
import { RehearsalPlan } from "../core/provider.ts";

/** One piece of material: exactly one of a text, a file, or what an earlier run (or one step of it) gave. */
export const ContextItem = z
  .strictObject({
    text: z.string().optional(),
    file: z.string().min(1).max(4096).optional(),
    run_id: z.string().optional(),
    step: z.string().optional(),
    uri: z.string().optional(),
  })
  .refine(({ step: _, ...sources }) => Object.keys(sources).length === 1, "give one of text, file or run_id")
  .refine(({ step, run_id }) => step === undefined || run_id !== undefined, "step goes with run_id");
export type ContextItem = z.output<typeof ContextItem>;

export const WaitSeconds = z.number().min(0).max(3600);

/** What every tool that starts a run takes beside the pattern's own input. */
export const Tail = z.strictObject({
  context: z.array(ContextItem).max(100).optional(),
  budget: Budget.optional(),
  on_budget: OnBudget.optional(),
  wait_seconds: WaitSeconds.optional(),
  idempotency_key: z.string().min(1).max(200).optional(),
  priority: z.int().min(-1000).max(1000).optional(),
  labels: z.array(z.string().min(1).max(100)).max(20).optional(),
  rehearsal: z.union([z.boolean(), RehearsalPlan]).optional(),
  dry_run: z.boolean().optional(),
});
export type Tail = z.output<typeof Tail>;

export const DEFAULT_WAIT = 25;

/** Beyond this many seconds some clients no longer listen. */
export const LONG_WAIT = 45;

/** How the tail is told in the menu: shorter than it is checked, since it stands in every tool that starts something. */
export const TAIL_MENU = z.object({
  context: z.array(z.looseObject({})).optional().describe("{text} / {file} / {run_id, step?}"),
  budget: Budget.optional(),
  on_budget: OnBudget.optional(),
  wait_seconds: z.number().optional(),
  idempotency_key: z.string().optional(),
  priority: z.int().optional(),
  labels: z.array(z.string()).optional(),
  rehearsal: z.unknown().optional().describe("true / {faults}"),
  dry_run: z.boolean().optional(),
});
