import type { Anthropic } from "@anthropic-ai/sdk";
import type { MessageCreateParamsStreaming, RawMessageStreamEvent } from "@anthropic-ai/sdk/resources/messages";
import type { Failure } from "../../core/errors.ts";
import type { CallHooks, JsonSchema, ModelReply, ModelRequest, Provider, ShapeMode } from "../../core/provider.ts";
import { answers, hear } from "./answers.ts";
import { boundOf } from "./bound.ts";
import { type Asked, CutAnswer, classify, stopped } from "./classify.ts";
import { type Endpoint, NO_TIMEOUT_MS, sdkLogger, withhold } from "./endpoint.ts";
import { isClosable, Ladder, systemText } from "./shapes.ts";
import { guessedTokens, reportedTokens } from "./usage.ts";

const OVERHEAD = 64;
/** What the vendor writes around a schema. */
const SHAPE_OVERHEAD = 600;

interface Sdk {
  readonly client: Anthropic;
  /** Says a schema in the subset that the vendor enforces; the rest of it becomes description. */
  readonly narrow: (shape: JsonSchema) => Record<string, unknown>;
}

/** Anthropic's messages. The vendor no longer takes a temperature, so none is sent. */
export class AnthropicProvider implements Provider {
  readonly id: string;
  readonly free: boolean;
  readonly concurrency: number;
  readonly rpm?: number;
  readonly tpm?: number;
  readonly #endpoint: Endpoint;
  readonly #ladder = new Ladder(["schema", "text"]);
  #sdk: Promise<Sdk> | undefined;

  constructor(endpoint: Endpoint) {
    this.id = endpoint.id;
    this.free = endpoint.free;
    this.concurrency = endpoint.concurrency;
    if (endpoint.rpm !== undefined) this.rpm = endpoint.rpm;
    if (endpoint.tpm !== undefined) this.tpm = endpoint.tpm;
    this.#endpoint = endpoint;
  }

  bound(request: ModelRequest): number {
    const { shape, messages } = request;
    const overhead = shape ? OVERHEAD + SHAPE_OVERHEAD : OVERHEAD;
    return boundOf(bodyOf(request, shape && "text", undefined), messages.length, shape, overhead);
  }

  async complete(request: ModelRequest, { signal, beat }: CallHooks): Promise<ModelReply> {
    const asked: Asked = { provider: this.id, model: request.model, key: this.#endpoint.key, signal };
    for (;;) {
      const mode = request.shape && this.#rung(request.model, request.shape);
      try {
        return await this.#ask(request, mode, asked, beat);
      } catch (error) {
        const failure = classify(error, asked);
        if (!this.#drop(request, mode, error, failure)) throw failure;
      }
    }
  }

  async probe(signal: AbortSignal): Promise<void> {
    try {
      await (await this.#connect()).client.models.list({ limit: 1 }, { signal });
    } catch (error) {
      throw classify(error, { provider: this.id, model: "models", key: this.#endpoint.key, signal });
    }
  }

  async #ask(request: ModelRequest, mode: ShapeMode | undefined, asked: Asked, beat: () => void): Promise<ModelReply> {
    const { signal } = asked;
    const { client, narrow } = await this.#connect();
    if (signal.aborted) throw stopped(asked, "nothing");
    const format = request.shape && mode === "schema" ? narrow(request.shape) : undefined;
    const stream = await client.messages.create(bodyOf(request, mode, format), { signal });
    const answer = new Answer();
    await hear(stream, (event) => {
      beat();
      answer.add(event);
    });
    signal.throwIfAborted();
    return answer.reply(mode, () => this.bound(request), request.max_output_tokens);
  }

  #rung(model: string, shape: JsonSchema): ShapeMode {
    return isClosable(shape) ? this.#ladder.rung(model, shape) : "text";
  }

  /** A schema that was refused with a 400 was not billed: it is asked for in words at once. */
  #drop({ model, shape }: ModelRequest, mode: ShapeMode | undefined, error: unknown, failure: Failure): boolean {
    if (!shape || mode !== "schema") return false;
    if (error instanceof UnsayableShape) return this.#ladder.drop(model, shape, mode, "invalid schema");
    if (failure.code !== "BAD_REQUEST" || failure.options.billed !== "nothing") return false;
    const complaint = error instanceof Error ? error.message : "";
    return FORMAT.test(complaint) && this.#ladder.drop(model, shape, mode, complaint);
  }

  #connect(): Promise<Sdk> {
    this.#sdk ??= connect(this.#endpoint);
    return this.#sdk;
  }
}

const FORMAT = /output_config|output_format|json_schema|structured output|schema/i;

/** A schema that the SDK cannot put into the vendor's subset. */
class UnsayableShape extends Error {}

async function connect(endpoint: Endpoint): Promise<Sdk> {
  const [{ Anthropic: Client }, { transformJSONSchema }] = await Promise.all([
    import("@anthropic-ai/sdk"),
    import("@anthropic-ai/sdk/lib/transform-json-schema"),
  ]);
  const client = new Client({
    apiKey: endpoint.key === "" ? "none" : endpoint.key,
    authToken: null,
    baseURL: endpoint.baseUrl,
    defaultHeaders: withhold(endpoint.withheld),
    maxRetries: 0,
    timeout: NO_TIMEOUT_MS,
    logger: sdkLogger(endpoint),
    openTelemetry: false,
    fetch: answers(asStream),
  });
  const narrow = (shape: JsonSchema) => {
    try {
      return transformJSONSchema(shape);
    } catch (cause) {
      throw new UnsayableShape("this schema cannot be said to the vendor", { cause });
    }
  };
  return { client, narrow };
}

function bodyOf(
  request: ModelRequest,
  mode: ShapeMode | undefined,
  format: Record<string, unknown> | undefined,
): MessageCreateParamsStreaming {
  const system = systemText(request, mode);
  return {
    model: request.model,
    max_tokens: request.max_output_tokens,
    messages: [...request.messages],
    stream: true,
    ...(system !== "" && { system }),
    ...(format && { output_config: { format: { type: "json_schema", schema: format } } }),
  };
}

/** A whole message of a gateway that does not stream, as the events of a stream. */
function asStream(body: string): string {
  const event = (data: object, type: string) => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
  try {
    const message = JSON.parse(body) as { content?: { text?: string }[]; stop_reason?: string; usage?: unknown };
    const text = (message.content ?? []).map((block) => block.text ?? "").join("");
    return (
      event({ message }, "message_start") +
      event({ index: 0, delta: { type: "text_delta", text } }, "content_block_delta") +
      event({ delta: { stop_reason: message.stop_reason }, usage: message.usage }, "message_delta")
    );
  } catch {
    return `event: message_start\ndata: ${body.replace(/\s+/g, " ")}\n\n`;
  }
}

/** Gathers the events of one answer. */
class Answer {
  #text = "";
  #thought = "";
  #stop: string | null | undefined;
  #usage: Record<string, unknown> | undefined;
  #id: string | undefined;
  #model: string | undefined;

  add(event: RawMessageStreamEvent): void {
    if (event.type === "message_start") {
      this.#id = event.message.id;
      this.#model = event.message.model;
      this.#count(event.message.usage);
    } else if (event.type === "content_block_delta") {
      if (event.delta.type === "text_delta") this.#text += event.delta.text;
      if (event.delta.type === "thinking_delta") this.#thought += event.delta.thinking;
    } else if (event.type === "message_delta") {
      this.#stop = event.delta.stop_reason;
      this.#count(event.usage);
    }
  }

  reply(mode: ShapeMode | undefined, bound: () => number, most: number): ModelReply {
    if (!this.#stop) throw new CutAnswer();
    const tokens = reportedTokens("anthropic", this.#usage);
    return {
      text: this.#text,
      ...(tokens ? { tokens } : guessedTokens(bound(), this.#text + this.#thought, most)),
      stop: STOPS[this.#stop] ?? "end",
      ...(mode && { mode }),
      ...(this.#model !== undefined && { model: this.#model }),
      ...(this.#id !== undefined && { id: this.#id }),
    };
  }

  /** The figures of later events stand for the whole answer so far; what they leave out, or null, stays as it was. */
  #count(usage: object | null | undefined): void {
    const told = Object.entries(usage ?? {}).filter(([, value]) => value !== null && value !== undefined);
    if (usage) this.#usage = { ...this.#usage, ...Object.fromEntries(told) };
  }
}

const STOPS: Readonly<Record<string, ModelReply["stop"]>> = {
  refusal: "refusal",
  max_tokens: "length",
  model_context_window_exceeded: "length",
};
