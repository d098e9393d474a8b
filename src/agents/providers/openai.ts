import type OpenAI from "openai";
import type { ChatCompletionCreateParamsStreaming } from "openai/resources/chat/completions";
import type { Failure } from "../../core/errors.ts";
import type { CallHooks, ModelReply, ModelRequest, Provider, ShapeMode } from "../../core/provider.ts";
import { answers, hear } from "./answers.ts";
import { boundOf } from "./bound.ts";
import { type Asked, classify, stopped } from "./classify.ts";
import { type Endpoint, NO_TIMEOUT_MS, sdkLogger, withhold } from "./endpoint.ts";
import { asStream, OpenAiAnswer } from "./openai-answer.ts";
import { isStrict, Ladder, systemText } from "./shapes.ts";

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
        return await this.#ask(request, mode, asked, beat);
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

  async #ask(request: ModelRequest, mode: ShapeMode | undefined, asked: Asked, beat: () => void): Promise<ModelReply> {
    const { signal } = asked;
    const client = await this.#connect();
    if (signal.aborted) throw stopped(asked, "nothing");
    const body = bodyOf(request, mode, this.#manner(request.model));
    const stream = await client.chat.completions.create(body, { signal });
    const answer = new OpenAiAnswer();
    await hear(stream, (chunk) => {
      beat();
      answer.add(chunk);
    });
    // An aborted stream ends like a finished one, without an error.
    signal.throwIfAborted();
    return answer.reply(mode, () => this.bound(request), request.max_output_tokens);
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
