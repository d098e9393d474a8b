import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { MODEL, TASK, type Workload } from "./workloads.ts";

const CLI = new URL("../dist/cli.js", import.meta.url).pathname;

/** A real server process over stdio, with a home of its own, trace and budgets on, and full sync. */
export interface Server {
  readonly home: string;
  readonly pid: number;
  call(name: string, args: Record<string, unknown>): Promise<Record<string, unknown>>;
  list(): Promise<readonly { name: string; description?: string | undefined; inputSchema: unknown }[]>;
  close(): Promise<void>;
}

export function makeHome(vendor: string, lanes = 256): string {
  const home = mkdtempSync(join(tmpdir(), "baton-bench-"));
  const settings = {
    home: join(home, "store"),
    model: `stub/${MODEL}`,
    providers: { stub: { type: "openai", base_url: vendor, concurrency: lanes } },
    prices: { [`stub/${MODEL}`]: { input_per_mtok: 0.1, output_per_mtok: 0.4 } },
    budgets: { run: { usd: 50 }, run_max: { usd: 50 }, day: { usd: 100000 }, caller: { usd: 100000 } },
    limits: { runs: 256, calls: 256, width: 128 },
    log: "warn",
  };
  writeFileSync(join(home, "baton.yaml"), JSON.stringify(settings));
  return home;
}

export async function openServer(home: string, env: Record<string, string> = {}): Promise<Server> {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [CLI, "serve"],
    cwd: home,
    env: { PATH: process.env["PATH"] ?? "", BATON_CONFIG: join(home, "baton.yaml"), ...env },
    stderr: "inherit",
  });
  const client = new Client({ name: "bench", version: "1" });
  await client.connect(transport);
  return {
    home,
    pid: transport.pid ?? 0,
    async call(name, args) {
      const result = await client.callTool({ name, arguments: args }, { timeout: 120_000 });
      const content = (result.structuredContent ?? {}) as Record<string, unknown>;
      if (result.isError) throw new Error(`${name}: ${JSON.stringify(content["error"] ?? result.content)}`);
      return content;
    },
    list: async () => (await client.listTools()).tools,
    close: () => client.close(),
  };
}

export const discard = (home: string): void => rmSync(home, { recursive: true, force: true });

const agent = `stub/${MODEL}`;
const pipeline = (steps: number) => ({
  task: TASK,
  steps: Array.from({ length: steps }, (_, i) => ({ agent, name: `step${i}` })),
  wait_seconds: 100,
});

export const play: Record<Workload, (server: Server) => Promise<unknown>> = {
  W1: (server) => server.call("run_pipeline", pipeline(10)),
  W2: (server) =>
    server.call("fan_out", {
      task: TASK,
      agent,
      items: Array.from({ length: 100 }, (_, i) => `${i}`),
      aggregator: agent,
      wait_seconds: 100,
    }),
  W3: (server) =>
    server.call("consensus_vote", {
      question: TASK,
      options: ["yes", "no"],
      method: "judge",
      voters: [{ agent }, { agent }, { agent }],
      judge: agent,
      wait_seconds: 100,
    }),
  W4: (server) => Promise.all(Array.from({ length: 200 }, () => server.call("run_pipeline", pipeline(5)))),
};
