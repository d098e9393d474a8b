import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { answerTo } from "../../src/agents/providers/rehearsal.ts";
import { readBody, refuse, send } from "./deliver.ts";
import { objectionTo } from "./objections.ts";
import { PromptCache } from "./prompt-cache.ts";
import { readAsked } from "./read-asked.ts";
import { type Asked, play, type Reply, type Rule, type Script, type ScriptFunction } from "./script.ts";
import { type Counted, count, type Wire } from "./wire.ts";
import { write } from "./write.ts";

/** USD a million tokens, and for a thousand searches. */
export interface StubPrice {
  readonly input: number;
  readonly cached?: number;
  readonly cache_write?: number;
  readonly output: number;
  readonly search?: number;
}

export interface VendorOptions {
  readonly script?: Script;
  readonly port?: number;
  /** By model; `*` is any other. What has no price is billed nothing. */
  readonly prices?: Readonly<Record<string, StubPrice>>;
  /** Bills a request whole that its client aborted, as some vendors do. */
  readonly bill_aborted?: boolean;
  /** Its OpenAI dialect remembers prompts that begin alike; its Anthropic one always remembers what is marked. */
  readonly caches?: boolean;
  /** Leaves bodies out of the journal, for benchmarks. */
  readonly lean?: boolean;
}

/** One request as the vendor saw it. */
export interface Entry {
  readonly n: number;
  readonly dialect: Asked["dialect"];
  readonly model: string;
  readonly system: string;
  readonly user: string;
  readonly body?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly at: number;
  status: number;
  /** Nano-USD. */
  billed: number;
  usage?: Counted;
  /** The names of the tools that were offered, and of those that it wanted called. */
  readonly tools: readonly string[];
  uses?: readonly string[];
  readonly results: Asked["results"];
  ended_at?: number;
  /** `finished`: all was sent. `aborted`: the client left. `failed`: the vendor broke it off, as its script says. */
  state: "open" | "finished" | "aborted" | "failed";
}

/** What another process may read at `GET /__journal`. */
export interface Report {
  readonly requests: readonly Entry[];
  readonly count: number;
  readonly open: number;
  readonly most_at_once: number;
  /** Nano-USD. */
  readonly bill: number;
}

const DEFAULT: Reply = {};

/** A vendor of models that is none: real HTTP, two dialects, scripted answers and faults, and a bill of its own. */
export class Vendor {
  readonly #server: Server;
  readonly #prices: Readonly<Record<string, StubPrice>>;
  readonly #billsAborted: boolean;
  readonly #lean: boolean;
  readonly #cache: PromptCache;
  readonly #entries: Entry[] = [];
  readonly #timers = new Set<NodeJS.Timeout>();
  #script: ScriptFunction;
  #open = 0;
  #most = 0;
  #port = 0;

  constructor(options: VendorOptions = {}) {
    this.#prices = options.prices ?? {};
    this.#billsAborted = options.bill_aborted ?? false;
    this.#lean = options.lean ?? false;
    this.#cache = new PromptCache(options.caches ?? false);
    this.#script = play(options.script ?? []);
    this.#server = createServer((request, response) => this.#route(request, response));
    this.#server.keepAliveTimeout = 60_000;
  }

  async listen(port = 0): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, "127.0.0.1", resolve);
    });
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  get port(): number {
    return this.#port;
  }

  /** What ANTHROPIC_BASE_URL is set to. */
  get origin(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** What OPENAI_BASE_URL is set to. */
  get v1(): string {
    return `${this.origin}/v1`;
  }

  get requests(): readonly Entry[] {
    return this.#entries;
  }

  report(): Report {
    const bill = this.#entries.reduce((sum, entry) => sum + entry.billed, 0);
    return { requests: this.#entries, count: this.#entries.length, open: this.#open, most_at_once: this.#most, bill };
  }

  /** Answers by another script from now on. */
  follow(script: Script): void {
    this.#script = play(script);
  }

  forget(): void {
    this.#entries.length = 0;
    this.#most = this.#open;
  }

  /** Until it listens again, on the same port if that is asked for, connections are refused. */
  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#server.closeAllConnections();
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
  }

  #route(request: IncomingMessage, response: ServerResponse): void {
    const path = (request.url ?? "/").replace(/\?.*$/, "");
    if (path === "/__journal") return send(response, 200, JSON.stringify(this.report()));
    if (path.endsWith("/models"))
      return send(response, 200, '{"object":"list","data":[{"id":"stub-model","object":"model"}]}');
    readBody(request, (text) => {
      if (path === "/__script") {
        this.follow(JSON.parse(text) as Rule[]);
        return send(response, 200, "{}");
      }
      const dialect = path.endsWith("/messages")
        ? "anthropic"
        : path.endsWith("/chat/completions")
          ? "openai"
          : undefined;
      if (!dialect) return send(response, 404, '{"error":{"message":"no such path","type":"not_found"}}');
      void this.#answer(dialect, JSON.parse(text) as Record<string, unknown>, request, response);
    });
  }

  async #answer(
    dialect: Asked["dialect"],
    body: Record<string, unknown>,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const asked = readAsked(dialect, body, this.#entries.length + 1);
    const entry = this.#note(asked, request);
    this.#open++;
    this.#most = Math.max(this.#most, this.#open);
    response.once("close", () => this.#closed(entry, response));
    const objection = objectionTo(asked);
    if (objection) {
      entry.status = 400;
      return refuse(response, asked, {}, 400, objection);
    }
    const reply = (await this.#script(asked)) ?? DEFAULT;
    const text = textFor(asked, reply);
    const seen = this.#cache.look(asked);
    const counted = count(asked, text, reply, seen);
    entry.usage = counted;
    if (reply.uses) entry.uses = reply.uses.map(({ name }) => name);
    const wire = write(asked, text, reply, reply.usage === "none" ? undefined : counted);
    await this.#pause(reply.latency_ms);
    if (reply.status === undefined) seen.keep();
    await this.#deliver(asked, reply, wire, entry, response);
  }

  async #deliver(asked: Asked, reply: Reply, wire: Wire, entry: Entry, response: ServerResponse): Promise<void> {
    const { fault, status } = reply;
    entry.status = status ?? 200;
    if (fault === "hang") return;
    if (fault === "reset") return this.#breakOff(entry, response);
    if (status !== undefined && (status >= 300 || reply.body !== undefined))
      return refuse(response, asked, reply, status);
    entry.billed = this.#price(asked.model, entry.usage);
    if (fault === "html")
      return send(response, 200, "<!doctype html><html><body>Bad gateway</body></html>", "text/html");
    if (fault === "malformed") return send(response, 200, wire.plain.slice(0, -9));
    if (fault === "plain" || !asked.stream) return send(response, 200, wire.plain);
    await this.#stream(reply, wire, entry, response);
  }

  async #stream(reply: Reply, wire: Wire, entry: Entry, response: ServerResponse): Promise<void> {
    const { fault, first_token_ms, chunk_ms } = reply;
    response.writeHead(200, { "content-type": "text/event-stream", ...reply.headers });
    if (!fault && !first_token_ms && !chunk_ms) {
      response.end(wire.pieces.join("") + wire.end);
      return;
    }
    response.flushHeaders();
    await this.#pause(first_token_ms);
    const broken = fault === "hang_midway" || fault === "cut" || fault === "error_event";
    for (const piece of broken ? wire.pieces.slice(0, Math.ceil(wire.pieces.length / 2)) : wire.pieces) {
      if (response.destroyed) return;
      response.write(piece);
      await this.#pause(chunk_ms);
    }
    if (fault === "hang_midway") return;
    if (fault === "cut") {
      // What is written must have left before the socket dies.
      await this.#pause(20);
      return this.#breakOff(entry, response);
    }
    response.end(fault === "error_event" ? wire.error : fault === "unfinished" ? "" : wire.end);
  }

  #breakOff(entry: Entry, response: ServerResponse): void {
    entry.state = "failed";
    response.destroy();
  }

  #closed(entry: Entry, response: ServerResponse): void {
    this.#open--;
    entry.ended_at = Date.now();
    if (entry.state === "open") entry.state = response.writableFinished ? "finished" : "aborted";
    if (entry.state === "aborted" && this.#billsAborted) entry.billed = this.#price(entry.model, entry.usage);
    if (entry.state !== "finished" && !this.#billsAborted) entry.billed = 0;
  }

  #note(asked: Asked, request: IncomingMessage): Entry {
    const { n, dialect, model, system, user, results, body } = asked;
    const tools = asked.tools.map(({ name }) => name);
    const texts = this.#lean
      ? { system: "", user: "", results: [] }
      : { system, user, results, body, headers: request.headers };
    const entry: Entry = { n, dialect, model, tools, ...texts, at: Date.now(), status: 0, billed: 0, state: "open" };
    this.#entries.push(entry);
    return entry;
  }

  /** Counted by its own rules, so that an error of ours in counting money shows. */
  #price(model: string, usage: Counted | undefined): number {
    const price = this.#prices[model] ?? this.#prices["*"];
    if (!usage) return 0;
    if (usage.cost !== undefined) return Math.round(usage.cost * 1e9);
    if (!price) return 0;
    const nano = (tokens: number, usd: number) => (tokens * Math.round(usd * 1e6)) / 1e3;
    return Math.ceil(
      nano(usage.input - usage.cached - usage.cache_write, price.input) +
        nano(usage.cached, price.cached ?? price.input) +
        nano(usage.cache_write, price.cache_write ?? price.input) +
        nano(usage.output, price.output) +
        usage.searches * (price.search ?? 0) * 1e6,
    );
  }

  #pause(ms: number | undefined): Promise<void> | undefined {
    if (!ms) return undefined;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        resolve();
      }, ms);
      this.#timers.add(timer);
    });
  }
}

/** Starts a fake vendor on a free port of this machine, or on the one that is asked for. */
export async function startVendor(options: VendorOptions = {}): Promise<Vendor> {
  const vendor = new Vendor(options);
  await vendor.listen(options.port);
  return vendor;
}

function textFor(asked: Asked, { json, text, uses }: Reply): string {
  if (json !== undefined) return JSON.stringify(json);
  return text ?? (uses ? "" : answerFor(asked));
}

/** Without a script it answers shortly from what it was asked, and in the shape that was asked for. */
function answerFor(asked: Asked): string {
  const { shape, system, user } = asked;
  if (shape) return answerTo({ system, messages: [{ role: "user", content: user }], shape });
  const line = user.replace(/\s+/g, " ").trim();
  return `Answer to: ${line.length > 80 ? `${line.slice(0, 80)}…` : line}`;
}
