import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { McpServer as OldServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { Failure } from "../../src/core/errors.ts";
import { toolbox } from "./toolbox.ts";
import { until } from "./until.ts";

const open: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

/** A server on real HTTP; each request is counted with its headers. */
async function serve(answer: RequestListener) {
  const got: { method: string; headers: IncomingMessage["headers"] }[] = [];
  const server: Server = createServer((request, response) => {
    got.push({ method: request.method ?? "", headers: request.headers });
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  open.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`, got, server };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

/** A server of the second SDK, for each request anew. */
function modern(): RequestListener {
  const handler = createMcpHandler(() => {
    const server = new McpServer({ name: "modern", version: "1.0.0" });
    server.registerTool(
      "add",
      { inputSchema: z.object({ a: z.number(), b: z.number() }), annotations: { readOnlyHint: true } },
      ({ a, b }) => ({ content: [{ type: "text", text: String(a + b) }] }),
    );
    server.registerTool("hang", { inputSchema: z.object({}) }, () => new Promise(() => undefined));
    server.registerTool("huge", { inputSchema: z.object({}), annotations: { readOnlyHint: true } }, () => ({
      content: [{ type: "text", text: "x".repeat(50 * 1024 * 1024) }],
    }));
    return server;
  });
  return async (request, response) => {
    const { method = "GET", headers } = request;
    const body = method === "POST" ? { body: await bodyOf(request) } : {};
    const asked = new Request("http://127.0.0.1/mcp", { method, headers: headers as Record<string, string>, ...body });
    const answer = await handler.fetch(asked);
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    for await (const piece of answer.body ?? []) response.write(piece);
    response.end();
  };
}

/** A server of the first SDK, with sessions. */
function old(): { answer: RequestListener; sessions: Map<string, StreamableHTTPServerTransport> } {
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  const fresh = async () => {
    const transport: StreamableHTTPServerTransport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => crypto.randomUUID(),
      onsessioninitialized: (id) => void sessions.set(id, transport),
      onsessionclosed: (id) => void sessions.delete(id),
    });
    const server = new OldServer({ name: "old", version: "1.0.0" });
    server.registerTool("add", { inputSchema: { a: z.number(), b: z.number() } }, ({ a, b }) => ({
      content: [{ type: "text", text: String(a + b) }],
    }));
    server.registerTool("hang", { inputSchema: {} }, () => new Promise(() => undefined));
    await server.connect(transport as Parameters<OldServer["connect"]>[0]);
    return transport;
  };
  const answer: RequestListener = async (request, response) => {
    const id = request.headers["mcp-session-id"];
    const known = typeof id === "string" ? sessions.get(id) : undefined;
    if (id !== undefined && !known) return void response.writeHead(404).end();
    await (known ?? (await fresh())).handleRequest(request, response);
  };
  return { answer, sessions };
}

const opened = (...args: Parameters<typeof toolbox>) => {
  const box = toolbox(...args);
  open.push(() => box.close());
  return box;
};

async function failure(work: Promise<unknown>): Promise<Failure> {
  const error = await work.then(
    () => new Error("it succeeded"),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(Failure);
  return error as Failure;
}

const SECRET = "token-of-ours-1234";

describe("a server at an address", () => {
  it("of this era adds, and is shown the headers of the settings, with their secrets", async () => {
    const said: string[] = [];
    const hear = (fields: object) => void said.push(JSON.stringify(fields));
    const { url, got } = await serve(modern());
    const settings = { url, headers: { "x-team": "blue" }, headers_env: { authorization: "TOKEN" } };
    const log = { debug: hear, info: hear, warn: hear, error: hear };
    const box = opened({ sums: settings }, { env: { TOKEN: `Bearer ${SECRET}` }, log });
    expect((await box.tools(["sums/add"])).tools).toMatchObject([{ name: "sums_add", effect: false }]);
    expect(await box.call("sums/add", { a: 2, b: 3 })).toEqual({ text: "5", is_error: false });
    for (const { headers } of got)
      expect(headers).toMatchObject({ "x-team": "blue", authorization: `Bearer ${SECRET}` });
    expect(got.every(({ headers }) => headers["mcp-protocol-version"] === "2026-07-28")).toBe(true);
    expect(said.join()).not.toContain(SECRET);
  });

  it("of the old era keeps its session, gives it back at the end, and gets a new one where it is lost", async () => {
    const { answer, sessions } = old();
    const { url } = await serve(answer);
    const box = opened({ sums: { url } });
    expect(await box.call("sums/add", { a: 2, b: 3 })).toEqual({ text: "5", is_error: false });
    expect(sessions.size).toBe(1);
    sessions.clear();
    expect(await box.call("sums/add", { a: 4, b: 3 })).toEqual({ text: "7", is_error: false });
    await box.close();
    expect(sessions.size).toBe(0);
  });

  it.each([
    ["modern", () => modern()],
    ["old", () => old().answer],
  ])("of the %s era that does not answer is given up in time, and its connection with it", async (_, listener) => {
    const { url, server } = await serve(listener());
    const box = opened({ slow: { url, tools: { hang: { seconds: 0.3 } } } });
    await box.tools(["slow/*"]);
    const failed = await failure(box.call("slow/hang"));
    expect(failed).toMatchObject({
      code: "TIMEOUT",
      message: expect.stringContaining("nobody knows whether it was done"),
    });
    await box.close();
    const connections = () => new Promise<number>((resolve) => server.getConnections((_error, n) => resolve(n)));
    let left = 1;
    await until(() => {
      void connections().then((n) => (left = n));
      return left === 0;
    });
  });

  it("that answers with 50 MB is given up", async () => {
    const { url } = await serve(modern());
    const box = opened({ big: { url } });
    expect((await failure(box.call("big/huge"))).message).toContain("bytes");
    expect(await box.call("big/add", { a: 1, b: 1 })).toMatchObject({ text: "2" });
  });

  it.each([
    [401, "UNAUTHORIZED", "permanent"],
    [403, "FORBIDDEN", "permanent"],
    [404, "BAD_REQUEST", "permanent"],
    [429, "RATE_LIMITED", "transient"],
    [500, "OVERLOADED", "transient"],
    [503, "OVERLOADED", "transient"],
  ])("that answers %i is %s", async (status, code, kind) => {
    const { url } = await serve((_, response) => void response.writeHead(status).end("not for you"));
    expect(await failure(opened({ shut: { url } }).call("shut/add", {}))).toMatchObject({ code, kind });
  });

  it("that is not there, or says nothing, or speaks no protocol, is told of, and the others are there", async () => {
    const { url, server } = await serve(() => undefined);
    const web = await serve(
      (_, response) => void response.writeHead(200, { "content-type": "text/html" }).end("<p>hi"),
    );
    const good = await serve(modern());
    const gone = await serve(() => undefined);
    gone.server.close();
    const box = opened({
      gone: { url: gone.url },
      mute: { url, start_seconds: 0.5 },
      web: { url: web.url },
      good: { url: good.url },
    });
    const { tools, lacking } = await box.tools(["gone/*", "mute/*", "web/*", "good/add"]);
    expect(tools.map(({ name }) => name)).toEqual(["good_add"]);
    const why = Object.fromEntries(lacking.map((each) => [each.grant, each.why]));
    expect(why["gone/*"]).toContain('"gone" cannot be reached: no connection (ECONNREFUSED)');
    expect(why["mute/*"]).toContain("had not answered after its 0.5 seconds");
    expect(Object.keys(why)).toContain("web/*");
    server.closeAllConnections();
  });

  it("that cuts its answer off fails at once, and not when the time is over", async () => {
    const answer = modern();
    const { url } = await serve(async (request, response) => {
      if (request.headers["mcp-method"] !== "tools/call") return answer(request, response);
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(": hello\n\n", () => request.socket.destroy());
    });
    const box = opened({ cut: { url } });
    expect(await failure(box.call("cut/add", { a: 1, b: 2 }))).toMatchObject({ code: "NETWORK", kind: "transient" });
  });

  it("that sends on to another one is not followed, and the other is shown nothing", async () => {
    const other = await serve(modern());
    const { url } = await serve((_, response) => void response.writeHead(307, { location: other.url }).end());
    const box = opened({ sly: { url, headers_env: { authorization: "TOKEN" } } }, { env: { TOKEN: SECRET } });
    expect((await failure(box.call("sly/add", { a: 1, b: 2 }))).message).toContain("not followed");
    expect(other.got).toEqual([]);
  });

  it("whose secret is not set is not asked", async () => {
    const { url, got } = await serve(modern());
    const box = opened({ sums: { url, headers_env: { authorization: "TOKEN" } } }, { env: {} });
    const { lacking } = await box.tools(["sums/add"]);
    expect(lacking[0]?.why).toContain("wants the variable TOKEN, and it is not set");
    expect(got).toEqual([]);
  });
});
