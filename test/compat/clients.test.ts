import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Listening } from "../../src/http/listen.ts";
import { temporaryHome } from "../cli/server-process.ts";
import { serving } from "../http/serving.ts";
import { rooms } from "../tools/rooms.ts";
import { type AnyClient, CLIENTS } from "./clients.ts";

/** Servers are processes of their own, and some runs are slow on purpose. */
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const house = rooms();
const { home, remove } = temporaryHome();
let http: Listening;

beforeAll(async () => {
  http = await serving(house);
});

afterAll(async () => {
  await http.close();
  await house.close();
  remove();
});

const ways = Object.entries(CLIENTS).flatMap(([name, connect]) => [
  { way: `${name}, over stdio`, connect: () => connect({ home }) },
  { way: `${name}, over HTTP`, connect: () => connect({ url: http.url }) },
]);

describe.each(ways)("$way", ({ way, connect }) => {
  let client: AnyClient;

  beforeAll(async () => {
    client = await connect();
  });

  afterAll(() => client.close());

  it("speaks the protocol it says", () => {
    expect(client.protocol).toBe(/2026/.test(way) ? "2026-07-28" : "2025-11-25");
  });

  it("lists all tools, each with annotations and an output schema, and is told how to choose", async () => {
    const tools = await client.tools();
    expect(tools.map(({ name }) => name)).toEqual(house.baton.tools.map(({ name }) => name));
    for (const { name, annotations, outputSchema } of tools) {
      expect(annotations, name).toMatchObject({ title: expect.any(String), readOnlyHint: expect.any(Boolean) });
      expect(outputSchema, name).toMatchObject({ type: "object" });
    }
    expect(client.instructions()).toContain("Which tool");
  });

  it("runs a pattern, sees how far it is, and gets its result", async () => {
    const seen: { progress: number; message?: string | undefined }[] = [];
    const rehearsal = { faults: [{ calls: "1-9", late_ms: 700 }] };
    const steps = [{ agent: "writer" }, { agent: "critic" }];
    const { data, text, isError } = await client.call(
      "run_pipeline",
      { task: "Say what matters.", steps, rehearsal },
      { onprogress: (progress) => seen.push(progress) },
    );
    expect(isError).toBe(false);
    expect(data).toMatchObject({ status: "succeeded", rehearsal: true });
    expect(text).toContain(data.run_id);
    expect(seen[0]?.message).toContain(data.run_id);
    expect(seen.length).toBeGreaterThan(1);
    const figures = seen.map(({ progress }) => progress);
    expect(figures).toEqual([...new Set(figures)].sort((a, b) => a - b));
  });

  it("gets a refused call as an answer it can read, not as a broken connection", async () => {
    const { isError, data } = await client.call("run_agent", { agent: "writer", tsk: "t" });
    expect(isError).toBe(true);
    expect(data.error?.hint).toContain('run_agent {"agent":"writer","task":"t"}');
  });

  it("is told what a start would cost, as an answer that its schema allows", async () => {
    const steps = [{ agent: "writer" }, { agent: "critic" }];
    const { isError, data, text } = await client.call("run_pipeline", { task: "t", steps, dry_run: true });
    expect(isError).toBe(false);
    expect(data).toMatchObject({ run_id: null, dry_run: true, calls: { likely: 2 }, usd: { likely: 0, most: 0 } });
    expect(text).toContain("flowchart TD");
  });

  it("gets ten megabytes refused in words, and the server lives", async () => {
    const refused = await client.call("run_agent", { agent: "writer", task: "a".repeat(10_000_000) }).then(
      ({ data }) => data.error?.message ?? "",
      (error: unknown) => String(error),
    );
    expect(refused).toMatch(/at most 1,048,576|Payload Too Large|413/);
    expect((await client.call("list_runs", {})).isError).toBe(false);
  });

  it("finds its run again after it has stopped waiting", async () => {
    const key = `k ${way}`;
    const rehearsal = { faults: [{ calls: "1", late_ms: 2000 }] };
    const args = { agent: "writer", task: "t", idempotency_key: key, rehearsal };
    await expect(client.call("run_agent", args, { timeout: 1000 })).rejects.toThrow();
    const { data } = await client.call("run_agent", { ...args, wait_seconds: 0 });
    expect(data.note).toContain("idempotency key");
    const ended = await client.call("get_run", { run_id: data.run_id, wait_seconds: 30 });
    expect(ended.data).toMatchObject({ run_id: data.run_id, status: "succeeded", usage: { calls: 1 } });
  });

  it("reads runs and traces as resources, and is told which are not there", async () => {
    const { data } = await client.call("run_agent", { agent: "writer", task: "Read me." });
    const uri = `baton://runs/${data.run_id}`;
    expect((await client.resources()).map((resource) => resource.uri)).toContain(uri);
    expect(JSON.parse(await client.read(uri))).toMatchObject({ run_id: data.run_id, output: expect.any(String) });
    expect(JSON.parse(await client.read(`${uri}/trace?step=writer`))).toMatchObject({ lines: [{ place: "writer" }] });
    await expect(client.read("baton://runs/r_none")).rejects.toMatchObject({ code: -32602 });
    await expect(client.read("baton://other")).rejects.toMatchObject({ code: -32602 });
    expect(await client.complete(String(data.run_id).slice(0, 6))).toContain(data.run_id);
  });

  it("is told when a run that it watches changes, and of no other", async () => {
    const slow = { rehearsal: { faults: [{ calls: "1", late_ms: 1500 }] }, wait_seconds: 0, agent: "writer" };
    const { data } = await client.call("run_agent", { ...slow, task: "Watch me." });
    const uri = `baton://runs/${data.run_id}`;
    const told: string[] = [];
    await client.watch(uri, (changed) => told.push(changed));
    await client.call("run_agent", { agent: "writer", task: "Another." });
    await client.call("get_run", { run_id: data.run_id, wait_seconds: 20 });
    await vi.waitFor(() => expect(told.length).toBeGreaterThan(0), { timeout: 10_000 });
    expect(new Set(told)).toEqual(new Set([uri]));
  });

  it("has no prompts yet, and is told so", async () => {
    expect(await client.prompts()).toEqual([]);
  });

  it("is told the nearest tool where it calls one that is not there", async () => {
    await expect(client.call("run_agnt", {})).rejects.toThrow(/did you mean run_agent/);
  });
});

describe("a client with a token", () => {
  it("is its token's name, in either era, and sees nobody else's runs", async () => {
    const tokens = new Map([
      ["ann-token-1234", "ann"],
      ["bob-token-5678", "bob"],
    ]);
    const guarded = await serving(house, tokens);
    for (const connect of Object.values(CLIENTS)) {
      const [ann, bob] = await Promise.all([...tokens.keys()].map((token) => connect({ url: guarded.url, token })));
      const mine = await ann?.call("run_agent", { agent: "writer", task: "Ann's own." });
      expect(mine?.data.status).toBe("succeeded");
      const theirs = await bob?.call("get_run", { run_id: mine?.data.run_id });
      expect(theirs?.data.error?.code).toBe("NOT_FOUND");
      await Promise.all([ann?.close(), bob?.close()]);
    }
    await expect(CLIENTS["the client before it"]?.({ url: guarded.url })).rejects.toThrow();
    await guarded.close();
  });

  it("cannot use somebody else's session", async () => {
    const tokens = new Map([
      ["ann-token-1234", "ann"],
      ["bob-token-5678", "bob"],
    ]);
    const guarded = await serving(house, tokens);
    const post = (token: string, body: object, session?: string) =>
      fetch(`${guarded.url}/mcp`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          accept: "application/json, text/event-stream",
          authorization: `Bearer ${token}`,
          ...(session !== undefined && { "mcp-session-id": session }),
        },
        body: JSON.stringify({ jsonrpc: "2.0", id: 1, ...body }),
      });
    const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "t", version: "1" } };
    const hello = await post("ann-token-1234", { method: "initialize", params });
    const session = String(hello.headers.get("mcp-session-id"));
    expect((await post("ann-token-1234", { method: "tools/list" }, session)).status).toBe(200);
    expect((await post("bob-token-5678", { method: "tools/list" }, session)).status).toBe(404);
    await guarded.close();
  });
});
