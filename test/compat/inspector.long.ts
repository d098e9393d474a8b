import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CLI, environment, type Served, served, temporaryHome } from "../cli/server-process.ts";

const INSPECTOR = fileURLToPath(
  new URL("../../node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js", import.meta.url),
);

const { home, folder, remove } = temporaryHome();
let server: Served;

beforeAll(async () => {
  server = await served(home);
});

afterAll(async () => {
  await server.stop();
  remove();
});

/** Runs the inspector's command line, and gives the JSON that it printed. */
async function inspect(target: readonly string[], ...args: string[]): Promise<Record<string, never>> {
  const child = spawn(process.execPath, [INSPECTOR, "--cli", ...target, ...args, "--format", "json"], {
    cwd: folder,
    env: environment(home, { BATON_LOG: "error" }),
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk;
  });
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk;
  });
  const code = await new Promise((resolve) => child.once("close", resolve));
  expect(code, `${stdout}\n${stderr}`).toBe(0);
  return JSON.parse(stdout).result;
}

const targets = {
  stdio: () => [process.execPath, CLI, "serve"],
  HTTP: () => [`${server.url}/mcp`, "--transport", "http"],
};

describe.each(Object.entries(targets))("the MCP Inspector over %s", (_, target) => {
  it.each(["legacy", "modern"])("lists the tools and calls one, era %s", async (era) => {
    const listed = await inspect(target(), "--protocol-era", era, "--method", "tools/list");
    expect(listed["tools"]).toHaveLength(18);
    const call = ["--method", "tools/call", "--tool-name", "run_agent"];
    const args = ["--tool-arg", "agent=writer", "--tool-arg", "task=Say it."];
    const told = await inspect(target(), "--protocol-era", era, ...call, ...args);
    expect(told["structuredContent"]).toMatchObject({ status: "succeeded", rehearsal: true });
  });
});
