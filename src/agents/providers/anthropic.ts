import type { Anthropic } from "@anthropic-ai/sdk";
import { Failure } from "../../core/errors.ts";
import type { CallHooks, JsonSchema, ModelReply, ModelRequest, Provider, ShapeMode } from "../../core/provider.ts";
import { answers, hear } from "./answers.ts";
import { AnthropicAnswer, asStream } from "./anthropic-answer.ts";
import { bodyOf } from "./anthropic-body.ts";
import { left, MOST_TURNS, replyOf, resumed } from "./anthropic-turns.ts";
import { boundOf } from "./bound.ts";
import { type Asked, classify, stopped } from "./classify.ts";
import { type Endpoint, NO_TIMEOUT_MS, sdkLogger, withhold } from "./endpoint.ts";
import { complaintOf, effortLesson, failureOf, type MostEffort, whoOf } from "./lessons.ts";
import { mediaBound, refuseMedia, withoutBytes } from "./media.ts";
import { isClosable, Ladder } from "./shapes.ts";

const OVERHEAD = 64;
/** The largest picture is counted as 4,784 tokens; a page of text as 3,000, and more where the script is dense. */
const PICTURE = 6000;
const PAGE = 6000;
/** What one search adds to what is read; and after each, all is read again. */
const SEARCH = 16_000;
/** What the vendor writes around a schema. */
const SHAPE_OVERHEAD = 600;

interface Sdk {
  readonly client: Anthropic;
  /** Says a schema in the subset that the vendor enforces; the rest of it becomes description. */
  readonly narrow: (shape: JsonSchema) => Record<string, unknown>;
}

/** A question that is being asked, and the turns of its answer so far. */
interface Asking {
  readonly request: ModelRequest;
  readonly turns: AnthropicAnswer[];
  readonly mode: ShapeMode | undefined;
  readonly asked: Asked;
  readonly beat: () => void;
}

/** Anthropic's messages. The vendor no longer takes a temperature, so none is sent. */
export class AnthropicProvider implements Provider {
  readonly id: string;
  readonly free: boolean;
  readonly local: boolean;
  readonly concurrency: number;
  readonly rpm?: number;
  readonly tpm?: number;
  readonly can: NonNullable<Provider["can"]>;
  readonly search_usd?: number;
  readonly cache_write = 1.25;
  readonly #endpoint: Endpoint;
  readonly #ladder = new Ladder(["schema", "text"]);
  readonly #efforts = new Map<string, MostEffort>();
  #sdk: Promise<Sdk> | undefined;

  constructor(endpoint: Endpoint) {
    this.id = endpoint.id;
    this.free = endpoint.free;
    this.local = endpoint.local;
    this.concurrency = endpoint.concurrency;
    if (endpoint.rpm !== undefined) this.rpm = endpoint.rpm;
    if (endpoint.tpm !== undefined) this.tpm = endpoint.tpm;
    this.can = { web_search: endpoint.search_usd !== undefined, media: endpoint.media };
    if (endpoint.search_usd !== undefined) this.search_usd = endpoint.search_usd;
    this.#endpoint = endpoint;
  }

  bound(request: ModelRequest): number {
    const { shape, messages, web_search } = request;
    const overhead = shape ? OVERHEAD + SHAPE_OVERHEAD : OVERHEAD;
    const mode = shape && "text";
    const put = { provider: this.id, mode, format: undefined, effort: "max" } as const;
    const body = bodyOf(withoutBytes(request), put);
    const media = mediaBound(messages, { picture: PICTURE, page: PAGE });
    const once = boundOf(body, messages.length, request, overhead) + media;
    return web_search ? once * (web_search.max_uses + 1) + SEARCH * web_search.max_uses : once;
  }

  async complete(request: ModelRequest, { signal, beat }: CallHooks): Promise<ModelReply> {
    const asked: Asked = { provider: this.id, model: request.model, key: this.#endpoint.key, signal };
    if (!this.can.media) refuseMedia(request, this.id);
    if (request.web_search && !this.can.web_search) throw cannotSearch(asked);
    for (;;) {
      const mode = request.shape && this.#rung(request, request.shape);
      const turns: AnthropicAnswer[] = [];
      try {
        const last = await this.#ask({ request, turns, mode, asked, beat });
        const { id: provider, search_usd } = this;
        return replyOf(turns, last, { provider, request, mode, search_usd, bound: () => this.bound(request) });
      } catch (error) {
        const failure = failureOf(error, asked, request);
        if (turns.length > 0) throw paidInPart(failure);
        if (!this.#learn(request, mode, error, failure)) throw failure;
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

  /** Asks until the answer is whole: the vendor pauses a long turn of its own tools, and the next goes on with it. */
  async #ask(asking: Asking): Promise<AnthropicAnswer> {
    const { request, turns } = asking;
    for (;;) {
      const last = await this.#turn(asking);
      turns.push(last);
      if (last.stop !== "pause_turn" || turns.length === MOST_TURNS) return last;
      if (left(request, turns).max_output_tokens === 0) return last;
    }
  }

  async #turn({ request, turns, mode, asked, beat }: Asking): Promise<AnthropicAnswer> {
    const { signal } = asked;
    const { client, narrow } = await this.#connect();
    if (signal.aborted) throw stopped(asked, "nothing");
    const format = request.shape && mode === "schema" ? narrow(request.shape) : undefined;
    const put = { provider: this.id, mode, format, effort: this.#effort(request) };
    const body = resumed(bodyOf(left(request, turns), put), turns);
    const stream = await client.messages.create(body, { signal });
    const answer = new AnthropicAnswer();
    await hear(stream, (event) => {
      beat();
      answer.add(event);
    });
    signal.throwIfAborted();
    return answer.whole();
  }

  #rung(request: ModelRequest, shape: JsonSchema): ShapeMode {
    return isClosable(shape) ? this.#ladder.rung(whoOf(request), shape) : "text";
  }

  #effort = (request: ModelRequest): MostEffort => this.#efforts.get(whoOf(request)) ?? "max";

  /** What was refused with a 400 was not billed: less effort is told, or the shape is asked for in words, at once. */
  #learn(request: ModelRequest, mode: ShapeMode | undefined, error: unknown, failure: Failure): boolean {
    const { shape } = request;
    const who = whoOf(request);
    const isSchema = shape && mode === "schema";
    if (isSchema && error instanceof UnsayableShape) return this.#ladder.drop(who, shape, mode, "invalid schema");
    if (failure.code !== "BAD_REQUEST" || failure.options.billed !== "nothing") return false;
    const complaint = complaintOf(error);
    const effort = effortLesson(complaint, request.effort, this.#effort(request));
    if (effort) this.#efforts.set(who, effort);
    if (effort || !isSchema) return effort !== undefined;
    return FORMAT.test(complaint) && this.#ladder.drop(who, shape, mode, complaint);
  }

  #connect(): Promise<Sdk> {
    this.#sdk ??= connect(this.#endpoint);
    return this.#sdk;
  }
}

const FORMAT = /output_config|output_format|json_schema|structured output|citations|schema/i;

/** The turns before the one that failed were paid. */
const paidInPart = ({ code, message, options }: Failure): Failure =>
  new Failure(code, message, { ...options, billed: "unknown" });

const cannotSearch = ({ provider, model }: Asked): Failure =>
  new Failure("BAD_REQUEST", `${provider}/${model} is not known to search the web by itself`, {
    billed: "nothing",
    hint: `If it does, say what a search costs in USD: providers: { ${provider}: { search_usd: 0.01 } }. Else give this agent a tool that searches.`,
  });

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
