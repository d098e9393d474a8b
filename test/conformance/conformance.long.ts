import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Listening } from "../../src/http/listen.ts";
import { serveFixtures } from "./fixture-server.ts";

const SUITE = fileURLToPath(
  new URL("../../node_modules/@modelcontextprotocol/conformance/dist/index.js", import.meta.url),
);

/** Runs the official suite against a server, and gives what it printed. */
async function suite(url: string, cwd: string, ...args: string[]): Promise<{ code: number | null; text: string }> {
  const child = spawn(process.execPath, [SUITE, "server", "--url", url, ...args], { cwd });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (text += chunk));
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { code, text };
}

describe("the official conformance suite, through our own HTTP wiring", () => {
  let folder: string;
  let server: Listening;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "baton-conformance-"));
    server = await serveFixtures(join(folder, "home"));
  });

  afterAll(async () => {
    await server.close();
    await rm(folder, { recursive: true, force: true });
  });

  it.each([
    ["2025-11-25", 30],
    ["2026-07-28", 37],
  ])("passes every scenario that %s requires", async (revision, required) => {
    const { code, text } = await suite(`${server.url}/mcp`, folder, "--requirements", revision);
    expect(text).toMatch(new RegExp(`${required}/${required}`));
    expect(code, text).toBe(0);
  });
});
