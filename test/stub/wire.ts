import type { Asked, Reply, StubUsage } from "./script.ts";

/** What the vendor counts and bills. */
export type Counted = Required<Omit<StubUsage, "cost">> & { readonly cost?: number };

/** One answer as bytes: the pieces of its stream, or its plain JSON. */
export interface Wire {
  readonly pieces: readonly string[];
  readonly end: string;
  readonly plain: string;
  readonly error: string;
}

type Body = Record<string, unknown>;

const sse = (data: unknown, event?: string): string =>
  `${event === undefined ? "" : `event: ${event}\n`}data: ${JSON.stringify(data)}\n\n`;

/** Reads a request of either dialect. */
export function readAsked(dialect: Asked["dialect"], body: Body, n: number): Asked {
  const all = (body["messages"] as { role: string; content: unknown }[] | undefined) ?? [];
  const messages = all.map(({ role, content }) => ({ role, content: textOf(content) }));
  const system =
    dialect === "anthropic"
      ? textOf(body["system"])
      : messages
          .filter(({ role }) => role === "system" || role === "developer")
          .map((m) => m.content)
          .join("\n");
  const format = (
    dialect === "anthropic" ? (body["output_config"] as Body | undefined)?.["format"] : body["response_format"]
  ) as Body | undefined;
  const shape = format?.["schema"] ?? (format?.["json_schema"] as Body | undefined)?.["schema"];
  return {
    dialect,
    n,
    body,
    system,
    messages,
    model: String(body["model"]),
    user: messages.findLast(({ role }) => role === "user")?.content ?? "",
    stream: body["stream"] === true,
    ...(format && { format: String(format["type"]) }),
    ...(shape !== undefined && { shape: shape as Body }),
  };
}

function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  return Array.isArray(content) ? content.map((part) => String(part?.text ?? "")).join("") : "";
}

/** What the answer weighs, where the script does not say: a token for four bytes. */
export function count(asked: Asked, text: string, usage: StubUsage): Counted {
  const sent =
    Buffer.byteLength(asked.system) + asked.messages.reduce((sum, m) => sum + Buffer.byteLength(m.content), 0);
  const { cached = 0, cache_write = 0, reasoning = 0 } = usage;
  return {
    input: usage.input ?? Math.ceil(sent / 4) + cached + cache_write,
    cached,
    cache_write,
    output: usage.output ?? Math.ceil(Buffer.byteLength(text) / 4) + reasoning,
    reasoning,
    ...(usage.cost !== undefined && { cost: usage.cost }),
  };
}

/** An answer in the bytes of the dialect it was asked in. */
export function write(asked: Asked, text: string, reply: Reply, counted: Counted | undefined): Wire {
  const parts = split(text, reply.chunks ?? 2);
  return asked.dialect === "openai" ? openai(asked, parts, reply, counted) : anthropic(asked, parts, reply, counted);
}

function split(text: string, chunks: number): string[] {
  const size = Math.max(1, Math.ceil(text.length / chunks));
  const parts = Array.from({ length: Math.ceil(text.length / size) }, (_, i) => text.slice(i * size, (i + 1) * size));
  return parts.length > 0 ? parts : [""];
}

function openai(asked: Asked, parts: string[], { stop = "end" }: Reply, counted: Counted | undefined): Wire {
  const head = { id: `chatcmpl-${asked.n}`, created: 1, model: asked.model };
  const finish = { end: "stop", length: "length", refusal: "content_filter" }[stop];
  const usage = counted && {
    prompt_tokens: counted.input,
    completion_tokens: counted.output,
    total_tokens: counted.input + counted.output,
    prompt_tokens_details: { cached_tokens: counted.cached, cache_write_tokens: counted.cache_write },
    completion_tokens_details: { reasoning_tokens: counted.reasoning },
    ...(counted.cost !== undefined && { cost: counted.cost }),
  };
  const chunk = (choices: unknown[], more: object = {}) =>
    sse({ ...head, object: "chat.completion.chunk", choices, ...more });
  const wantsUsage = (asked.body["stream_options"] as Body | undefined)?.["include_usage"] === true;
  return {
    pieces: parts.map((content, i) =>
      chunk([{ index: 0, delta: i === 0 ? { role: "assistant", content } : { content }, finish_reason: null }]),
    ),
    end:
      chunk([{ index: 0, delta: {}, finish_reason: finish }]) +
      (usage && wantsUsage ? chunk([], { usage }) : "") +
      "data: [DONE]\n\n",
    plain: JSON.stringify({
      ...head,
      object: "chat.completion",
      choices: [{ index: 0, message: { role: "assistant", content: parts.join("") }, finish_reason: finish }],
      ...(usage && { usage }),
    }),
    error: sse({ error: { message: "the server had an error in the stream", type: "server_error" } }),
  };
}

function anthropic(asked: Asked, parts: string[], { stop = "end" }: Reply, counted: Counted | undefined): Wire {
  const reason = { end: "end_turn", length: "max_tokens", refusal: "refusal" }[stop];
  const input = counted && {
    input_tokens: counted.input - counted.cached - counted.cache_write,
    cache_read_input_tokens: counted.cached,
    cache_creation_input_tokens: counted.cache_write,
  };
  const output = counted && {
    output_tokens: counted.output,
    output_tokens_details: { thinking_tokens: counted.reasoning },
  };
  const message = {
    id: `msg_${asked.n}`,
    type: "message",
    role: "assistant",
    model: asked.model,
    content: [] as unknown[],
  };
  const event = (type: string, data: object) => sse({ type, ...data }, type);
  const begin =
    event("message_start", {
      message: { ...message, stop_reason: null, usage: input && { ...input, output_tokens: 1 } },
    }) + event("content_block_start", { index: 0, content_block: { type: "text", text: "" } });
  return {
    pieces: parts.map(
      (text, i) =>
        (i === 0 ? begin : "") + event("content_block_delta", { index: 0, delta: { type: "text_delta", text } }),
    ),
    end:
      event("content_block_stop", { index: 0 }) +
      event("message_delta", { delta: { stop_reason: reason, stop_sequence: null }, usage: output }) +
      event("message_stop", {}),
    plain: JSON.stringify({
      ...message,
      content: [{ type: "text", text: parts.join("") }],
      stop_reason: reason,
      ...(counted && { usage: { ...input, ...output } }),
    }),
    error: event("error", { error: { type: "overloaded_error", message: "Overloaded" } }),
  };
}
