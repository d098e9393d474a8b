import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { nodeFetch, SocketFault } from "../../src/agents/providers/fetch.ts";
import { eventually } from "./asking.ts";

let server: Server;
let origin: string;
let sockets = 0;
let closed = 0;

beforeEach(async () => {
  sockets = 0;
  closed = 0;
  server = createServer((request, response) => {
    response.once("close", () => closed++);
    if (request.url === "/hang") return;
    if (request.url === "/empty") return void response.writeHead(204).end();
    if (request.url === "/moved") return void response.writeHead(307, { location: "/echo" }).end();
    if (request.url === "/big") return void response.end(Buffer.alloc(5_000_000, "x"));
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      response.writeHead(200, { "content-type": "application/json", "set-cookie": ["a=1", "b=2"] });
      const { method, headers } = request;
      response.end(JSON.stringify({ method, headers, body: Buffer.concat(chunks).toString() }));
    });
  });
  server.on("connection", () => sockets++);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const echo = async (init: RequestInit) => {
  const response = await nodeFetch(`${origin}/echo`, init);
  return (await response.json()) as { method: string; headers: Record<string, string>; body: string };
};

it("text, bytes and streams arrive as they were sent", async () => {
  const bytes = new TextEncoder().encode("grüße");
  const stream = new Blob(["one ", "two"]).stream();
  for (const [body, expected] of [
    ["grüße", "grüße"],
    [bytes, "grüße"],
    [stream, "one two"],
  ] as const) {
    expect(await echo({ method: "POST", body })).toMatchObject({ method: "POST", body: expected });
  }
});

it("headers go both ways, and nothing compressed is asked for", async () => {
  const { headers } = await echo({ method: "POST", headers: { "X-One": "1" }, body: "x" });
  expect(headers).toMatchObject({ "x-one": "1", "content-length": "1" });
  expect(headers).not.toHaveProperty("accept-encoding");
  const response = await nodeFetch(`${origin}/echo`);
  expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
});

it("an answer without a body, and one of megabytes, are read whole", async () => {
  expect(await nodeFetch(`${origin}/empty`)).toMatchObject({ status: 204, body: null });
  expect((await (await nodeFetch(`${origin}/big`)).text()).length).toBe(5_000_000);
});

it("a redirect is told, not followed", async () => {
  const response = await nodeFetch(`${origin}/moved`, { method: "POST", body: "secret" });
  expect(response).toMatchObject({ status: 307, ok: false });
});

it("one connection serves calls that follow each other", async () => {
  for (let i = 0; i < 5; i++) await echo({ method: "POST", body: "x" });
  expect(sockets).toBe(1);
});

it("an abort before the headers and one within the body close the socket, with the reason given", async () => {
  const reason = new Error("enough");
  const early = new AbortController();
  const call = nodeFetch(`${origin}/hang`, { signal: early.signal }).catch((error: unknown) => error);
  await eventually(() => sockets === 1);
  early.abort(reason);
  expect(await call).toBe(reason);
  await eventually(() => closed === 1);

  const late = new AbortController();
  const response = await nodeFetch(`${origin}/big`, { signal: late.signal });
  late.abort(reason);
  await expect(response.text()).rejects.toBe(reason);
  await eventually(() => closed === 2);
});

it("a body that nobody wants any more closes its socket", async () => {
  const response = await nodeFetch(`${origin}/big`);
  await response.body?.cancel();
  await eventually(() => closed === 1);
});

it("it says whether anything can have been sent", async () => {
  const call = nodeFetch(`${origin}/hang`, { method: "POST", body: "x" }).catch((error: unknown) => error);
  await eventually(() => sockets === 1);
  server.closeAllConnections();
  expect(await call).toMatchObject({ sent: true });
  const refused = await nodeFetch("http://127.0.0.1:9/").catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(SocketFault);
  expect(refused).toMatchObject({ sent: false, code: "ECONNREFUSED" });
});
