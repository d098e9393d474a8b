import { z } from "zod";

const Schema = z.record(z.string(), z.unknown());

/** One check: a JSON Schema, a condition that must hold, an agent that judges, or a look for secrets. */
export const Guard = z.union([
  z.strictObject({ schema: Schema }),
  /** CEL over `text` and `value`; for a tool over `tool` and `arguments`. */
  z.strictObject({ when: z.string().min(1).max(2000), message: z.string().max(500).optional() }),
  z.strictObject({ agent: z.string().min(1), criteria: z.string().min(1).max(10_000) }),
  /** `redact` goes on without them, `refuse` does not go on. */
  z.strictObject({ secrets: z.enum(["refuse", "redact"]) }),
]);
export type Guard = z.output<typeof Guard>;

/** What is checked before an agent is asked, what of its answer, and what of each call of a tool. */
export const Guards = z.strictObject({
  input: z.array(Guard).max(20).default([]),
  output: z.array(Guard).max(20).default([]),
  tools: z.array(Guard).max(20).default([]),
});
export type Guards = z.output<typeof Guards>;
