import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { afterEach, describe, expect, test } from "vitest";
import { baton, CLI, environment } from "../cli/server-process.ts";
import type { Vendor } from "../stub/vendor.ts";
import { Home } from "./books.ts";
import { expectAllWell } from "./lives.ts";
import { until } from "./patience.ts";
import { answer, oneCall, pipeline, tellStories } from "./stories.ts";

const children: ChildProcess[] = [];
const workers = new Set<number>();
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  for (const pid of workers) if (!isGone(pid)) process.kill(pid, "SIGKILL");
  workers.clear();
});

const settings = (vendor: Vendor, more: Readonly<Record<string, string>> = {}) => ({
  OPENAI_API_KEY: "not-a-key",
  OPENAI_BASE_URL: vendor.v1,
  BATON_MODEL: "openai/stub-model",
  BATON_PRICES: '{"openai/stub-model": {input_per_mtok: 1, output_per_mtok: 4}}',
  BATON_LIMITS__MAX_OUTPUT_TOKENS: "1000",
  BATON_LOG: "info",
  ...more,
});

const INITIALIZE = {
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "t", version: "1" } },
};

/** A stdio server whose client is this test: it goes by closing stdin, and gives no other sign. */
async function serve(home: Home, vendor: Vendor, more: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [CLI, "serve"], { env: environment(home.path, settings(vendor, more)) });
  children.push(child);
  child.stderr.resume();
  const told = new Map<number, { structuredContent: { run_id: string } }>();
  let rest = "";
  child.stdout.on("data", (chunk: Buffer) => {
    const parts = (rest + chunk).split("\n");
    rest = parts.pop() ?? "";
    for (const line of parts) told.set(JSON.parse(line).id, JSON.parse(line).result);
  });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  let id = 0;
  const ask = (message: object) => {
    child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id: ++id, ...message })}\n`);
    const nr = id;
    return until(`the answer to ${JSON.stringify(message)}`, () => told.get(nr));
  };
  await ask(INITIALIZE);
  return {
    child,
    ended,
    async start(wish: { pattern: string; input: unknown }, args: object = {}): Promise<string> {
      const given = { ...(wish.input as object), wait_seconds: 0, ...args };
      const result = await ask({ method: "tools/call", params: { name: wish.pattern, arguments: given } });
      return result.structuredContent.run_id;
    },
  };
}

const isGone = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
};

const logOf = (home: Home): readonly { pid: number; msg: string; run_id?: string }[] => {
  const path = join(home.path, "worker.log");
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n").filter(Boolean);
  return lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
};

/** The process of the detached worker, once it plays. */
async function workerOf(home: Home): Promise<number> {
  const ready = await until("a worker is there", () => logOf(home).find(({ msg }) => msg === "worker ready"));
  workers.add(ready.pid);
  return ready.pid;
}

const ended = (home: Home, id: string) =>
  until("the run ends", () =>
    home.look(async (store) => ((await store.get(id))?.ended_at ? store.get(id) : undefined)),
  );

const asked = (vendor: Vendor) => vendor.requests.map(({ system }) => system.slice(0, 12));

describe("a stdio server whose client goes in the middle of a call", () => {
  test("lets that call end, and a detached worker plays the rest; then the worker ends too", async () => {
    using home = new Home();
    const vendor = await tellStories({ latency_ms: 1200 });
    const server = await serve(home, vendor);
    const id = await server.start(pipeline("outlived"));
    await until("its first call is in flight", () => vendor.report().open === 1);
    server.child.stdin.end();
    const pid = await workerOf(home);
    expect(await server.ended).toBe(0);
    const shown = await baton(["runs"], home.path, settings(vendor));
    expect(shown.stdout).toMatch(new RegExp(`${id} is played by detached worker, process ${pid} on .+, since \\d{4}-`));
    expect(await ended(home, id)).toMatchObject({ status: "succeeded", output: { output: "Signed: Edited two." } });
    await until("the worker is gone", () => isGone(pid), 10_000);
    expect(asked(vendor).filter((system) => system.includes("You draft"))).toHaveLength(2);
    expect((await home.runs()).map(({ run }) => run.crashes)).toEqual([0]);
    await expectAllWell(home, vendor);
    await vendor.close();
  }, 60_000);

  test("gives up a call that outlasts its grace: it is charged at its reserve, and asked again by the worker", async () => {
    using home = new Home();
    const vendor = await tellStories({ fault: "hang" });
    const server = await serve(home, vendor, { BATON_DRAIN_SECONDS: "1" });
    const id = await server.start(oneCall("hanging"));
    await until("its call is in flight", () => vendor.report().open === 1);
    vendor.follow(answer);
    server.child.stdin.end();
    const pid = await workerOf(home);
    expect(await ended(home, id)).toMatchObject({ status: "succeeded", crashes: 0 });
    const [told] = await home.runs();
    expect(told?.memory.attempts).toMatchObject([{ result: "aborted", estimated: true }, { result: "ok" }]);
    await until("the worker is gone", () => isGone(pid), 10_000);
    await expectAllWell(home, vendor);
    await vendor.close();
  }, 60_000);

  test("is hurried by a signal, and ends long before its grace is over", async () => {
    using home = new Home();
    const vendor = await tellStories({ fault: "hang" });
    const env = environment(home.path, settings(vendor));
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [CLI, "serve"],
      env,
      stderr: "pipe",
    });
    const client = new Client({ name: "crash", version: "1.0.0" });
    await client.connect(transport);
    const started = await client.callTool({
      name: "run_agent",
      arguments: { ...(oneCall("hurried").input as object), wait_seconds: 0 },
    });
    const { run_id } = started.structuredContent as { run_id: string };
    await until("its call is in flight", () => vendor.report().open === 1);
    vendor.follow(answer);
    // It closes stdin, signals after two seconds, and kills after two more.
    await client.close();
    const pid = await workerOf(home);
    expect(await ended(home, run_id)).toMatchObject({ status: "succeeded", crashes: 0 });
    await until("the worker is gone", () => isGone(pid), 10_000);
    await vendor.close();
  }, 60_000);
});

describe("a detached worker", () => {
  test("is not started where nothing is left, nor where nobody wants it, nor for an example", async () => {
    using home = new Home();
    const vendor = await tellStories();
    const first = await serve(home, vendor);
    const id = await first.start(oneCall("short"));
    await ended(home, id);
    first.child.stdin.end();
    expect(await first.ended).toBe(0);
    vendor.follow(() => ({ fault: "hang" }));
    const second = await serve(home, vendor, { BATON_OUTLIVE: "false", BATON_DRAIN_SECONDS: "0" });
    const left = await second.start(oneCall("left"));
    second.child.stdin.end();
    expect(await second.ended).toBe(0);
    await home.look((store) => store.cancel(left));
    const third = await serve(home, vendor, { BATON_DRAIN_SECONDS: "0" });
    await third.start(oneCall("example"), { labels: ["example"] });
    third.child.stdin.end();
    expect(await third.ended).toBe(0);
    expect(existsSync(join(home.path, "worker.log"))).toBe(false);
    await vendor.close();
  }, 60_000);

  test("is one for a home, however many servers leave something", async () => {
    using home = new Home();
    const vendor = await tellStories({ latency_ms: 800 });
    const servers = await Promise.all([1, 2, 3].map(() => serve(home, vendor, { BATON_DRAIN_SECONDS: "1" })));
    const ids = await Promise.all(servers.map((server, i) => server.start(pipeline(`server ${i}`))));
    await until("all are being asked", () => vendor.report().open === 3);
    for (const { child } of servers) child.stdin.end();
    const pid = await workerOf(home);
    for (const id of ids) expect(await ended(home, id)).toMatchObject({ status: "succeeded" });
    await until("the worker is gone", () => isGone(pid), 10_000);
    expect(
      new Set(
        logOf(home)
          .filter(({ run_id }) => run_id)
          .map((line) => line.pid),
      ),
    ).toEqual(new Set([pid]));
    await expectAllWell(home, vendor);
    await vendor.close();
  }, 90_000);

  test("that is killed loses no run: it is shown as gone, and the next server goes on", async () => {
    using home = new Home();
    const vendor = await tellStories({ fault: "hang" });
    const server = await serve(home, vendor, { BATON_DRAIN_SECONDS: "0" });
    const id = await server.start(oneCall("killed"));
    await until("its call is in flight", () => vendor.report().open === 1);
    server.child.stdin.end();
    const pid = await workerOf(home);
    await until("the worker asks", () => vendor.requests.length === 2);
    process.kill(pid, "SIGKILL");
    await until("it is dead", () => isGone(pid));
    const shown = await baton(["runs"], home.path, settings(vendor));
    expect(shown.stdout).toMatch(new RegExp(`process ${pid} on .*, gone: whoever comes next takes it over`));
    vendor.follow(answer);
    const next = await serve(home, vendor);
    await next.start(oneCall("another"));
    expect(await ended(home, id)).toMatchObject({ status: "succeeded", crashes: 1 });
    next.child.stdin.end();
    expect(await next.ended).toBe(0);
    await expectAllWell(home, vendor);
    await vendor.close();
  }, 60_000);
});
