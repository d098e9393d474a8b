import type { ChatCompletionChunk } from "openai/resources/chat/completions";
import { toNano } from "../../core/money.ts";
import type { Message, ModelReply, ModelRequest, ShapeMode } from "../../core/provider.ts";
import { CutAnswer } from "./classify.ts";
import { OpenAiCalls } from "./openai-calls.ts";
import { guessedTokens, reportedTokens } from "./usage.ts";
import { usesOf } from "./uses.ts";

/** A whole answer of a server that does not stream, as the only chunk of a stream. */
export function asStream(body: string): string {
  try {
    const whole = JSON.parse(body) as { choices?: { message?: unknown }[] };
    const choices = whole.choices?.map((choice) => ({ ...choice, delta: choice.message }));
    return `data: ${JSON.stringify({ ...whole, ...(choices && { choices }) })}\n\ndata: [DONE]\n\n`;
  } catch {
    return `data: ${body.replace(/\s+/g, " ")}\n\n`;
  }
}

/** What servers send beside the SDK's types: the text of reasoning, and what OpenRouter says it cost. */
interface More {
  readonly reasoning?: unknown;
  readonly reasoning_content?: unknown;
}
interface Cost {
  readonly cost?: unknown;
  readonly is_byok?: unknown;
  readonly cost_details?: { readonly upstream_inference_cost?: unknown } | null;
}

/** Gathers the chunks of one answer. */
export class OpenAiAnswer {
  readonly #calls = new OpenAiCalls();
  #text = "";
  #refusal = "";
  #thought = "";
  /** What was thought, where it is told in the field that is to come back with the calls. */
  #content = "";
  #finish: string | undefined;
  #usage: unknown;
  #id: string | undefined;
  #model: string | undefined;

  add(chunk: ChatCompletionChunk): void {
    this.#id ??= chunk.id;
    this.#model ??= chunk.model;
    this.#usage = chunk.usage ?? this.#usage;
    const choice = chunk.choices?.[0];
    if (!choice) return;
    const delta: (typeof choice.delta & More) | undefined = choice.delta;
    this.#text += textOr(delta?.content, "");
    this.#refusal += textOr(delta?.refusal, "");
    this.#thought += textOr(delta?.reasoning_content ?? delta?.reasoning, "");
    this.#content += textOr(delta?.reasoning_content, "");
    this.#calls.add(delta);
    this.#finish = textOr(choice.finish_reason, this.#finish);
  }

  reply(provider: string, request: ModelRequest, mode: ShapeMode | undefined, bound: () => number): ModelReply {
    if (this.#finish === undefined || this.#finish === "error") throw new CutAnswer();
    const tokens = reportedTokens("openai", this.#usage);
    const usd = billed(this.#usage);
    const told = this.#text + this.#thought + this.#calls.heard.map(({ name, text }) => name + text).join("");
    return {
      text: this.#text === "" ? this.#refusal : this.#text,
      ...(tokens ? { tokens } : guessedTokens(bound(), told, request.max_output_tokens)),
      ...(usd !== undefined && { usd }),
      ...this.#ending(provider, request),
      ...(mode && { mode }),
      ...(this.#model !== undefined && { model: this.#model }),
      ...(this.#id !== undefined && { id: this.#id }),
    };
  }

  /** Calls win over an ending that some servers tell as any other; what was cut off or declined wants nothing done. */
  #ending(provider: string, request: ModelRequest): Pick<ModelReply, "stop" | "uses" | "kept"> {
    const stop = this.#refusal === "" ? (STOPS[this.#finish ?? ""] ?? "end") : "refusal";
    const { heard } = this.#calls;
    if (stop !== "end" || heard.length === 0) return { stop };
    const kept = this.#kept(provider);
    return { stop: "tools", uses: usesOf(heard, request), ...(kept && { kept }) };
  }

  /** What some servers want back: first what stands beside the calls, then what stands in each of them. */
  #kept(provider: string): Message["kept"] {
    const around = this.#content === "" ? {} : { reasoning_content: this.#content };
    const blocks = [around, ...this.#calls.more];
    return blocks.some((block) => Object.keys(block).length > 0) ? { provider, blocks } : undefined;
  }
}

const STOPS: Readonly<Record<string, ModelReply["stop"]>> = { length: "length", content_filter: "refusal" };

/** Servers send what they like, whatever the types say: only text is text. */
const textOr = <T>(thing: unknown, otherwise: T): string | T => (typeof thing === "string" ? thing : otherwise);

const MOST_USD = 1e6;

/** The cost that the server itself reports; with a key of one's own the vendor behind it bills beside it. */
function billed(usage: unknown): number | undefined {
  const { cost, is_byok, cost_details } = (usage ?? {}) as Cost;
  if (typeof cost !== "number" || !(cost >= 0 && cost < MOST_USD)) return undefined;
  const upstream = is_byok === true ? cost_details?.upstream_inference_cost : 0;
  return toNano(cost + (typeof upstream === "number" && upstream > 0 && upstream < MOST_USD ? upstream : 0));
}
