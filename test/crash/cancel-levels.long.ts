import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { afterEach, describe, expect, test } from "vitest";
import type { Envelope } from "../../src/tools/envelope.ts";
import { baton, type Served, served } from "../cli/server-process.ts";
import type { Asked, Reply } from "../stub/script.ts";
import { startVendor, type Vendor } from "../stub/vendor.ts";
import { fixture, isAlive } from "../toolbox/toolbox.ts";
import { Home } from "./books.ts";
import { until } from "./patience.ts";

/** How long after a cancel anything of it may still be seen. */
const SOON_MS = 5000;
const PRICE = { input: 1, output: 4 };
const MODELS = ["boss", "tools", "pays", "slow", "slower"];
const TRICKLE: Reply = { chunks: 200, chunk_ms: 200, text: "a word ".repeat(200) };

/** A workflow, in it a team, in it a workflow of four at once: two of them use tools that hang, two are asked and never done. */
const FILES: Readonly<Record<string, string>> = {
  "workflows/outer.yaml": `
name: outer
description: A team.
nodes:
  team: { pattern: supervise, with: { task: Do it., supervisor: openai/boss, workers: [hands] } }
output: "= nodes.team.output"
`,
  "workflows/hands.yaml": `
name: hands
description: Four at once.
inputs: { task: { type: string } }
nodes:
  all: { pattern: fan_out, with: { task: "{{ inputs.task }}", agents: [looker, payer, openai/slow, openai/slower] } }
output: "= nodes.all.output"
`,
  "agents/looker.md": agent("looker", "tools", ["bad/family", "bad/hang"]),
  "agents/payer.md": agent("payer", "pays", ["calm/slowpay"]),
};

function agent(name: string, model: string, tools: readonly string[]): string {
  const own = JSON.stringify({ tools });
  return `---\nname: ${name}\ndescription: d\nmodel: openai/${model}\nx-baton: ${own}\n---\nYou are ${name}.\n`;
}

function answer({ model, results }: Asked): Reply {
  switch (model) {
    case "boss":
      return { json: { done: false, assignments: [{ worker: "hands", task: "Dig." }], reason: "r" } };
    case "tools":
      return { uses: [{ name: results.length === 0 ? "bad_family" : "bad_hang", arguments: {} }] };
    case "pays":
      return { uses: [{ name: "calm_slowpay", arguments: {} }] };
    case "slow":
      return { fault: "hang" };
    default:
      return TRICKLE;
  }
}

const ending: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

/** A server of its own process with that run under way: every tool and every model is in the midst of it. */
async function underWay(more: Readonly<Record<string, string>> = {}) {
  const home = new Home();
  ending.push(async () => home[Symbol.dispose]());
  for (const [path, text] of Object.entries(FILES)) {
    mkdirSync(join(home.folder, path, ".."), { recursive: true });
    writeFileSync(join(home.folder, path), text);
  }
  const vendor = await startVendor({ script: answer, prices: { "*": PRICE }, bill_aborted: true });
  ending.push(() => vendor.close());
  const priced = MODELS.map((model) => [`openai/${model}`, { input_per_mtok: 1, output_per_mtok: 4 }]);
  const settings = {
    OPENAI_API_KEY: "not-a-key",
    OPENAI_BASE_URL: vendor.v1,
    BATON_PRICES: JSON.stringify(Object.fromEntries(priced)),
    BATON_AGENTS: JSON.stringify([join(home.folder, "agents")]),
    BATON_WORKFLOWS: JSON.stringify([join(home.folder, "workflows")]),
    BATON_MCP_SERVERS: JSON.stringify({ bad: fixture("rude", "stays"), calm: fixture("rude") }),
    BATON_LIMITS__DEPTH: "4",
    BATON_LIMITS__MAX_OUTPUT_TOKENS: "1000",
    BATON_LOG: "debug",
    ...more,
  };
  const server = await served(home.path, [], settings);
  ending.push(() => server.stop("SIGKILL"));
  const client = new Client({ name: "levels", version: "1.0.0" });
  await client.connect(new StreamableHTTPClientTransport(new URL(`${server.url}/mcp`)));
  ending.push(() => client.close().catch(() => undefined));
  const call = async (name: string, args: Readonly<Record<string, unknown>>): Promise<Envelope> =>
    (await client.callTool({ name, arguments: args })).structuredContent as Envelope;
  const { run_id } = await call("run_workflow", { name: "outer", wait_seconds: 0 });
  await until("all four are in the midst of it", () => vendor.report().open === 2 && heard(server, "hanging") === 2);
  return { home, vendor, server, settings, call, id: String(run_id), pids: pidsOf(server, vendor) };
}

/** How often tool servers have said this on their stderr. */
const heard = ({ stderr }: Served, words: string): number => stderr().split(`"stderr":"${words}"`).length - 1;

/** The two servers of tools, and what one of them has started, which will not end by itself. */
function pidsOf({ stderr }: Served, { requests }: Vendor): { bad: number; calm: number; child: number } {
  const up = stderr()
    .split("\n")
    .filter((line) => line.includes("tool server up"))
    .map((line) => JSON.parse(line) as { server: string; pid: number });
  const pid = (name: string) => up.find(({ server }) => server === name)?.pid ?? 0;
  const [, child] =
    /^(\d+)$/m.exec(requests.flatMap(({ results }) => results.map(({ content }) => content)).join("\n")) ?? [];
  return { bad: pid("bad"), calm: pid("calm"), child: Number(child) };
}

const alive = (pids: Readonly<Record<string, number>>): string[] =>
  Object.entries(pids).flatMap(([name, pid]) => (isAlive(pid) ? [name] : []));

describe("a team three levels deep whose models and tools do not care", () => {
  test("is told with all that still runs when it is to pause; a cancel leaves no socket, no child and no further bill, and says what is in doubt", async () => {
    const { home, vendor, server, call, id, pids } = await underWay();
    expect(alive(pids)).toEqual(["bad", "calm", "child"]);
    const { status, steps, note } = await call("control_run", { run_id: id, action: "pause" });
    expect({ status, note }).toEqual({ status: "running", note: expect.stringContaining("lists ends first") });
    const names = steps?.running.map((place) => place.replace(/^.*[^\\]\//, ""));
    expect(names?.sort()).toEqual(["bad_hang", "calm_slowpay", "openai\\/slow", "openai\\/slower"]);
    const cancelled = await call("control_run", { run_id: id, action: "cancel" });
    const asked = vendor.requests.length;
    expect(cancelled).toMatchObject({ status: "cancelled", steps: { running: [] }, usage: { partial: true } });
    expect(cancelled.note).toMatch(/nobody knows whether it was done: \S+\/calm_slowpay\./);
    await until("the vendor's sockets are closed", () => vendor.report().open === 0, SOON_MS);
    await until("both tools are told that nobody waits", () => heard(server, "cancelled") === 2, SOON_MS);
    await until("no child is left", () => alive(pids).length === 0);
    expect(vendor.requests).toHaveLength(asked);
    const { bill } = vendor.report();
    const settled = await home.look(async (store) => ({
      run: await store.get(id),
      memory: await store.memory(id),
      node: await store.nodes([`run:${id}`]),
    }));
    expect(settled.memory.attempts.every(({ state }) => state === "settled")).toBe(true);
    expect(settled.node[0]?.held).toMatchObject({ usd: 0, calls: 0 });
    expect(settled.run?.usage.usd).toBeGreaterThanOrEqual(bill);
    expect(await server.stop()).toBe(0);
  }, 90_000);

  test.each([
    ["right after its cancel", true],
    ["in the midst of it", false],
  ])(
    "leaves no process when its server is told to end %s",
    async (_, isCancelled) => {
      const { vendor, server, call, id, pids } = await underWay({ BATON_DRAIN_SECONDS: "1" });
      if (isCancelled) await call("control_run", { run_id: id, action: "cancel" });
      expect(await server.stop("SIGTERM")).toBe(0);
      expect(alive(pids)).toEqual([]);
      await until("the vendor's sockets are closed", () => vendor.report().open === 0, SOON_MS);
    },
    90_000,
  );

  test("whose server is killed leaves no socket, and none of the tool servers that end with their stdin", async () => {
    const { home, vendor, server, settings, id, pids } = await underWay();
    ending.push(async () => {
      for (const pid of [pids.bad, pids.child]) if (isAlive(pid)) process.kill(pid, "SIGKILL");
    });
    await server.stop("SIGKILL");
    await until("the vendor's sockets are closed", () => vendor.report().open === 0, SOON_MS);
    await until("the well-behaved server is gone", () => !isAlive(pids.calm), SOON_MS);
    const asked = vendor.requests.length;
    await home.look((store) => store.cancel(id));
    const other = await served(home.path, [], settings);
    ending.push(() => other.stop("SIGKILL"));
    await until("it is cancelled", async () =>
      (await baton(["runs"], home.path, settings)).stdout.includes("cancelled"),
    );
    expect(vendor.requests).toHaveLength(asked);
    expect(await other.stop()).toBe(0);
  }, 90_000);
});
