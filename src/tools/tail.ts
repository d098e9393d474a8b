import { z } from "zod";
import { Budget, OnBudget } from "../core/limits.ts";
import { isProjected, Projection, Summary } from "../core/projection.ts";
import { RehearsalPlan } from "../core/provider.ts";

const SOURCES = ["text", "file", "run_id", "data", "uri"] as const;

/**
 * One piece of material: exactly one of a text, a file, what an earlier run (or one step of it) gave, or a picture or
 * document in base64; and which part of it is taken.
 */
export const ContextItem = z
  .strictObject({
    text: z.string().optional(),
    file: z.string().min(1).max(4096).optional(),
    run_id: z.string().optional(),
    step: z.string().optional(),
    data: z.base64().min(1).optional(),
    type: z.string().max(100).optional(),
    name: z.string().min(1).max(200).optional(),
    uri: z.string().optional(),
    ...Projection.shape,
    summary: Summary.optional(),
  })
  .refine(
    (item) => SOURCES.filter((source) => item[source] !== undefined).length === 1,
    "give one of text, file, run_id or data",
  )
  .refine(({ step, run_id }) => step === undefined || run_id !== undefined, "step goes with run_id")
  .refine(({ type, name, data }) => (type ?? name) === undefined || data !== undefined, "type and name go with data")
  .refine(
    (item) => item.data === undefined || !(isProjected(item) || item.summary),
    "path, head, tail and summary are for texts; a picture or document is given whole",
  );
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
  context: z.array(z.looseObject({})).optional().describe("{text} / {file} / {run_id, step?}…"),
  budget: Budget.optional(),
  on_budget: OnBudget.optional(),
  wait_seconds: z.number().optional(),
  idempotency_key: z.string().optional(),
  priority: z.int().optional(),
  labels: z.array(z.string()).optional(),
  rehearsal: z.unknown().optional().describe("true / {faults}"),
  dry_run: z.boolean().optional(),
});
