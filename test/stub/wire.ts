import type { Cached } from "./prompt-cache.ts";
import type { Asked, Reply, StubUsage } from "./script.ts";

/** What the vendor counts and bills. */
export type Counted = Required<Omit<StubUsage, "cost">> & { readonly cost?: number; readonly searches: number };

/** One answer as bytes: the pieces of its stream, or its plain JSON. */
export interface Wire {
  readonly pieces: readonly string[];
  readonly end: string;
  readonly plain: string;
  readonly error: string;
}

/** The text of an answer, and the pieces it is told in. */
export interface Said {
  readonly text: string;
  readonly parts: readonly string[];
}

export const sse = (data: unknown, event?: string): string =>
  `${event === undefined ? "" : `event: ${event}\n`}data: ${JSON.stringify(data)}\n\n`;

/** What the answer weighs, where the script does not say: a token for four bytes. */
export function count(asked: Asked, text: string, reply: Reply, seen: Cached): Counted {
  const texts = [asked.system, ...asked.messages.map(({ content }) => content)];
  const sent = texts.reduce((sum, each) => sum + Buffer.byteLength(each), asked.beside);
  const told = reply.usage === undefined || reply.usage === "none" ? undefined : reply.usage;
  const { cached = 0, cache_write = 0 } = told ?? {};
  const reasoning = told?.reasoning ?? Math.ceil(Buffer.byteLength(reply.thought ?? "") / 4);
  const uses = reply.uses ? JSON.stringify(reply.uses) : "";
  const input = told?.input ?? Math.ceil(sent / 4) + cached + cache_write;
  const read = told ? cached : Math.min(seen.cached, input);
  return {
    input,
    cached: read,
    cache_write: told ? cache_write : Math.min(seen.cache_write, input - read),
    output: told?.output ?? Math.ceil(Buffer.byteLength(text + uses) / 4) + reasoning,
    reasoning,
    searches: reply.searches?.length ?? 0,
    ...(told?.cost !== undefined && { cost: told.cost }),
  };
}

export function split(text: string, chunks: number): string[] {
  const size = Math.max(1, Math.ceil(text.length / chunks));
  const parts = Array.from({ length: Math.ceil(text.length / size) }, (_, i) => text.slice(i * size, (i + 1) * size));
  return parts.length > 0 ? parts : [""];
}

/** The arguments of a call as they are sent: an answer that was cut off ends in the middle of its last call. */
export function argumentsOf({ uses = [], stop }: Reply, at: number): string {
  const { arguments: given = {} } = uses[at] ?? {};
  const text = typeof given === "string" ? given : JSON.stringify(given);
  return stop === "length" && at === uses.length - 1 ? text.slice(0, Math.ceil(text.length / 2)) : text;
}
