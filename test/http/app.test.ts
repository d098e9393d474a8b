import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Failure } from "../../src/core/errors.ts";
import { isLoopback, type Listening, listen } from "../../src/http/listen.ts";
import { rooms } from "../tools/rooms.ts";
import { serving } from "./serving.ts";

const house = rooms();
let open: Listening;
let guarded: Listening;

beforeAll(async () => {
  open = await serving(house);
  guarded = await serving(
    house,
    new Map([
      ["ann-token-1234", "ann"],
      ["bob-token-5678", "bob"],
    ]),
  );
});

afterAll(async () => {
  await Promise.all([open.close(), guarded.close()]);
  await house.close();
});

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: NodeJS.Dict<string | string[]>;
}

/** Asks with headers that fetch would not let one set. */
const ask = (url: string, headers: Record<string, string> = {}, body?: string): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const sent = request(url, { method: body === undefined ? "GET" : "POST", headers }, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: text, headers: response.headers }));
    });
    sent.on("error", reject);
    sent.end(body);
  });

const MCP = { "content-type": "application/json", accept: "application/json, text/event-stream" };
const call = (name: string, args: object): string =>
  JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: args } });

describe("the door", () => {
  it.each(["/", "/mcp", "/health", "/runs/r_x"])("is shut to pages of other hosts at %s", async (path) => {
    const url = `${open.url}${path}`;
    expect((await ask(url, { host: "evil.example" })).status).toBe(403);
    expect((await ask(url, { origin: "https://evil.example" })).status).toBe(403);
    expect((await ask(url, { origin: "null" })).status).toBe(403);
    expect((await ask(url, { host: "localhost:1234", origin: "http://localhost:1234" })).status).not.toBe(403);
  });

  it.each(["/", "/mcp", "/runs/r_x", "/other"])("asks for a token at %s where there are tokens", async (path) => {
    const url = `${guarded.url}${path}`;
    const none = await ask(url);
    expect(none.status).toBe(401);
    expect(none.headers["www-authenticate"]).toMatch(/^(Bearer|Basic) realm="baton"$/);
    for (const authorization of ["Bearer wrong", "Bearer ann-token-123", "Bearer ", "ann-token-1234"])
      expect((await ask(url, { authorization })).status, authorization).toBe(401);
    expect((await ask(url, { authorization: "Bearer ann-token-1234" })).status).not.toBe(401);
  });

  it("takes the token as a password too, since that is how a browser asks", async () => {
    const authorization = `Basic ${Buffer.from("anyone:bob-token-5678").toString("base64")}`;
    expect((await ask(`${guarded.url}/`, { authorization })).status).toBe(200);
  });

  it("tells its health to everybody, and nothing else with it", async () => {
    const { status, body } = await ask(`${guarded.url}/health`);
    expect(status).toBe(200);
    expect(JSON.parse(body)).toEqual({ status: "ok", name: "baton", version: "0.0.0" });
  });
});

describe("a request that is too large", () => {
  it("is refused in words, and the server lives", async () => {
    const body = call("run_agent", { agent: "writer", task: "a".repeat(10_000_000) });
    const { status, body: answer } = await ask(
      `${open.url}/mcp`,
      { ...MCP, "content-length": String(body.length) },
      body,
    ).catch((error: Error) => ({ status: 413, body: `Payload Too Large (${error.message})` }));
    expect(status).toBe(413);
    expect(answer).toContain("Payload Too Large");
    expect((await ask(`${open.url}/health`)).status).toBe(200);
  });

  it("or is no JSON is refused in words, and the server lives", async () => {
    const { status, body } = await ask(`${open.url}/mcp`, MCP, "{not json");
    expect(status).toBe(400);
    expect(JSON.parse(body)).toMatchObject({ error: { code: -32700 } });
  });
});

describe("the page", () => {
  const EVIL = `<script>alert("x")</script> & 'quotes' "here"`;

  it("shows the runs, and of each its steps, what was asked and answered, and what it cost", async () => {
    const { data } = await house.call("fan_out", { task: "Say what matters.", agents: ["writer", "critic"] });
    const list = await ask(`${open.url}/`);
    expect(list.status).toBe(200);
    expect(list.body).toContain(`/runs/${data.run_id}`);
    expect(list.body).toContain("Say what matters.");
    const one = await ask(`${open.url}/runs/${data.run_id}`);
    for (const word of ["map/0/writer", "map/1/critic", "rehearsal/default", "$0", "You examine a piece of work"])
      expect(one.body).toContain(word);
  });

  it("shows text as text, wherever it comes from", async () => {
    const task = EVIL;
    const { data } = await house.call("run_agent", {
      agent: { agent: "writer", instructions: EVIL },
      task,
      labels: [EVIL],
    });
    for (const path of ["/", `/runs/${data.run_id}`, `/runs/${encodeURIComponent(EVIL)}`]) {
      const { body } = await ask(`${open.url}${path}`);
      expect(body, path).not.toContain("<script");
    }
    expect((await ask(`${open.url}/runs/${data.run_id}`)).body).toContain("&lt;script&gt;");
  });

  it("loads nothing, runs nothing, and is framed by nobody", async () => {
    const { headers, body } = await ask(`${open.url}/`);
    expect(headers["content-security-policy"]).toMatch(/default-src 'none'.*frame-ancestors 'none'/);
    expect(body).not.toMatch(/<(script|link|img|iframe)|https?:\/\//);
  });

  it("loads itself anew while a run goes on, and not when it has ended", async () => {
    const rehearsal = { faults: [{ calls: "1", late_ms: 2000 }] };
    const { data } = await house.call("run_agent", { agent: "writer", task: "t", wait_seconds: 0, rehearsal });
    const page = () => ask(`${open.url}/runs/${data.run_id}`);
    expect((await page()).body).toContain('http-equiv="refresh"');
    await house.call("get_run", { run_id: data.run_id, wait_seconds: 20 });
    expect((await page()).body).not.toContain('http-equiv="refresh"');
  });

  it("shows a caller only what is theirs", async () => {
    const { data } = await house.call("run_agent", { agent: "writer", task: "Ann's own." }, { caller: "ann" });
    const as = (token: string, path: string) => ask(`${guarded.url}${path}`, { authorization: `Bearer ${token}` });
    expect((await as("ann-token-1234", `/runs/${data.run_id}`)).status).toBe(200);
    expect((await as("bob-token-5678", `/runs/${data.run_id}`)).status).toBe(404);
    expect((await as("bob-token-5678", "/")).body).not.toContain("Ann&#39;s own.");
    expect((await ask(`${open.url}/runs/${data.run_id}`)).status).toBe(404);
  });
});

describe("listening", () => {
  it("says so where the port is in use", async () => {
    const again = listen({ fetch: () => new Response(), host: "127.0.0.1", port: open.port });
    await expect(again).rejects.toThrow(Failure);
    await expect(again).rejects.toThrow(`port ${open.port} on 127.0.0.1 is already in use`);
  });

  it("knows which hosts are this machine alone", () => {
    for (const host of ["127.0.0.1", "127.1.2.3", "localhost", "::1"]) expect(isLoopback(host), host).toBe(true);
    for (const host of ["0.0.0.0", "::", "192.168.0.1", "example.com", "127.0.0.1.example.com"])
      expect(isLoopback(host), host).toBe(false);
  });
});
