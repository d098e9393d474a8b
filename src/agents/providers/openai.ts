import type OpenAI from "openai";
import type { ChatCompletionChunk, ChatCompletionCreateParamsStreaming } from "openai/resources/chat/completions";
import type { Failure } from "../../core/errors.ts";
import { toNano } from "../../core/money.ts";
import type { CallHooks, ModelReply, ModelRequest, Provider, ShapeMode } from "../../core/provider.ts";
import { answers } from "./answers.ts";
import { boundOf } from "./bound.ts";
import { type Asked, CutAnswer, classify } from "./classify.ts";
import { type Endpoint, NO_TIMEOUT_MS, sdkLogger, withhold } from "./endpoint.ts";
import { isStrict, Ladder, systemText } from "./shapes.ts";
import { guessedTokens, reportedTokens } from "./usage.ts";

const OVERHEAD = 64;
const MOST_TRIES = 6;

type Field = Endpoint["maxTokensField"];

/** How a model of this server wants to be asked, as far as its refusals have taught. */
interface Manner {
  readonly field: Field;
  readonly temperature: boolean;
}

/** Any server that speaks OpenAI's chat completions. */
export class OpenAiProvider implements Provider {
  readonly id: string;
  readonly free: boolean;
  readonly concurrency: number;
  readonly rpm?: number;
  readonly tpm?: number;
  readonly #endpoint: Endpoint;
  readonly #ladder = new Ladder(["schema", "json", "text"]);
  readonly #manners = new Map<string, Manner>();
  #client: Promise<OpenAI> | undefined;

  constructor(endpoint: Endpoint) {
    this.id = endpoint.id;
    this.free = endpoint.free;
    this.concurrency = endpoint.concurrency;
    if (endpoint.rpm !== undefined) this.rpm = endpoint.rpm;
    if (endpoint.tpm !== undefined) this.tpm = endpoint.tpm;
    this.#endpoint = endpoint;
  }

  bound(request: ModelRequest): number {
    // JSON mode is the longest way to ask: it has the schema in words and a format beside it.
    const body = bodyOf(request, "json", this.#manner(request.model));
    return boundOf(body, request.messages.length, request.shape, OVERHEAD);
  }

  async complete(request: ModelRequest, { signal, beat }: CallHooks): Promise<ModelReply> {
    const asked: Asked = { provider: this.id, model: request.model, key: this.#endpoint.key, signal };
    for (let tries = 1; ; tries++) {
      const mode = request.shape && this.#ladder.rung(request.model, request.shape);
      try {
        return await this.#ask(request, mode, { signal, beat });
      } catch (error) {
        const failure = classify(error, asked);
        // What was refused with a 400 was not billed, so another way to ask is tried at once.
        if (tries === MOST_TRIES || !this.#learn(request, mode, error, failure)) throw failure;
      }
    }
  }

  async probe(signal: AbortSignal): Promise<void> {
    try {
      await (await this.#connect()).models.list({ signal });
    } catch (error) {
      throw classify(error, { provider: this.id, model: "models", key: this.#endpoint.key, signal });
    }
  }

  async #ask(request: ModelRequest, mode: ShapeMode | undefined, { signal, beat }: CallHooks): Promise<ModelReply> {
    const client = await this.#connect();
    signal.throwIfAborted();
    const body = bodyOf(request, mode, this.#manner(request.model));
    const stream = await client.chat.completions.create(body, { signal });
    const answer = new Answer();
    for await (const chunk of stream) {
      beat();
      answer.add(chunk);
    }
    // An aborted stream ends like a finished one, without an error.
    signal.throwIfAborted();
    return answer.reply(mode, this.bound(request), request.max_output_tokens);
  }

  /** Takes a refusal of the way it was asked for a lesson. Is there another way left? */
  #learn(request: ModelRequest, mode: ShapeMode | undefined, error: unknown, failure: Failure): boolean {
    if (failure.code !== "BAD_REQUEST" || failure.options.billed !== "nothing") return false;
    const { param, message } = error as { param?: unknown; message?: unknown };
    const complaint = `${param} ${message}`;
    const manner = this.#manner(request.model);
    const other: Field = manner.field === "max_tokens" ? "max_completion_tokens" : "max_tokens";
    if (new RegExp(`\\b${manner.field}\\b`).test(complaint) && UNSUPPORTED.test(complaint)) {
      this.#manners.set(request.model, { ...manner, field: other });
      return true;
    }
    if (manner.temperature && request.temperature !== undefined && /\btemperature\b/.test(complaint)) {
      this.#manners.set(request.model, { ...manner, temperature: false });
      return true;
    }
    if (!request.shape || !mode || !FORMAT.test(complaint)) return false;
    return this.#ladder.drop(request.model, request.shape, mode, complaint);
  }

  #manner(model: string): Manner {
    return this.#manners.get(model) ?? { field: this.#endpoint.maxTokensField, temperature: true };
  }

  #connect(): Promise<OpenAI> {
    this.#client ??= connect(this.#endpoint);
    return this.#client;
  }
}

const UNSUPPORTED = /unsupported|not supported|unknown|unrecogni[sz]ed|unexpected|not permitted|invalid|use '?max/i;
const FORMAT = /response_format|json_schema|json_object|structured output|guided|invalid (json )?schema/i;

async function connect(endpoint: Endpoint): Promise<OpenAI> {
  const { OpenAI: Client } = await import("openai");
  return new Client({
    apiKey: endpoint.key === "" ? "none" : endpoint.key,
    baseURL: endpoint.baseUrl,
    // Else they are read from the environment, and told to whoever this server is.
    adminAPIKey: null,
    organization: null,
    project: null,
    defaultHeaders: withhold(endpoint.withheld),
    maxRetries: 0,
    timeout: NO_TIMEOUT_MS,
    logger: sdkLogger(endpoint),
    fetch: answers(asStream),
  });
}

function bodyOf(
  request: ModelRequest,
  mode: ShapeMode | undefined,
  manner: Manner,
): ChatCompletionCreateParamsStreaming {
  const { model, messages, shape, temperature, max_output_tokens } = request;
  const system = systemText(request, mode);
  return {
    model,
    messages: [...(system === "" ? [] : [{ role: "system" as const, content: system }]), ...messages],
    stream: true,
    stream_options: { include_usage: true },
    [manner.field]: max_output_tokens,
    ...(temperature !== undefined && manner.temperature && { temperature }),
    ...(shape && mode === "json" && { response_format: { type: "json_object" } }),
    ...(shape &&
      mode === "schema" && {
        response_format: {
          type: "json_schema",
          json_schema: { name: "answer", strict: isStrict(shape), schema: shape },
        },
      }),
  };
}

/** A whole answer of a server that does not stream, as the only chunk of a stream. */
function asStream(body: string): string {
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
  readonly reasoning?: string | null;
  readonly reasoning_content?: string | null;
}
interface Cost {
  readonly cost?: unknown;
  readonly is_byok?: unknown;
  readonly cost_details?: { readonly upstream_inference_cost?: unknown } | null;
}

/** Gathers the chunks of one answer. */
class Answer {
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
    this.#text += delta?.content ?? "";
    this.#refusal += delta?.refusal ?? "";
    this.#thought += delta?.reasoning_content ?? delta?.reasoning ?? "";
    this.#finish = choice.finish_reason ?? this.#finish;
  }

  reply(mode: ShapeMode | undefined, bound: number, most: number): ModelReply {
    if (this.#finish === undefined || this.#finish === "error") throw new CutAnswer();
    const tokens = reportedTokens("openai", this.#usage);
    const usd = billed(this.#usage);
    return {
      text: this.#text === "" ? this.#refusal : this.#text,
      ...(tokens ? { tokens } : guessedTokens(bound, this.#text + this.#thought, most)),
      ...(usd !== undefined && { usd }),
      stop:
        this.#refusal !== "" || this.#finish === "content_filter"
          ? "refusal"
          : this.#finish === "length"
            ? "length"
            : "end",
      ...(mode && { mode }),
      ...(this.#model !== undefined && { model: this.#model }),
      ...(this.#id !== undefined && { id: this.#id }),
    };
  }
}

/** The cost that the server itself reports; with a key of one's own the vendor behind it bills beside it. */
function billed(usage: unknown): number | undefined {
  const { cost, is_byok, cost_details } = (usage ?? {}) as Cost;
  if (typeof cost !== "number" || !(cost >= 0)) return undefined;
  const upstream = is_byok === true ? cost_details?.upstream_inference_cost : 0;
  return toNano(cost + (typeof upstream === "number" && upstream > 0 ? upstream : 0));
}
