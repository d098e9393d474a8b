import { z } from "zod";

/** Who has received a message, and when it was processed. */
const Acknowledged = z.object({
  by: z.string(),
  received: z.string(),
  processed_at: z.string().optional(),
});

/** What one agent says to another: from whom, to whom, when, what kind, about what; and who has had it. */
export const Message = z.object({
  id: z.string(),
  from: z.string(),
  to: z.string(),
  timestamp: z.string(),
  type: z.string(),
  /** What it belongs to: a question and its answer share one. */
  correlation_id: z.string(),
  payload: z.unknown(),
  acknowledged: z.array(Acknowledged),
});
