import type { ToolUse } from "./provider.ts";
import type { Line } from "./store.ts";
import { CALLS_TOOL } from "./toolbox.ts";

/** A tool that a model wants used, in words. */
export const wantOf = ({ name, arguments: given }: ToolUse): string =>
  `${name} ${typeof given === "string" ? given : JSON.stringify(given)}`;

/** What came of a step as a person reads it: what a tool said, what a turn of a dialogue answers or wants; else the value. */
export function toldOf({ place, kind, agent, value }: Pick<Line, "place" | "kind" | "agent" | "value">): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (agent === CALLS_TOOL && "text" in value && "is_error" in value)
    return value.is_error === true ? `an error: ${value.text}` : value.text;
  return kind === "call" && TURN.test(place) ? turnOf(value) : value;
}

const TURN = /(^|\/)turn(\.\d+)?$/;

function turnOf(value: object): unknown {
  if ("answer" in value) return value.answer;
  if (!("uses" in value && Array.isArray(value.uses) && "text" in value)) return value;
  return [value.text, `wants ${(value.uses as ToolUse[]).map(wantOf).join(", ")}`].filter(Boolean).join("\n");
}
