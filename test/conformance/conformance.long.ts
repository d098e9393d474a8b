import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Listening } from "../../src/http/listen.ts";
import { type Served, served, temporaryHome } from "../cli/server-process.ts";
import { serveFixtures } from "./fixture-server.ts";

const SUITE = fileURLToPath(
  new URL("../../node_modules/@modelcontextprotocol/conformance/dist/index.js", import.meta.url),
);

/** Runs the official suite against a server, and gives what it printed. */
async function suite(url: string, cwd: string, ...args: string[]): Promise<{ code: number | null; text: string }> {
  const child = spawn(process.execPath, [SUITE, "server", "--url", `${url}/mcp`, ...args], { cwd });
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => {
      text += chunk;
    });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, text };
}

/** The scenarios of a run that count for its revision, and those of them that failed. */
function scored(text: string): { all: string[]; failed: string[] } {
  const [summary = "", unscored = ""] = text.split("=== SUMMARY ===")[1]?.split("Not scored") ?? [];
  const left = new Set([...unscored.matchAll(/[✓✗] (\S+) \(/g)].map(([, name]) => name));
  const told = [...summary.matchAll(/([✓✗]) (\S+): (\d+) passed/g)].filter(([, , name]) => !left.has(name));
  return {
    all: told.map(([, , name]) => String(name)),
    failed: told.filter(([, mark, , passed]) => mark !== "✓" || passed === "0").map(([, , name]) => String(name)),
  };
}

describe("the conformance suite with its fixtures behind our HTTP wiring", () => {
  const { home, folder, remove } = temporaryHome();
  let server: Listening;

  beforeAll(async () => {
    server = await serveFixtures(home);
  });

  afterAll(async () => {
    await server.close();
    remove();
  });

  it.each([
    ["2025-11-25", 30],
    ["2026-07-28", 37],
  ])("passes every scenario that %s requires, which are %i", async (revision, required) => {
    const { code, text } = await suite(server.url, folder, "--requirements", revision);
    const { all, failed } = scored(text);
    expect(failed, text).toEqual([]);
    expect(all).toHaveLength(required);
    expect(code).toBe(0);
  });
});

describe("the conformance suite on Baton itself, where it needs no fixture", () => {
  const { home, folder, remove } = temporaryHome();
  let server: Served;

  beforeAll(async () => {
    server = await served(home);
  });

  afterAll(async () => {
    await server.stop();
    remove();
  });

  it.each([
    ["2025-11-25", "server-initialize"],
    ["2025-11-25", "ping"],
    ["2025-11-25", "tools-list"],
    ["2025-11-25", "prompts-list"],
    ["2025-11-25", "resources-list"],
    ["2025-11-25", "completion-complete"],
    ["2025-11-25", "server-session-lifecycle"],
    ["2025-11-25", "dns-rebinding-protection"],
    ["2026-07-28", "tools-list"],
    ["2026-07-28", "prompts-list"],
    ["2026-07-28", "resources-list"],
    ["2026-07-28", "completion-complete"],
    ["2026-07-28", "http-header-validation"],
    ["2026-07-28", "sep-2164-resource-not-found"],
    ["2026-07-28", "dns-rebinding-protection"],
  ])("passes %s %s", async (revision, scenario) => {
    const args = ["--scenario", scenario, "--spec-version", revision, "--force"];
    const { code, text } = await suite(server.url, folder, ...args);
    expect(code, text).toBe(0);
    expect(text).toMatch(/[1-9]\d*(\/\d+)? passed|Passed: [1-9]/i);
  });
});
