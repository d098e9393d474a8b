import type { ChatCompletionChunk } from "openai/resources/chat/completions";
import { toNano } from "../../core/money.ts";
import type { ModelReply, ShapeMode } from "../../core/provider.ts";
import { CutAnswer } from "./classify.ts";
import { guessedTokens, reportedTokens } from "./usage.ts";

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
  #text = "";
  #refusal = "";
  #thought = "";
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
    this.#finish = textOr(choice.finish_reason, this.#finish);
  }

  reply(mode: ShapeMode | undefined, bound: () => number, most: number): ModelReply {
    if (this.#finish === undefined || this.#finish === "error") throw new CutAnswer();
    const tokens = reportedTokens("openai", this.#usage);
    const usd = billed(this.#usage);
    return {
      text: this.#text === "" ? this.#refusal : this.#text,
      ...(tokens ? { tokens } : guessedTokens(bound(), this.#text + this.#thought, most)),
      ...(usd !== undefined && { usd }),
      stop: this.#refusal === "" ? (STOPS[this.#finish] ?? "end") : "refusal",
      ...(mode && { mode }),
      ...(this.#model !== undefined && { model: this.#model }),
      ...(this.#id !== undefined && { id: this.#id }),
    };
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
