import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it, vi } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { openStore } from "../../src/store/sqlite/open.ts";
import { CLIENTS } from "../compat/clients.ts";
import { baton, CLI, environment, served, temporaryHome } from "./server-process.ts";

/** Every server is a process of its own. */
vi.setConfig({ testTimeout: 120_000 });

const homes: (() => void)[] = [];
const newHome = (): string => {
  const { home, remove } = temporaryHome();
  homes.push(remove);
  return home;
};
afterEach(() => {
  for (const remove of homes.splice(0)) remove();
});

const RPC = {
  initialize: {
    method: "initialize",
    params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "t", version: "1" } },
  },
  list: { method: "tools/list" },
};

/** Starts `baton serve` on stdio, to be talked to line by line. */
function stdio(home: string, more: Record<string, string> = {}) {
  const child: ChildProcessWithoutNullStreams = spawn(process.execPath, [CLI, "serve"], {
    env: environment(home, more),
  });
  const lines: string[] = [];
  let rest = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => {
    const parts = (rest + chunk).split("\n");
    rest = parts.pop() ?? "";
    lines.push(...parts);
  });
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk;
  });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const answer = async (id: number): Promise<string> => {
    for (;;) {
      const line = lines.find((one) => JSON.parse(one).id === id);
      if (line !== undefined) return line;
      await sleep(20);
    }
  };
  return {
    child,
    lines,
    ended,
    stderr: () => stderr,
    send: (id: number, message: object) => child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id, ...message })}\n`),
    answer,
  };
}

describe("baton serve on stdio", () => {
  it("touches nothing for a handshake and a list, and ends when the client goes", async () => {
    const home = newHome();
    const server = stdio(home);
    server.send(1, RPC.initialize);
    server.send(2, RPC.list);
    expect(JSON.parse(await server.answer(2)).result.tools).toHaveLength(18);
    expect(existsSync(home)).toBe(false);
    server.child.stdin.end();
    expect(await server.ended).toBe(0);
    for (const line of server.lines) expect(JSON.parse(line)).toMatchObject({ jsonrpc: "2.0" });
  });

  it.each(["SIGINT", "SIGTERM"] as const)("ends in order on %s", async (signal) => {
    const server = stdio(newHome());
    server.send(1, RPC.initialize);
    await server.answer(1);
    server.child.kill(signal);
    expect(await server.ended).toBe(0);
  });

  it("leaves what is unfinished when the client goes, and the next server finishes it", async () => {
    const home = newHome();
    const server = stdio(home);
    server.send(1, RPC.initialize);
    await server.answer(1);
    const rehearsal = { faults: [{ agent: "critic", calls: "1", late_ms: 20_000 }] };
    const args = { task: "t", steps: [{ agent: "writer" }, { agent: "critic" }], wait_seconds: 0, rehearsal };
    server.send(2, { method: "tools/call", params: { name: "run_pipeline", arguments: args } });
    const { run_id } = JSON.parse(await server.answer(2)).result.structuredContent;
    server.child.stdin.end();
    expect(await server.ended).toBe(0);
    const next = await CLIENTS["the current client, 2026-07-28"]?.({ home });
    const ended = await next?.call("get_run", { run_id, wait_seconds: 45 });
    expect(ended?.data).toMatchObject({ run_id, status: "succeeded" });
    await next?.close();
  });

  it("takes up what is unfinished soon after the handshake, though no tool is called", async () => {
    const home = newHome();
    const first = await CLIENTS["the current client, 2026-07-28"]?.({ home });
    const rehearsal = { faults: [{ calls: "1", late_ms: 30_000 }] };
    const started = await first?.call("run_agent", { agent: "writer", task: "t", wait_seconds: 0, rehearsal });
    await first?.close();
    const second = stdio(home);
    second.send(1, RPC.initialize);
    const store = await openStore({ home, clock: systemClock });
    await vi.waitFor(async () => expect((await store.get(String(started?.data.run_id)))?.status).toBe("succeeded"), {
      timeout: 60_000,
      interval: 200,
    });
    await store.close();
    second.child.stdin.end();
    expect(await second.ended).toBe(0);
  });

  it("tells in its answer what is wrong with its store, and lives", async () => {
    const file = newHome();
    writeFileSync(file, "no folder");
    const client = await CLIENTS["the current client, 2025-11-25"]?.({ home: join(file, "home") });
    expect(await client?.tools()).toHaveLength(18);
    const { isError, data } = (await client?.call("list_runs", {})) ?? {};
    expect(isError).toBe(true);
    expect(data?.error?.message).toContain(file);
    await client?.close();
  });
});

describe("baton serve --http", () => {
  it("says how each client connects, and plays one example run where there is none", async () => {
    const home = newHome();
    const server = await served(home);
    for (const word of [
      "claude mcp add --transport http baton",
      "claude_desktop_config.json",
      ".cursor/mcp.json",
      ".vscode/mcp.json",
      "curl -s",
    ])
      expect(server.stderr()).toContain(word);
    const client = await CLIENTS["the current client, 2026-07-28"]?.({ url: server.url });
    const { data } = (await client?.call("list_runs", { label: "example" })) ?? {};
    const [example] = (data as unknown as { runs: { run_id: string }[] }).runs;
    const run = await client?.call("get_run", { run_id: example?.run_id, wait_seconds: 20 });
    expect(run?.data).toMatchObject({ status: "succeeded", rehearsal: true });
    await client?.close();
    expect(await server.stop()).toBe(0);
    const again = await served(home);
    const second = await CLIENTS["the current client, 2026-07-28"]?.({ url: again.url });
    expect((await second?.call("list_runs", {}))?.data).toMatchObject({ counts: { succeeded: 1 } });
    await second?.close();
    expect(await again.stop("SIGINT")).toBe(0);
  });

  it("says its version and that of Node when it is ready, in a line that a machine can read", async () => {
    const server = await served(newHome());
    const ready = server
      .stderr()
      .split("\n")
      .find((line) => line.includes('"server ready"'));
    expect(JSON.parse(String(ready))).toMatchObject({ level: "info", node: process.version, version: "0.1.0" });
    await server.stop();
  });

  it("ends at once at the second signal", async () => {
    const server = await served(newHome());
    const client = await CLIENTS["the current client, 2026-07-28"]?.({ url: server.url });
    const rehearsal = { faults: [{ calls: "1", late_ms: 60_000 }] };
    await client?.call("run_agent", { agent: "writer", task: "t", wait_seconds: 0.5, rehearsal });
    const ended = server.stop("SIGTERM");
    await sleep(100);
    server.child.kill("SIGTERM");
    expect(await ended).toBe(143);
    await client?.close().catch(() => undefined);
  });

  it.each([
    ["beyond this machine without tokens", ["--host", "0.0.0.0"], {}, /refusing to listen on 0\.0\.0\.0/],
    ["with `auth` and no tokens", [], { BATON_AUTH: "{}" }, /BATON_TOKENS holds no tokens/],
    [
      "with `auth` and no real model",
      [],
      { BATON_TOKENS: "ann:ann-token-1234", BATON_REHEARSAL: "false", BATON_POLICY: "{providers: [openai]}" },
      /no real model is at hand/,
    ],
    ["with a wrong setting", [], { BATON_LIMITS__RUNS: "many" }, /limits\.runs/],
  ])("refuses to start %s, in plain words", async (_, args, env, words) => {
    const { code, stderr } = await baton(["serve", "--http", "--port", "0", ...args], newHome(), env);
    expect(stderr).toMatch(words);
    expect(stderr).not.toMatch(/^\s+at |ann-token-1234/m);
    expect(code).toBe(2);
  });

  it("refuses to start where the port is in use, and says what may be there", async () => {
    const home = newHome();
    const server = await served(home);
    const port = new URL(server.url).port;
    const { code, stderr } = await baton(["serve", "--http", "--port", port], newHome());
    expect(stderr).toMatch(/already in use[\s\S]*--port/);
    expect(code).toBe(2);
    await server.stop();
  });
});
