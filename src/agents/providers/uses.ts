import { fingerprint } from "../../core/fingerprint.ts";
import type { ModelRequest, ToolUse } from "../../core/provider.ts";

/** A call as it arrives: its arguments in pieces of text, or not at all. */
export interface Heard {
  readonly id: string;
  readonly name: string;
  readonly text: string;
}

/**
 * The calls of an answer. What was given for arguments and is no JSON object stays the text that it is. Each has an id of
 * its own in its dialogue, made up where the vendor gave none, or the same one twice.
 */
export function usesOf(heard: readonly Heard[], { messages }: Pick<ModelRequest, "messages">): ToolUse[] {
  const earlier = messages.flatMap(({ uses = [] }) => uses);
  const taken = new Set(earlier.map(({ id }) => id));
  return heard.map(({ id, name, text }, at) => {
    const own = id === "" || taken.has(id) ? `call_${earlier.length + at + 1}` : id;
    taken.add(own);
    return { id: own, name, arguments: readArguments(text) };
  });
}

function readArguments(text: string): unknown {
  if (text.trim() === "") return {};
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : text;
  } catch {
    return text;
  }
}

/** A call's arguments as vendors take them back: an object, whatever the model had made of them. */
export const givenBack = (given: unknown): Record<string, unknown> =>
  isObject(given) ? given : { unreadable: String(given) };

/** An id that every vendor takes; the same for a call and for its result. */
export const plainId = (id: string): string => (/^[\w-]{1,40}$/.test(id) ? id : `call_${fingerprint(id).slice(0, 24)}`);

const isObject = (thing: unknown): thing is Record<string, unknown> =>
  typeof thing === "object" && thing !== null && !Array.isArray(thing);
