import { anthropic } from "./anthropic-wire.ts";
import { openai } from "./openai-wire.ts";
import type { Asked, Reply } from "./script.ts";
import { type Counted, split, type Wire } from "./wire.ts";

/** An answer in the bytes of the dialect it was asked in. */
export function write(asked: Asked, text: string, reply: Reply, counted: Counted | undefined): Wire {
  const nothing = text === "" && (reply.uses?.length ?? 0) > 0;
  const said = { text, parts: nothing ? [] : split(text, reply.chunks ?? 2) };
  return asked.dialect === "openai" ? openai(asked, said, reply, counted) : anthropic(asked, said, reply, counted);
}
