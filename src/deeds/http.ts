import { z } from "zod";
import type { DeedFunction, DeedScene } from "../core/deed.ts";
import { Failure } from "../core/errors.ts";
import { hostFor } from "../core/hosts.ts";
import { answerOf, failureOf, isRedirect, type Told } from "../core/http-answer.ts";
import { REDACTED } from "../core/redact.ts";
import type { HostRule } from "../core/settings.ts";

/** A request, as a workflow writes it once its templates are filled in. */
const HttpRequest = z.strictObject({
  method: z.enum(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]).default("GET"),
  url: z.string().min(1).max(10_000),
  headers: z.record(z.string(), z.string()).default({}),
  body: z.unknown().optional(),
  /** That there is nothing (404, 410) is an answer, and no failure. */
  may_be_missing: z.boolean().default(false),
});
type HttpRequest = z.output<typeof HttpRequest>;

interface World {
  readonly hosts: readonly HostRule[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

const REDIRECTS = 3;
const MISSING = [404, 410];
/** They belong to the connection, or say who is asked. */
const OURS = /^(host|connection|content-length|transfer-encoding|upgrade|te|trailer|expect|keep-alive|proxy-.*)$/i;
const SECRET = /\benv:([A-Za-z_]\w*)/g;

/**
 * Requests to hosts that the settings name, and to no other: no redirect leads away from the host. In a header,
 * `env:NAME` is replaced as it is sent by a variable that the settings let this host have; no journal ever holds it.
 */
export const httpDeed = (world: World): DeedFunction => ({
  name: "http",
  check: (input) => void plan(input, world),
  async perform(input, scene) {
    const { request, url, secrets } = plan(input, world);
    const headers = headersOf(request, secrets, world.env, scene);
    const values = valuesOf(request, secrets, world.env);
    try {
      const told = await ask(request, url, headers, scene.signal);
      if (request.may_be_missing && MISSING.includes(told.status))
        return { status: told.status, headers: {}, body: null };
      if (told.status >= 400) throw failureOf(told, url);
      return scrub(answerOf(told, url), values);
    } catch (error) {
      throw inWords(error, url, scene.signal, values);
    }
  },
});

/** What is to be sent and where; throws where it may not be. */
function plan(input: unknown, { hosts }: World) {
  const { success, data, error } = HttpRequest.safeParse(input);
  if (!success) throw wrong(`it is no request: ${z.prettifyError(error).replaceAll(/\s+/g, " ")}`);
  if (!URL.canParse(data.url)) throw wrong(`${JSON.stringify(data.url)} is no URL`);
  const url = new URL(data.url);
  if (url.username !== "" || url.password !== "") throw wrong("its URL holds a user or a password");
  const ours = Object.keys(data.headers).find((name) => OURS.test(name));
  if (ours !== undefined) throw wrong(`the header ${JSON.stringify(ours)} is not for a workflow to set`);
  if (data.body !== undefined && isReading(data)) throw wrong(`a ${data.method} has no body`);
  return { request: data, url, secrets: hostFor(url, hosts).secrets };
}

const isReading = ({ method }: HttpRequest): boolean => method === "GET" || method === "HEAD";

const wrong = (why: string): Failure =>
  new Failure("BAD_REQUEST", `the request cannot be sent: ${why}`, {
    hint: 'Such as {"method": "POST", "url": "https://api.example.com/orders", "body": {"id": 7}}.',
  });

function headersOf(request: HttpRequest, secrets: readonly string[], env: World["env"], scene: DeedScene): Headers {
  const headers = new Headers({ accept: "application/json, text/*;q=0.9, */*;q=0.5" });
  if (!isReading(request)) headers.set("idempotency-key", scene.key);
  if (request.body !== undefined)
    headers.set("content-type", typeof request.body === "string" ? "text/plain;charset=utf-8" : "application/json");
  for (const [name, value] of Object.entries(request.headers)) {
    const filled = value.replaceAll(SECRET, (_, variable: string) => secretOf(variable, secrets, env));
    try {
      headers.set(name, filled);
    } catch {
      throw wrong(`the header ${JSON.stringify(name)} has characters that no header may have`);
    }
  }
  return headers;
}

function secretOf(name: string, secrets: readonly string[], env: World["env"]): string {
  const value = env[name];
  if (secrets.includes(name) && value !== undefined && value !== "") return value;
  const why = secrets.includes(name) ? "it is not set" : "the setting `hosts` does not let this host have it";
  throw new Failure("FORBIDDEN", `the variable ${name} cannot be sent: ${why}`, {
    hint: `Write the host with its secrets: hosts: [{host: api.example.com, secrets: [${name}]}].`,
  });
}

const valuesOf = ({ headers }: HttpRequest, secrets: readonly string[], env: World["env"]): string[] =>
  Object.values(headers)
    .flatMap((value) => [...value.matchAll(SECRET)].map(([, name = ""]) => name))
    .flatMap((name) => (secrets.includes(name) ? (env[name] ?? []) : []))
    .filter((value) => value !== "");

/** A server that echoes what it was sent tells no secret to a journal. */
function scrub<T>(value: T, secrets: readonly string[]): T {
  if (secrets.length === 0) return value;
  const texts = secrets.map((secret) => JSON.stringify(secret).slice(1, -1));
  return JSON.parse(texts.reduce((text, secret) => text.replaceAll(secret, REDACTED), JSON.stringify(value)));
}

/** Follows redirects of what only reads, as long as they stay with the same host. */
async function ask(request: HttpRequest, url: URL, headers: Headers, signal: AbortSignal): Promise<Told> {
  let at = url;
  for (let hops = 0; ; hops++) {
    const { body } = request;
    const response = await fetch(at, {
      method: request.method,
      headers,
      redirect: "manual",
      signal,
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const to = isRedirect(response) ? response.headers.get("location") : null;
    if (to === null) return { status: response.status, headers: response.headers, body: await textOf(response, url) };
    await response.body?.cancel();
    at = followed(request, at, to, hops);
  }
}

function followed(request: HttpRequest, at: URL, to: string, hops: number): URL {
  const target = URL.canParse(to, at.href) ? new URL(to, at.href) : undefined;
  if (target && target.origin === at.origin && isReading(request) && hops < REDIRECTS) return target;
  const why = target?.origin === at.origin ? "" : ", which is another host";
  throw new Failure(
    "BAD_REQUEST",
    `${at.origin} sends on to ${target?.origin ?? "nowhere"}${why}; it was not followed`,
    {
      hint: "Give the URL where the answer really is, and list its host in the setting `hosts`.",
    },
  );
}

const MOST_BYTES = 1_048_576;

async function textOf(response: Response, url: URL): Promise<string> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of response.body ?? []) {
    size += piece.byteLength;
    if (size > MOST_BYTES) throw new Failure("TOO_LARGE", `${url.host} answered more than ${MOST_BYTES} bytes`);
    pieces.push(piece);
  }
  return new TextDecoder().decode(Buffer.concat(pieces));
}

function inWords(error: unknown, url: URL, signal: AbortSignal, secrets: readonly string[]): Failure {
  if (error instanceof Failure) {
    const { code, message, options } = error;
    return new Failure(code, scrub(message, secrets), options);
  }
  if (signal.aborted) {
    if (signal.reason instanceof Failure) return signal.reason;
    return new Failure("CANCELLED", `the request to ${url.host} was cut off`);
  }
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error && "code" in cause ? ` (${String(cause.code)})` : "";
  return new Failure("NETWORK", `${url.host} cannot be reached${code}`, { cause: error });
}
