import { Failure } from "../core/errors.ts";
import type { Reply } from "./tool.ts";

/** What a tool of the admin set answers: data, lines of text, and the call for what did not fit. */
export function managed(
  tool: string,
  data: Reply["data"],
  lines: readonly (string | false | undefined)[],
  more?: object,
): Reply {
  const next = more && { tool, arguments: more };
  const text = [...lines.filter(Boolean), ...(more ? [`next: ${tool} ${JSON.stringify(more)}`] : [])];
  return { data: { ...data, ...(next && { next }) }, text: text.join("\n"), isError: false };
}

/** An action that lacks something, with a call that would be right. */
export const lacks = (tool: string, action: string, what: string, right: object): Failure =>
  new Failure("INVALID_INPUT", `${tool}: ${action} needs ${what}`, {
    hint: `A right call: ${tool} ${JSON.stringify({ action, ...right })}`,
  });

/** Parts of a line, without those that are not there. */
export const joined = (...parts: readonly (string | false | undefined)[]): string => parts.filter(Boolean).join(" · ");

export const iso = (ms: number): string => new Date(ms).toISOString();
