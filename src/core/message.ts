import { z } from "zod";
import { isoTime } from "./clock.ts";

/** Who has had a message: the step whose question held it, and when what came of that was remembered. */
const Acknowledged = z.object({
  by: z.string(),
  received: z.string().describe("The step that had it"),
  processed_at: z.string().optional(),
});
type Acknowledged = z.output<typeof Acknowledged>;

/**
 * What one agent says to another, of a certain type and with a certain payload. Steps are named as they stand below the
 * place of the pattern that tells of them.
 */
export const messageOf = <T extends z.ZodType, P extends z.ZodType>(type: T, payload: P) =>
  z.object({
    id: z.string(),
    from: z.string(),
    to: z.string().describe('A name, or "all"'),
    timestamp: z.string(),
    type,
    correlation_id: z.string().describe("What it belongs to: a question and its answer share one"),
    payload,
    acknowledged: z.array(Acknowledged),
  });

/** A message of any type, about anything. */
export const Message = messageOf(z.string(), z.unknown());

/** A text that is told elsewhere: which step said it, how long it is, and how it begins. */
const Reference = z.object({ step: z.string(), bytes: z.int(), begins: z.string() });

/** A text in a payload: itself, or where it is to be found if it is long. */
export const Told = z.union([z.string(), Reference]);
type Told = z.output<typeof Told>;

const MOST_BYTES = 400;
const SHOWN = 60;

/** What a step has said, as a message carries it. */
export function told(text: string, step: string): Told {
  const bytes = Buffer.byteLength(text);
  return bytes <= MOST_BYTES ? text : { step, bytes, begins: text.slice(0, SHOWN).toWellFormed() };
}

/** A message is received by whoever has it in the question of a step, and processed once that step is remembered. */
export const acknowledgement = (by: string, received: string, at: number | undefined): Acknowledged => ({
  by,
  received,
  ...(at !== undefined && { processed_at: isoTime(at) }),
});
