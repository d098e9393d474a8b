import { z } from "zod";
import { toUsd } from "./money.ts";
import type { Usage } from "./usage.ts";

/** What something has used, as people read it: money in USD, never in nano-USD. */
export const Bill = z.object({
  usd: z.number(),
  input_tokens: z.int(),
  output_tokens: z.int(),
  calls: z.int(),
  /** Some of it is not known exactly. */
  partial: z.boolean().optional(),
});
export type Bill = z.output<typeof Bill>;

export const billOf = ({ usd, input, output, calls, partial }: Usage): Bill => ({
  usd: toUsd(usd),
  input_tokens: input,
  output_tokens: output,
  calls,
  ...(partial && { partial }),
});
