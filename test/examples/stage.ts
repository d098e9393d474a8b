import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { readConfig } from "../../src/config.ts";
import { SILENT } from "../../src/core/log.ts";
import type { StepRecord } from "../../src/core/record.ts";
import { stepRecords } from "../../src/core/record.ts";
import type { Run } from "../../src/core/store.ts";
import { makeBaton, type Overrides } from "../../src/server.ts";
import type { Envelope } from "../../src/tools/envelope.ts";
import { serving } from "../http/serving.ts";
import { ROOT } from "../sources.ts";

export const EXAMPLES = ["code-review", "competitive-research", "content-pipeline", "support-routing", "car-loan"];

/** What a client hears: the text, and the same as data. */
export interface Heard {
  readonly text: string;
  readonly data: Envelope & Readonly<Record<string, unknown>>;
}

export type Stage = Awaited<ReturnType<typeof openStage>>;

/** Baton over HTTP, with the settings of one folder of examples, nobody but the rehearsal to ask, and a client. */
export async function openStage(folder: string, env: Readonly<Record<string, string>> = {}, more: Overrides = {}) {
  const home = mkdtempSync(join(tmpdir(), "baton-example-"));
  const config = readConfig({
    cwd: join(ROOT, "examples", folder),
    env: { HOME: home, BATON_HOME: join(home, "home"), BATON_RETRY__INITIAL_MS: "1", BATON_RETRY__MAX_MS: "5", ...env },
  });
  const baton = makeBaton(config, { log: SILENT, env: {}, ...more });
  const server = await serving({ baton });
  const client = new Client({ name: "examples", version: "1.0.0" });
  await client.connect(new StreamableHTTPClientTransport(new URL(`${server.url}/mcp`)));

  async function call(name: string, args: object): Promise<Heard> {
    const { content, structuredContent } = await client.callTool({ name, arguments: { ...args } });
    const [first] = content;
    return { text: first?.type === "text" ? first.text : "", data: structuredContent as unknown as Heard["data"] };
  }

  async function run(id: string | null): Promise<Run> {
    const found = await (await baton.open()).store.get(String(id));
    if (!found) throw new Error(`there is no run ${id}`);
    return found;
  }

  return {
    call,
    /** Plays a saved workflow until it has ended or waits for somebody. */
    play: (args: object) => call("run_workflow", { wait_seconds: 30, ...args }),
    /** Settles what a run waits for, and waits on. */
    async decide({ data }: Heard, decision: string, value?: unknown): Promise<Heard> {
      const { run_id, waiting_for } = data;
      const { step, approval } = waiting_for ?? {};
      const bound = decision === "answer" ? {} : { approval };
      await call("decide", { run_id, step, decision, ...bound, ...(value !== undefined && { value }) });
      return call("get_run", { run_id, wait_seconds: 30 });
    },
    /** All steps of a run as its journal tells them. */
    async steps({ data: { run_id } }: Heard): Promise<StepRecord[]> {
      const { store } = await baton.open();
      return stepRecords(await store.memory(String(run_id)));
    },
    /** A run as the store has it. */
    run,
    /** All of a run's output, however long it is. */
    output: async ({ data: { run_id } }: Heard) => (await run(run_id)).output as Readonly<Record<string, unknown>>,
    graph: async ({ data: { run_id } }: Heard) => (await call("get_run_trace", { run_id, view: "graph" })).text,
    async [Symbol.asyncDispose]() {
      await client.close();
      await server.close();
      await baton.close(0);
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** What the example's `input.json` says. */
export const inputOf = (
  example: string,
): { readonly name: string; readonly inputs: Readonly<Record<string, unknown>> } =>
  JSON.parse(readFileSync(join(ROOT, "examples", example, "input.json"), "utf8"));
