import { editable } from "./deciding.ts";
import { Failure } from "./errors.ts";
import { misfit } from "./shape.ts";
import type { Wait } from "./store.ts";

/** What a person has typed, as the value that is asked for: read as JSON where a text is not what is wanted. */
export function typed(text: string, wait: Wait, decision: "edit" | "answer"): unknown {
  const { schema } = wait.terms ?? {};
  const isPlain = decision === "answer" || typeof editable(wait) === "string";
  if (schema ? misfit(text, schema) === undefined : isPlain) return text;
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const wanted = schema ? ` that fits ${JSON.stringify(schema).slice(0, 1000)}` : "";
    throw new Failure("INVALID_INPUT", `this is no JSON: ${error instanceof Error ? error.message : text}`, {
      hint: `Wanted is JSON${wanted}.`,
    });
  }
}
