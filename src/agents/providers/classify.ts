import { type Billed, type Code, Failure, type FailureOptions } from "../../core/errors.ts";
import { SocketFault } from "./fetch.ts";

/** Whom a failed request asked, for the words of its failure. */
export interface Asked {
  readonly provider: string;
  readonly model: string;
  /** Never repeated in a message. */
  readonly key: string;
  readonly signal: AbortSignal;
}

/** An answer with a good status whose body nobody can read: broken JSON, or a page of HTML. */
export class UnreadableAnswer extends Error {}

/** An answer that ended before it said that it was complete. */
export class CutAnswer extends Error {}

/** What both SDKs' errors have in common; any of it may be missing. */
interface Fault {
  readonly status?: unknown;
  readonly headers?: unknown;
  readonly error?: unknown;
  readonly code?: unknown;
  readonly type?: unknown;
  readonly cause?: unknown;
  readonly message?: unknown;
}

/**
 * What went wrong with a request, in our own words. Every failure of a request passes here, whichever SDK threw it.
 * Nothing was billed where the vendor answered with an error status or nothing was sent; else nobody can say.
 */
export function classify(error: unknown, asked: Asked): Failure {
  if (error instanceof Failure && error !== asked.signal.reason) return error;
  if (asked.signal.aborted) return stopped(asked, "unknown");
  const socket = causes(error).find((cause) => cause instanceof SocketFault);
  if (socket) return disconnected(socket, asked);
  if (error instanceof CutAnswer) return fail("NETWORK", asked, "broke off in the middle of its answer", UNKNOWN);
  if (causes(error).some((cause) => cause instanceof SyntaxError || cause instanceof UnreadableAnswer)) {
    // Gateways in trouble answer so, and the next answer may be whole: as transient as an overload.
    return fail("OVERLOADED", asked, "sent an answer that cannot be read", UNKNOWN);
  }
  return isFault(error) && "status" in error ? refused(error, asked) : Failure.from(error);
}

const UNKNOWN = { billed: "unknown" } as const;

/** A request that was aborted, in the words of whoever aborted it. */
export function stopped({ signal, provider, model }: Asked, billed: Billed): Failure {
  const { reason } = signal;
  if (reason instanceof Failure) return reason.with({ billed });
  return new Failure("CANCELLED", `the request to ${provider}/${model} was stopped`, { billed, cause: reason });
}

function disconnected(socket: SocketFault, asked: Asked): Failure {
  const code = socket.code === "ETIMEDOUT" ? "TIMEOUT" : "NETWORK";
  const options: FailureOptions = socket.sent
    ? UNKNOWN
    : { billed: "nothing", hint: `Is the server of "${asked.provider}" up, and its base_url right?` };
  return fail(code, asked, `cannot be reached: ${socket.message}`, options);
}

/** The vendor said no: by status, or by an error event inside a stream that had begun well. */
function refused(fault: Fault, asked: Asked): Failure {
  const body = innermost(fault.error);
  const words = [fault.code, fault.type, body.code, body.type].filter((word) => typeof word === "string").join(" ");
  const told = short(typeof body.message === "string" ? body.message : fault.message, asked.key);
  const status = statusOf(fault, body);
  const code = codeOf(status, words, told);
  const wait = code === "RATE_LIMITED" || code === "OVERLOADED" ? retryAfter(fault.headers) : undefined;
  return fail(code, asked, `answered ${status ?? "with an error"}${told === "" ? "" : `: ${told}`}`, {
    billed: fault.status === undefined ? "unknown" : "nothing",
    ...hintFor(code, asked),
    ...(wait !== undefined && { retry_after_ms: wait }),
  });
}

const QUOTA =
  /insufficient_quota|billing_|payment_required|credit balance|exceeded your current quota|insufficient credits/i;
const TOO_LONG = /context_length|context length|context window|too long|too many tokens|request_too_large/i;
const NO_MODEL = /model_not_found|not_found_error|model .{0,80}(does not exist|not found|not available)|no such model/i;

const BY_STATUS: Readonly<Record<number, Code>> = {
  401: "UNAUTHORIZED",
  402: "QUOTA_EXHAUSTED",
  403: "UNAUTHORIZED",
  404: "UNKNOWN_MODEL",
  408: "TIMEOUT",
  409: "OVERLOADED",
  413: "TOO_LARGE",
  425: "OVERLOADED",
  429: "RATE_LIMITED",
};

/** The status says it, but for quota that comes as a 429 or 400, and for what vendors put into a 400. */
function codeOf(status: number | undefined, words: string, told: string): Code {
  if (status !== undefined && status >= 500) return "OVERLOADED";
  const all = `${words} ${told}`;
  if (QUOTA.test(all)) return "QUOTA_EXHAUSTED";
  if (status === undefined) return codeOfWords(all);
  if (status === 400 && TOO_LONG.test(all)) return "TOO_LARGE";
  if (status === 400 && NO_MODEL.test(all)) return "UNKNOWN_MODEL";
  return BY_STATUS[status] ?? "BAD_REQUEST";
}

const WORDS: readonly (readonly [RegExp, Code])[] = [
  [/rate_limit/i, "RATE_LIMITED"],
  [/authentication|permission|invalid_api_key/i, "UNAUTHORIZED"],
  [TOO_LONG, "TOO_LARGE"],
  [NO_MODEL, "UNKNOWN_MODEL"],
  [/timeout|timed out/i, "TIMEOUT"],
  [/invalid_request/i, "BAD_REQUEST"],
  [/connection error/i, "NETWORK"],
];

/** Errors inside a stream have no status. What they do not name was the server's own trouble. */
const codeOfWords = (all: string): Code => WORDS.find(([pattern]) => pattern.test(all))?.[1] ?? "OVERLOADED";

/** Some gateways put the status into the error's code. */
function statusOf(fault: Fault, body: Fault): number | undefined {
  return [fault.status, fault.code, body.code].find((n) => typeof n === "number" && n >= 300 && n < 600) as
    | number
    | undefined;
}

/** How long the vendor asks us to wait, however it says so: `retry-after-ms`, or `retry-after` in seconds or as a date. */
function retryAfter(headers: unknown): number | undefined {
  if (!(headers instanceof Headers)) return undefined;
  const ms = Number.parseFloat(headers.get("retry-after-ms") ?? "");
  if (ms >= 0) return Math.ceil(ms);
  const text = headers.get("retry-after") ?? "";
  const seconds = /^\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : (Date.parse(text) - Date.now()) / 1000;
  return Number.isNaN(seconds) ? undefined : Math.max(0, Math.ceil(seconds * 1000));
}

function hintFor(code: Code, { provider, model }: Asked): { hint?: string } {
  const hints: Partial<Record<Code, string>> = {
    UNAUTHORIZED: `Check the key of the provider "${provider}", and that it may use ${model}.`,
    QUOTA_EXHAUSTED: `The account behind "${provider}" has no money or quota left: top it up, or use another model.`,
    UNKNOWN_MODEL: `"${provider}" knows no model "${model}" at this address: check its name and the base_url.`,
    TOO_LARGE: "Ask with less text, or a model that takes more.",
    BAD_REQUEST: `"${provider}" does not take this request as it is; its own words say why.`,
  };
  const hint = hints[code];
  return hint === undefined ? {} : { hint };
}

const fail = (code: Code, { provider, model }: Asked, what: string, options: FailureOptions): Failure =>
  new Failure(code, `${provider}/${model} ${what}`, options);

/** A vendor's own words: one line, no markup, no key. */
function short(message: unknown, key: string): string {
  if (typeof message !== "string" || /<(!doctype|html|head|body)/i.test(message)) return "";
  const line = message
    .replace(/^\d{3} /, "")
    .replace(/\s+/g, " ")
    .trim();
  const masked = key === "" ? line : line.replaceAll(key, "…");
  const clean = masked.replace(/\b(sk|key|pk|gsk|AIza|Bearer )[-_a-zA-Z0-9*.]{8,}/g, "…");
  return clean.length > 200 ? `${clean.slice(0, 200)}…` : clean;
}

/** Vendors wrap the error in a body once or twice. */
function innermost(error: unknown): Fault {
  if (!isFault(error)) return {};
  return isFault(error.error) ? innermost(error.error) : error;
}

function causes(error: unknown): unknown[] {
  const chain: unknown[] = [];
  for (let at = error; at !== undefined && at !== null && chain.length < 8; at = (at as Fault).cause) chain.push(at);
  return chain;
}

const isFault = (thing: unknown): thing is Fault => typeof thing === "object" && thing !== null;
