import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Failure } from "../../src/core/errors.ts";
import { hostFor } from "../../src/core/hosts.ts";
import { Settings } from "../../src/core/settings.ts";
import { httpDeed } from "../../src/deeds/http.ts";

interface Got {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

let got: Got[] = [];
let answer: RequestListener = (_, response) => response.end();
const server = createServer(async (request, response) => {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece);
  const { method, url, headers } = request;
  got.push({ method, url, headers, body: Buffer.concat(pieces).toString() });
  answer(request, response);
});
let here = "";
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  here = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

const TOKEN = 'se"cret-token-1234';

/** Sends a request to the server here, which answers as it is told. */
async function send(input: object, answers: RequestListener, signal = new AbortController().signal) {
  got = [];
  answer = answers;
  const hosts = [{ host: here, secrets: ["TOKEN", "EMPTY"] }, "api.example.com"];
  const deed = httpDeed({ hosts, env: { TOKEN, EMPTY: "", OTHER: "other-secret" } });
  return deed.perform({ url: `http://${here}/orders`, ...input }, scene(signal));
}

const scene = (signal: AbortSignal) => ({ run: "r_1", caller: "test", place: "map/0/order", key: "key-1", signal });

/** The failure that something ends with. */
async function failure(work: Promise<unknown>): Promise<Failure> {
  const error = await work.then(
    () => new Error("it succeeded"),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(Failure);
  return error as Failure;
}

const says =
  (status: number, body: string, headers: Record<string, string> = {}): RequestListener =>
  (_, response) =>
    response.writeHead(status, headers).end(body);
const json = (value: unknown, status = 200) =>
  says(status, JSON.stringify(value), { "content-type": "application/json" });

describe("a request", () => {
  it("is sent as it is written, with the key by which its receiver knows a repetition", async () => {
    const told = await send(
      { method: "POST", headers: { "x-team": "blue" }, body: { id: 7 } },
      json({ ok: true }, 201),
    );
    expect(told).toEqual({ status: 201, headers: { "content-type": "application/json" }, body: { ok: true } });
    expect(got).toMatchObject([{ method: "POST", url: "/orders", body: '{"id":7}' }]);
    expect(got[0]?.headers).toMatchObject({
      "x-team": "blue",
      "idempotency-key": "key-1",
      "content-type": "application/json",
    });
  });

  it("that only reads has no such key, and a text is sent as it is", async () => {
    await send({}, json([]));
    expect(got[0]?.headers["idempotency-key"]).toBeUndefined();
    await send({ method: "PUT", body: "plain" }, json([]));
    expect(got[0]?.body).toBe("plain");
    expect(got[0]?.headers["content-type"]).toContain("text/plain");
  });

  it.each([
    ["JSON by its type", "application/problem+json; charset=utf-8", '{"a":1}', { a: 1 }],
    ["a text that looks like JSON", "text/plain", '{"a":1}', '{"a":1}'],
    ["nothing", "application/json", "", null],
  ])("gives %s", async (_, type, body, value) => {
    expect(await send({}, says(200, body, { "content-type": type }))).toMatchObject({ body: value });
  });

  it.each([
    ["JSON that is none", says(200, "<html>", { "content-type": "application/json" }), "BAD_OUTPUT"],
    ["a picture", says(200, "\x89PNG\0\0", { "content-type": "image/png" }), "BAD_OUTPUT"],
    ["more than a megabyte", says(200, "a".repeat(1_100_000)), "TOO_LARGE"],
    ["a line that breaks", ((request) => request.socket.destroy()) as RequestListener, "NETWORK"],
  ])("fails by %s", async (_, answers, code) => {
    expect((await failure(send({}, answers))).code).toBe(code);
  });

  it.each([
    [429, "RATE_LIMITED", "transient"],
    [503, "OVERLOADED", "transient"],
    [500, "OVERLOADED", "transient"],
    [408, "TIMEOUT", "transient"],
    [401, "FORBIDDEN", "permanent"],
    [403, "FORBIDDEN", "permanent"],
    [404, "BAD_REQUEST", "permanent"],
  ])("answered with %i is %s, and tells what the server said", async (status, code, kind) => {
    const failed = await failure(send({}, says(status, "not today", { "retry-after": "7" })));
    expect(failed).toMatchObject({ code, kind, retryAfterMs: 7000 });
    expect(failed.message).toContain(`answered ${status}: not today`);
  });

  it("reads a date in Retry-After by the server's own clock", async () => {
    const headers = { date: "Sat, 21 Nov 2026 10:00:00 GMT", "retry-after": "Sat, 21 Nov 2026 10:00:30 GMT" };
    expect((await failure(send({}, says(503, "", headers)))).retryAfterMs).toBe(30_000);
  });

  it("ends at once with the reason for which it is cut off", async () => {
    const stop = new AbortController();
    const cut = failure(send({}, () => stop.abort(new Failure("TIMEOUT", "too late")), stop.signal));
    expect((await cut).code).toBe("TIMEOUT");
  });

  it.each([
    ["a header of the connection", { headers: { Host: "internal" } }],
    ["a header with a line in it", { headers: { "x-a": "a\r\nx-b: c" } }],
    ["a body where there is none", { method: "GET", body: "a" }],
    ["a word nobody knows", { methd: "GET" }],
    ["a user in its URL", { url: "https://me:mine@api.example.com/" }],
    ["no URL", { url: "orders" }],
  ])("with %s is refused before it leaves", async (_, input) => {
    expect((await failure(send(input, json(1)))).code).toBe("BAD_REQUEST");
    expect(got).toEqual([]);
  });
});

describe("a redirect", () => {
  const to = (location: string): RequestListener => says(302, "", { location });

  it("that stays with the host is followed", async () => {
    const told = await send({}, (request, response) =>
      request.url === "/orders" ? to("/elsewhere")(request, response) : json("there")(request, response),
    );
    expect(told).toMatchObject({ body: "there" });
  });

  it.each([
    ["leads to another host", {}, "https://api.example.com/orders"],
    ["leads to another port", {}, "http://127.0.0.1:1/"],
    ["leads nowhere", {}, "http://"],
    ["never ends", {}, "/orders"],
    ["would send a change again", { method: "POST" }, "/elsewhere"],
  ])("that %s is not", async (_, input, location) => {
    expect((await failure(send(input, to(location)))).code).toBe("BAD_REQUEST");
    expect(got.length).toBeLessThanOrEqual(4);
    if ("method" in input) expect(got).toHaveLength(1);
  });
});

describe("a secret", () => {
  it("goes into a header as the request leaves, and nothing tells it", async () => {
    const told = await send({ headers: { authorization: "Bearer env:TOKEN" } }, (request, response) =>
      json({ you_sent: request.headers.authorization })(request, response),
    );
    expect(got[0]?.headers.authorization).toBe(`Bearer ${TOKEN}`);
    expect(told).toMatchObject({ body: { you_sent: "Bearer [redacted]" } });
    const failed = await failure(send({ headers: { authorization: "env:TOKEN" } }, says(403, `not for ${TOKEN}`)));
    expect(failed.message).toContain("not for [redacted]");
  });

  it.each([
    ["this host may not have", "env:OTHER"],
    ["nobody knows", "env:NOWHERE"],
    ["is empty", "env:EMPTY"],
  ])("that %s is not sent", async (_, value) => {
    expect((await failure(send({ headers: { authorization: value } }, json(1)))).code).toBe("FORBIDDEN");
    expect(got).toEqual([]);
  });

  it("stands for itself where it is no header", async () => {
    await send({ method: "POST", body: "env:TOKEN" }, json(1));
    expect(got[0]?.body).toBe("env:TOKEN");
  });
});

describe("a host", () => {
  const isOpen = (url: string, ...hosts: unknown[]): boolean => {
    try {
      hostFor(new URL(url), Settings.parse({ hosts }).hosts);
      return true;
    } catch (error) {
      expect((error as Failure).code).toBe("FORBIDDEN");
      return false;
    }
  };

  it.each([
    ["https://api.example.com/x", "api.example.com"],
    ["https://api.example.com:443/x", "api.example.com"],
    ["https://API.example.com/x", "api.Example.com"],
    ["https://api.example.com:8443/", "api.example.com:8443"],
    ["https://a.b.example.com/", "*.example.com"],
    ["http://localhost:3000/", "localhost:3000"],
    ["http://127.0.0.1/", "127.0.0.1"],
    ["http://[::1]:3000/", "[::1]:3000"],
    ["http://intranet:8080/", "http://intranet:8080"],
    ["https://api.example.com/x", { host: "api.example.com" }],
  ])("%s may be reached where %j is named", (url, host) => {
    expect(isOpen(url, host)).toBe(true);
  });

  it.each([
    ["https://api.example.com/"],
    ["https://api.example.com:8443/", "api.example.com"],
    ["http://api.example.com/", "api.example.com"],
    ["https://example.com/", "*.example.com"],
    ["https://evilexample.com/", "*.example.com"],
    ["https://api.example.com.evil.net/", "api.example.com", "*.example.com"],
    ["https://evil.net/?api.example.com", "api.example.com"],
    ["http://127.0.0.1:3001/", "127.0.0.1:3000"],
    ["http://127.0.0.1/", "localhost"],
    ["http://169.254.169.254/", "*.example.com", "localhost"],
    ["https://intranet:8080/", "http://intranet:8080"],
    ["file:///etc/passwd", "localhost"],
  ])("%s may not be reached with %j", (url, ...hosts) => {
    expect(isOpen(url, ...hosts)).toBe(false);
  });

  it.each(["https://api.example.com", "api.example.com/path", "*", "*.*", "user@host", ""])(
    "written as %j is no setting",
    (host) => {
      expect(Settings.safeParse({ hosts: [host] }).success).toBe(false);
    },
  );
});
