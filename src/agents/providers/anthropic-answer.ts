import type { ContentBlockParam, RawMessageStreamEvent } from "@anthropic-ai/sdk/resources/messages";
import type { ModelRequest, ToolUse } from "../../core/provider.ts";
import type { Tokens } from "../../core/usage.ts";
import { CutAnswer } from "./classify.ts";
import { reportedTokens } from "./usage.ts";
import { givenBack, type Heard, usesOf } from "./uses.ts";

/** A whole message of a gateway that does not stream, as the events of a stream. */
export function asStream(body: string): string {
  const event = (data: object, type: string) => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
  try {
    const message = JSON.parse(body) as { content?: object[]; stop_reason?: string; usage?: unknown };
    const blocks = (message.content ?? []).map((content_block, index) =>
      event({ index, content_block }, "content_block_start"),
    );
    return (
      event({ message }, "message_start") +
      blocks.join("") +
      event({ delta: { stop_reason: message.stop_reason }, usage: message.usage }, "message_delta")
    );
  } catch {
    return `event: message_start\ndata: ${body.replace(/\s+/g, " ")}\n\n`;
  }
}

type Block = Record<string, unknown> & { type: string };

/** One block as far as it has come; `json` is what it was told in pieces of JSON. */
interface Growing {
  readonly block: Block;
  json: string;
}

/** Gathers the events of one answer. */
export class AnthropicAnswer {
  /** By the number that the server gave each, in the order in which they began. */
  readonly #blocks = new Map<number, Growing>();
  #stop: string | null | undefined;
  #usage: Record<string, unknown> | undefined;
  id: string | undefined;
  model: string | undefined;

  add(event: RawMessageStreamEvent): void {
    if (event.type === "message_start") {
      this.id = event.message.id;
      this.model = event.message.model;
      this.#count(event.message.usage);
    } else if (event.type === "content_block_start") {
      const { type } = event.content_block;
      this.#blocks.set(event.index, { block: { ...event.content_block, type }, json: "" });
    } else if (event.type === "content_block_delta") {
      this.#grow(event.index ?? 0, event.delta);
    } else if (event.type === "message_delta") {
      this.#stop = event.delta.stop_reason;
      this.#count(event.usage);
    }
  }

  /** Fails where it never said that it was complete. */
  whole(): this {
    if (!this.#stop) throw new CutAnswer();
    return this;
  }

  get stop(): string {
    return this.#stop ?? "";
  }

  get tokens(): Tokens | undefined {
    return reportedTokens("anthropic", this.#usage);
  }

  /** How often the vendor searched, by its own count; where it keeps none, by its blocks. */
  get searches(): number {
    const { web_search_requests: told } = (this.#usage?.["server_tool_use"] ?? {}) as { web_search_requests?: unknown };
    return typeof told === "number" && told >= 0 ? told : this.#of("web_search_tool_result").length;
  }

  /** What is said before a search and what is said after it are two paragraphs. */
  get text(): string {
    const parts: string[] = [];
    for (const { block } of this.#grown) {
      if (block.type === "text") parts.push(`${parts.pop() ?? ""}${block["text"] ?? ""}`);
      else if (block.type === "web_search_tool_result" && parts.at(-1)) parts.push("");
    }
    return parts.filter((part) => part.trim() !== "").join("\n\n");
  }

  /** All that it made, for a guess of what that weighs. */
  get all(): string {
    return this.#grown.map(({ block, json }) => String(block["text"] ?? block["thinking"] ?? "") + json).join("");
  }

  /** The pages that are cited, each once. */
  get sources(): readonly string[] {
    const cited = this.#of("text").flatMap(({ citations }) => (Array.isArray(citations) ? citations : []));
    const lines = cited.flatMap(({ url, title }) => (url ? `- ${title ? `${title}: ` : ""}${url}` : []));
    return [...new Set(lines)];
  }

  get heard(): readonly Heard[] {
    return this.#grown
      .filter(({ block }) => block.type === "tool_use")
      .map(({ block: { id, name, input }, json }) => ({
        id: typeof id === "string" ? id : "",
        name: String(name ?? ""),
        text: json || (typeof input === "string" ? input : JSON.stringify(input ?? {})),
      }));
  }

  /** As the vendor takes it back: whole, in its order, its calls under the ids that they go by. */
  blocks(uses: readonly ToolUse[]): readonly ContentBlockParam[] {
    let calls = 0;
    const whole = this.#grown.map(({ block, json }) => {
      const use = block.type === "tool_use" ? uses[calls++] : undefined;
      if (use) return { type: "tool_use", id: use.id, name: use.name, input: givenBack(use.arguments) };
      return json === "" ? block : { ...block, input: parsed(json) };
    });
    const told = whole.filter((block) => block.type !== "text" || String((block as Block)["text"]).trim() !== "");
    return told as unknown as ContentBlockParam[];
  }

  /** Is there anything in it that only its vendor reads? */
  get isSealed(): boolean {
    return this.#grown.some(({ block }) => block.type !== "text" && block.type !== "tool_use");
  }

  uses(request: ModelRequest): readonly ToolUse[] {
    return usesOf(this.heard, request);
  }

  #of(type: string): readonly Block[] {
    return this.#grown.flatMap(({ block }) => (block.type === type ? block : []));
  }

  get #grown(): readonly Growing[] {
    return [...this.#blocks.values()];
  }

  #grow(index: number, delta: Extract<RawMessageStreamEvent, { type: "content_block_delta" }>["delta"]): void {
    const growing = this.#blocks.get(index) ?? { block: { type: KINDS[delta.type] ?? "text" }, json: "" };
    this.#blocks.set(index, growing);
    const { block } = growing;
    if (delta.type === "text_delta") block["text"] = `${block["text"] ?? ""}${delta.text}`;
    if (delta.type === "thinking_delta") block["thinking"] = `${block["thinking"] ?? ""}${delta.thinking}`;
    if (delta.type === "signature_delta") block["signature"] = delta.signature;
    if (delta.type === "input_json_delta") growing.json += delta.partial_json;
    if (delta.type === "citations_delta")
      block["citations"] = [...((block["citations"] as unknown[] | null) ?? []), delta.citation];
  }

  /** The figures of later events stand for the whole answer so far; what they leave out, or null, stays as it was. */
  #count(usage: object | null | undefined): void {
    const told = Object.entries(usage ?? {}).filter(([, value]) => value !== null && value !== undefined);
    if (usage) this.#usage = { ...this.#usage, ...Object.fromEntries(told) };
  }
}

/** What grows by such pieces, where a server does not say what it begins. */
const KINDS: Readonly<Record<string, string>> = {
  thinking_delta: "thinking",
  signature_delta: "thinking",
  input_json_delta: "tool_use",
};

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return {};
  }
}
