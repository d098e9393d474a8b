import { hash } from "node:crypto";
import type { Asked, Reply } from "./script.ts";
import { argumentsOf, type Counted, type Said, split, sse, type Wire } from "./wire.ts";

const REASON = { end: "end_turn", length: "max_tokens", refusal: "refusal", pause: "pause_turn" };

/** One block of content: how it begins, in which pieces it goes on, and what it is in the end. */
interface Block {
  readonly start: object;
  readonly deltas: readonly object[];
  readonly whole: object;
}

/** What shows the vendor that it was he who thought this. */
export const sealOf = (thought: string): string => `seal:${hash("sha256", thought, "hex").slice(0, 16)}`;

const event = (type: string, data: object): string => sse({ type, ...data }, type);

/** An answer in the bytes of Anthropic's messages. */
export function anthropic(asked: Asked, said: Said, reply: Reply, counted: Counted | undefined): Wire {
  const { stop = "end", uses = [], odd = [] } = reply;
  const calling = uses.length > 0 && stop === "end" && !odd.includes("says_stop");
  const reason = calling ? "tool_use" : REASON[stop];
  const input = counted && {
    input_tokens: counted.input - counted.cached - counted.cache_write,
    cache_read_input_tokens: counted.cached,
    cache_creation_input_tokens: counted.cache_write,
  };
  const output = counted && {
    output_tokens: counted.output,
    output_tokens_details: { thinking_tokens: counted.reasoning },
    ...(counted.searches > 0 && {
      server_tool_use: { web_search_requests: counted.searches, web_fetch_requests: 0 },
    }),
  };
  const message = { id: `msg_${asked.n}`, type: "message", role: "assistant", model: asked.model, content: [] };
  const begin = event("message_start", {
    message: { ...message, stop_reason: null, usage: input && { ...input, output_tokens: 1 } },
  });
  const blocks = blocksOf(asked, said, reply);
  const pieces = blocks.flatMap(({ start, deltas }, index) => {
    const first = event("content_block_start", { index, content_block: start });
    const told = deltas.map((delta) => event("content_block_delta", { index, delta }));
    const last = event("content_block_stop", { index });
    const all = told.length > 0 ? told : [""];
    return all.map((piece, i) => (i === 0 ? first : "") + piece + (i === all.length - 1 ? last : ""));
  });
  return {
    pieces: pieces.map((piece, i) => (i === 0 ? begin + piece : piece)),
    end:
      event("message_delta", { delta: { stop_reason: reason, stop_sequence: null }, usage: output }) +
      event("message_stop", {}),
    plain: JSON.stringify({
      ...message,
      content: blocks.map(({ whole }) => whole),
      stop_reason: reason,
      ...(counted && { usage: { ...input, ...output } }),
    }),
    error: event("error", { error: { type: "overloaded_error", message: "Overloaded" } }),
  };
}

function blocksOf(asked: Asked, said: Said, reply: Reply): Block[] {
  const { uses = [], thought, chunks = 2 } = reply;
  const text = said.text === "" && uses.length > 0 ? [] : [textBlock(said, reply)];
  return [
    ...(thought === undefined ? [] : [thoughtBlock(thought, chunks)]),
    ...searchBlocks(asked, reply),
    ...text,
    ...uses.map((_, i) => useBlock(asked, reply, i)),
  ];
}

function thoughtBlock(thinking: string, chunks: number): Block {
  const signature = sealOf(thinking);
  const deltas = split(thinking, chunks).map((part) => ({ type: "thinking_delta", thinking: part }));
  return {
    start: { type: "thinking", thinking: "", signature: "" },
    deltas: [...deltas, { type: "signature_delta", signature }],
    whole: { type: "thinking", thinking, signature },
  };
}

function textBlock({ text, parts }: Said, { searches = [] }: Reply): Block {
  const citations = searches
    .flatMap(({ found = [] }) => found)
    .map(({ url, title }) => ({
      type: "web_search_result_location",
      url,
      title,
      encrypted_index: `sealed:${url}`,
      cited_text: title,
    }));
  return {
    start: { type: "text", text: "" },
    deltas: [
      ...parts.map((part) => ({ type: "text_delta", text: part })),
      ...citations.map((citation) => ({ type: "citations_delta", citation })),
    ],
    whole: { type: "text", text, ...(citations.length > 0 && { citations }) },
  };
}

function searchBlocks({ n }: Asked, { searches = [] }: Reply): Block[] {
  return searches.flatMap(({ query, found = [] }, i) => {
    const id = `srvtoolu_${n}_${i}`;
    const use = { type: "server_tool_use", id, name: "web_search", input: { query } };
    const content = found.map(({ url, title }) => ({
      type: "web_search_result",
      url,
      title,
      encrypted_content: `sealed:${url}`,
      page_age: null,
    }));
    const result = { type: "web_search_tool_result", tool_use_id: id, content };
    const json = JSON.stringify({ query });
    return [
      {
        start: { ...use, input: {} },
        deltas: split(json, 2).map((part) => ({ type: "input_json_delta", partial_json: part })),
        whole: use,
      },
      { start: result, deltas: [], whole: result },
    ];
  });
}

/** What is no JSON can be told in pieces only: a whole block would not be JSON either. */
function useBlock({ n }: Asked, reply: Reply, at: number): Block {
  const { uses = [], odd = [], chunks = 2 } = reply;
  const use = uses[at];
  const json = argumentsOf(reply, at);
  const named = {
    type: "tool_use",
    ...(!odd.includes("no_ids") && { id: use?.id ?? `toolu_${n}_${at}` }),
    name: use?.name,
  };
  const whole = { ...named, input: parsed(json) };
  if (odd.includes("whole")) return { start: whole, deltas: [], whole };
  return {
    start: { ...named, input: {} },
    deltas: split(json, chunks).map((part) => ({ type: "input_json_delta", partial_json: part })),
    whole,
  };
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
}
