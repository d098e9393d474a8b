import { z } from "zod";
import { AgentSpec } from "./agent.ts";
import { Limits, RetryPolicy } from "./limits.ts";
import { PriceCard } from "./money.ts";
import type { PinnedWorkflow } from "./workflow.ts";

/**
 * All that a run may meet, by content, as it stood when the run was created. A run pins its hash:
 * nothing that is published, changed or retired later reaches it.
 */
export const Catalogue = z.strictObject({
  /** Agents by name; the version is the content's own. */
  agents: z.record(z.string(), AgentSpec),
  /** `provider/model` that answers when nothing is said. */
  model: z.string(),
  /** No vendor is asked: the rehearsal answers for every model. */
  rehearsal: z.boolean().optional(),
  /** The models that tiers (`small`, `medium`, `large`) name. */
  models: z.record(z.string(), z.string()),
  /** Prices by `provider/model`; a model that is not here has no known price. */
  prices: z.record(z.string(), PriceCard),
  limits: Limits,
  retry: RetryPolicy,
  /** The saved workflows that the run names, and those that they play, by name. */
  workflows: z.record(z.string(), z.custom<PinnedWorkflow>()).optional(),
});
export type Catalogue = z.output<typeof Catalogue>;
