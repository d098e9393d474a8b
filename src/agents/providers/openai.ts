import type OpenAI from "openai";
import { Failure } from "../../core/errors.ts";
import type { CallHooks, ModelReply, ModelRequest, Provider, ShapeMode } from "../../core/provider.ts";
import { answers, hear } from "./answers.ts";
import { boundOf } from "./bound.ts";
import { type Asked, classify, stopped } from "./classify.ts";
import { type Endpoint, NO_TIMEOUT_MS, sdkLogger, withhold } from "./endpoint.ts";
import { complaintOf, failureOf, whoOf } from "./lessons.ts";
import { mediaBound, refuseMedia, withoutBytes } from "./media.ts";
import { asStream, OpenAiAnswer } from "./openai-answer.ts";
import { bodyOf } from "./openai-body.ts";
import { lesson, type Manner } from "./openai-manner.ts";
import { Ladder } from "./shapes.ts";

const OVERHEAD = 64;
const MOST_TRIES = 9;
/** A picture is cut into tiles or patches, with a price by model: the dearest known but one count less than this. */
const PICTURE = 17_000;
/** The one whose tiles count for 33 of others. */
const DEAR_PICTURE = 50_000;
const PAGE = 8000;

/** Any server that speaks OpenAI's chat completions. */
export class OpenAiProvider implements Provider {
  readonly id: string;
  readonly free: boolean;
  readonly local: boolean;
  readonly concurrency: number;
  readonly rpm?: number;
  readonly tpm?: number;
  readonly can: NonNullable<Provider["can"]>;
  readonly #endpoint: Endpoint;
  readonly #ladder = new Ladder(["schema", "json", "text"]);
  readonly #manners = new Map<string, Manner>();
  #client: Promise<OpenAI> | undefined;

  constructor(endpoint: Endpoint) {
    this.id = endpoint.id;
    this.free = endpoint.free;
    this.local = endpoint.local;
    this.concurrency = endpoint.concurrency;
    if (endpoint.rpm !== undefined) this.rpm = endpoint.rpm;
    if (endpoint.tpm !== undefined) this.tpm = endpoint.tpm;
    // Chat completions search by models made for it alone, and do not say how often.
    this.can = { web_search: false, media: endpoint.media };
    this.#endpoint = endpoint;
  }

  bound(request: ModelRequest): number {
    // JSON mode is the longest way to ask: it has the schema in words and a format beside it.
    const body = bodyOf(this.id, withoutBytes(request), "json", this.#manner(request));
    const picture = /4o-mini/.test(request.model) ? DEAR_PICTURE : PICTURE;
    const media = mediaBound(request.messages, { picture, page: PAGE });
    return boundOf(body, body.messages.length, request, OVERHEAD) + media;
  }

  async complete(request: ModelRequest, { signal, beat }: CallHooks): Promise<ModelReply> {
    const asked: Asked = { provider: this.id, model: request.model, key: this.#endpoint.key, signal };
    if (!this.can.media) refuseMedia(request, this.id);
    if (request.web_search) throw cannotSearch(asked);
    for (let tries = 1; ; tries++) {
      const mode = request.shape && this.#ladder.rung(whoOf(request), request.shape);
      try {
        return await this.#ask(request, mode, asked, beat);
      } catch (error) {
        const failure = failureOf(error, asked, request);
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
    const body = bodyOf(this.id, request, mode, this.#manner(request));
    const stream = await client.chat.completions.create(body, { signal });
    const answer = new OpenAiAnswer();
    await hear(stream, (chunk) => {
      beat();
      answer.add(chunk);
    });
    // An aborted stream ends like a finished one, without an error.
    signal.throwIfAborted();
    return answer.reply(this.id, request, mode, () => this.bound(request));
  }

  /** Takes a refusal of the way it was asked for a lesson. Is there another way left? */
  #learn(request: ModelRequest, mode: ShapeMode | undefined, error: unknown, failure: Failure): boolean {
    if (failure.code !== "BAD_REQUEST" || failure.options.billed !== "nothing") return false;
    const complaint = complaintOf(error);
    const who = whoOf(request);
    const better = lesson(complaint, request, this.#manner(request));
    if (better) this.#manners.set(who, better);
    if (better || !request.shape || !mode || !FORMAT.test(complaint)) return better !== undefined;
    return this.#ladder.drop(who, request.shape, mode, complaint);
  }

  #manner(request: ModelRequest): Manner {
    const usual = { temperature: true, effort: "max", strict: true, choice: true } as const;
    return this.#manners.get(whoOf(request)) ?? { field: this.#endpoint.maxTokensField, ...usual };
  }

  #connect(): Promise<OpenAI> {
    this.#client ??= connect(this.#endpoint);
    return this.#client;
  }
}

const FORMAT = /response_format|json_schema|json_object|json mode|structured output|guided|invalid (json )?schema/i;

const cannotSearch = ({ provider, model }: Asked): Failure =>
  new Failure("BAD_REQUEST", `${provider}/${model} cannot search the web by itself`, {
    billed: "nothing",
    hint: "Give this agent a tool that searches, or a model of a vendor that does, such as anthropic/…",
  });

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
