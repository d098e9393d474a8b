import { z } from "zod";
import type { JsonSchema } from "./provider.ts";

const AgentChange = z
  .strictObject({
    instructions: z.string().min(1).max(100_000).optional(),
    model: z.string().min(1).max(200).optional(),
    version: z.string().min(1).max(200).optional(),
  })
  .refine((change) => Object.keys(change).length > 0, "give instructions, model or version");

const StepChange = z
  .strictObject({
    prompt: z.string().min(1).max(1_000_000).optional(),
    output_schema: z.custom<JsonSchema>((value) => typeof value === "object" && value !== null).optional(),
  })
  .refine((change) => Object.keys(change).length > 0, "give prompt or output_schema");

/** What is to be other than in the run that is replayed: who an agent is, the whole input, what single steps ask. */
export const Changes = z.strictObject({
  agents: z.record(z.string().min(1).max(200), AgentChange).optional(),
  input: z.record(z.string(), z.unknown()).optional(),
  steps: z.record(z.string().min(1), StepChange).optional(),
});
export type Changes = z.output<typeof Changes>;
export type AgentChange = z.output<typeof AgentChange>;
type StepChange = z.output<typeof StepChange>;

/** How a fork differs from its source, as it is kept with the run. Its catalogue and its input are changed already. */
export interface Fork {
  readonly agents?: Readonly<Record<string, AgentChange>>;
  readonly steps?: Readonly<Record<string, StepChange>>;
  /** All from this step on is asked anew; `seq` is where it began in the source. */
  readonly from?: { readonly step: string; readonly seq: number };
  /** The last line that the source had when it was forked. What it learns later is not offered. */
  readonly upto: number;
  /**
   * Effects that are not reused are had without asking: all of them, since a person has said so; or those that are not of
   * high risk, since a model has that may approve for itself.
   */
  readonly effects?: "run" | "self";
}
