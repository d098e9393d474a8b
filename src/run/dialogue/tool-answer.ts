import { asText } from "../../core/texts.ts";
import type { ToolAnswer } from "../../core/toolbox.ts";

const UNKNOWN = "It was done; what it gave is not known.";

/** What a tool gave; where a crash cut it off and a person has looked, what they say that it gave. */
export function toolAnswer(gave: unknown): ToolAnswer {
  if (gave === null || gave === undefined) return { text: UNKNOWN, is_error: false };
  if (typeof gave === "object" && "text" in gave && typeof gave.text === "string")
    return { text: gave.text, is_error: "is_error" in gave && gave.is_error === true };
  return { text: asText(gave), is_error: false };
}
