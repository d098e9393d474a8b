import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { afterEach, expect, test } from "vitest";
import { CLI, environment, type Served, served } from "../cli/server-process.ts";
import type { Vendor } from "../stub/vendor.ts";
import { Home } from "./books.ts";
import { expectAllWell } from "./lives.ts";
import { until } from "./patience.ts";
import { answer, pipeline, tellStories } from "./stories.ts";

const clients: Client[] = [];
const servers: Served[] = [];
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close().catch(() => undefined)));
  await Promise.all(servers.splice(0).map((server) => server.stop("SIGKILL")));
});

const settings = (vendor: Vendor) => ({
  OPENAI_API_KEY: "not-a-key",
  OPENAI_BASE_URL: vendor.v1,
  BATON_MODEL: "openai/stub-model",
  BATON_PRICES: '{"openai/stub-model": {input_per_mtok: 1, output_per_mtok: 4}}',
  BATON_LIMITS__MAX_OUTPUT_TOKENS: "1000",
  BATON_LOG: "error",
});

async function connect(transport: StdioClientTransport | StreamableHTTPClientTransport): Promise<Client> {
  const client = new Client({ name: "crash", version: "1.0.0" });
  await client.connect(transport);
  clients.push(client);
  return client;
}

/** A server on stdio, as a desktop client starts one. */
async function onStdio(home: Home, vendor: Vendor): Promise<{ client: Client; pid: number }> {
  const env = environment(home.path, settings(vendor));
  const transport = new StdioClientTransport({ command: process.execPath, args: [CLI, "serve"], env, stderr: "pipe" });
  const client = await connect(transport);
  return { client, pid: transport.pid ?? 0 };
}

async function onHttp(home: Home, vendor: Vendor): Promise<{ client: Client; server: Served }> {
  const server = await served(home.path, [], settings(vendor));
  servers.push(server);
  const client = await connect(new StreamableHTTPClientTransport(new URL(`${server.url}/mcp`)));
  return { client, server };
}

interface Told {
  readonly run_id: string;
  readonly status: string;
  readonly output?: { readonly output: unknown };
}

async function call(client: Client, name: string, args: unknown, timeout?: number): Promise<Told> {
  const asked = { name, arguments: { ...(args as object) } };
  const result = await client.callTool(asked, timeout === undefined ? {} : { timeout });
  return result.structuredContent as unknown as Told;
}

const begin = (client: Client, tag: string) =>
  call(client, "run_pipeline", { ...(pipeline(tag).input as object), wait_seconds: 0 });

const finish = (client: Client, run_id: string) => call(client, "get_run", { run_id, wait_seconds: 40 });

const isGone = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
};

const FINISHED = { status: "succeeded", output: { output: "Signed: Edited two." } };

test.each([
  ["stdio", async (home: Home, vendor: Vendor) => (await onStdio(home, vendor)).client],
  ["HTTP", async (home: Home, vendor: Vendor) => (await onHttp(home, vendor)).client],
])(
  "a client over %s that stops waiting after a second finds its run, ended, later",
  async (_, open) => {
    using home = new Home();
    const vendor = await tellStories({ latency_ms: 300 });
    const client = await open(home, vendor);
    const args = { ...(pipeline("impatient").input as object), idempotency_key: "mine", wait_seconds: 30 };
    await expect(call(client, "run_pipeline", args, 1000)).rejects.toThrow(/timed? ?out/i);
    const { run_id } = await call(client, "run_pipeline", { ...args, wait_seconds: 0 });
    expect(await finish(client, run_id)).toMatchObject({ run_id, ...FINISHED });
    await client.close();
    await until("nothing is open", () => vendor.report().open === 0);
    expect(vendor.requests.map(({ state }) => state)).toEqual(vendor.requests.map(() => "finished"));
    const told = (await home.runs()).filter(({ run }) => run.pattern === "run_pipeline");
    expect(told.map(({ memory }) => memory.attempts.length)).toEqual([vendor.report().count]);
    await vendor.close();
  },
  60_000,
);

test("a stdio server whose client goes ends within seconds, and the next one finishes its run", async () => {
  using home = new Home();
  const vendor = await tellStories({ fault: "hang" });
  const { client, pid } = await onStdio(home, vendor);
  const { run_id } = await begin(client, "left alone");
  await until("its first call is in flight", () => vendor.report().open === 1);
  vendor.follow(answer);
  const left = performance.now();
  await client.close();
  await until("the server is gone", () => isGone(pid), 5000);
  console.log(`the server ended ${Math.round(performance.now() - left)} ms after its client had gone`);
  const next = await onStdio(home, vendor);
  expect(await finish(next.client, run_id)).toMatchObject(FINISHED);
  await next.client.close();
  const [told] = await home.runs();
  expect(told?.run.crashes).toBe(0);
  expect(told?.memory.attempts[0]).toMatchObject({ result: "aborted", estimated: true });
  expect(vendor.requests[0]?.state).toBe("aborted");
  await expectAllWell(home, vendor);
  await vendor.close();
}, 60_000);

test("the run of a stdio server that is killed goes on in the HTTP server beside it", async () => {
  using home = new Home();
  const vendor = await tellStories({ fault: "hang" });
  const { client, pid } = await onStdio(home, vendor);
  const { run_id } = await begin(client, "killed");
  await until("its first call is in flight", () => vendor.report().open === 1);
  const web = await onHttp(home, vendor);
  vendor.follow(answer);
  process.kill(pid, "SIGKILL");
  const died = performance.now();
  const ended = await finish(web.client, run_id);
  console.log(`another server had ended the run ${Math.round(performance.now() - died)} ms after the death`);
  expect(ended).toMatchObject(FINISHED);
  expect(performance.now() - died).toBeLessThan(8000);
  await web.client.close();
  await web.server.stop();
  await vendor.close();
}, 60_000);
