import { z } from "zod";

/** How a transient failure is tried again. */
export const RetryPolicy = z.strictObject({
  attempts: z.int().min(1).max(20),
  initial_ms: z.number().nonnegative(),
  factor: z.number().min(1),
  max_ms: z.number().nonnegative(),
  on: z.array(z.enum(["rate_limited", "overloaded", "timeout", "network"])),
});
export type RetryPolicy = z.output<typeof RetryPolicy>;

/** When a breaker opens, and for how long. */
export const BreakerPolicy = z.strictObject({
  failures: z.int().positive(),
  cooldown_seconds: z.number().positive(),
});
export type BreakerPolicy = z.output<typeof BreakerPolicy>;

export const Limits = z.strictObject({
  runs: z.int().positive(),
  calls: z.int().positive(),
  queued: z.int().positive(),
  depth: z.int().positive(),
  width: z.int().positive(),
  rounds: z.int().positive(),
  input_bytes: z.int().positive(),
  first_token_seconds: z.number().positive(),
  idle_seconds: z.number().positive(),
  call_seconds: z.number().positive(),
  min_output_tokens: z.int().positive(),
  /** The most one answer may have where its agent says nothing; it sets what a call reserves. */
  max_output_tokens: z.int().positive().optional(),
});
export type Limits = z.output<typeof Limits>;

/** What a caller may set aside for a run or a step. All of it counts down together; the first that ends, ends it. */
export const Budget = z.strictObject({
  usd: z.number().nonnegative().max(1_000_000).optional(),
  tokens: z.int().nonnegative().optional(),
  calls: z.int().nonnegative().optional(),
  seconds: z.number().positive().max(31_536_000).optional(),
});
export type Budget = z.output<typeof Budget>;

export const OnBudget = z.enum(["fail", "partial", "ask"]);
export type OnBudget = z.output<typeof OnBudget>;
