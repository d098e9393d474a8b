import { type Code, Failure } from "./errors.ts";

/** What a server said. */
export interface Told {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** A request's answer as a run remembers it. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** What JSON says, or a text; null where it is empty. */
  readonly body: unknown;
}

const KEPT_HEADERS = ["content-type", "etag", "last-modified", "link", "location"];

export const isRedirect = ({ status }: { readonly status: number }): boolean =>
  [301, 302, 303, 307, 308].includes(status);

/** Throws BAD_OUTPUT where the answer is neither text nor the JSON that it says it is. */
export function answerOf({ status, headers, body }: Told, url: URL): HttpAnswer {
  const kept = KEPT_HEADERS.flatMap((name) => {
    const value = headers.get(name);
    return value === null ? [] : [[name, value] as const];
  });
  return { status, headers: Object.fromEntries(kept), body: bodyOf(body, headers.get("content-type") ?? "", url) };
}

function bodyOf(body: string, type: string, url: URL): unknown {
  if (body === "") return null;
  if (body.includes("\0")) throw new Failure("BAD_OUTPUT", `${url.host} answered something that is no text (${type})`);
  if (!/^application\/([\w.+-]+\+)?json\b/i.test(type)) return body;
  try {
    return JSON.parse(body);
  } catch {
    throw new Failure("BAD_OUTPUT", `${url.host} says that it answers JSON, and it is none: ${short(body)}`);
  }
}

/** Why an answer of 400 and above failed: what may pass is tried again, what cannot is told at once. */
export function failureOf({ status, headers, body }: Told, url: URL): Failure {
  const said = body.trim() === "" ? "" : `: ${short(body)}`;
  const after = retryAfterMs(headers);
  return new Failure(codeOf(status), `${url.host} answered ${status}${said}`, {
    ...(after !== undefined && { retry_after_ms: after }),
    ...(status >= 400 && status < 500 && status !== 429 && status !== 408 && { hint: HINT }),
  });
}

const HINT = "The server refuses this request; it is not sent again as it is.";

function codeOf(status: number): Code {
  if (status === 429) return "RATE_LIMITED";
  if (status === 408) return "TIMEOUT";
  if (status >= 500) return "OVERLOADED";
  return status === 401 || status === 403 ? "FORBIDDEN" : "BAD_REQUEST";
}

/** Seconds, or a date beside the server's own. */
function retryAfterMs(headers: Headers): number | undefined {
  const said = headers.get("retry-after");
  if (said === null) return undefined;
  if (/^\d+$/.test(said.trim())) return Number(said) * 1000;
  const ms = Date.parse(said) - Date.parse(headers.get("date") ?? "");
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

const short = (text: string): string => (text.length > 300 ? `${text.slice(0, 300)}…` : text);
