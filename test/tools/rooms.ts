import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConfig } from "../../src/config.ts";
import { SILENT } from "../../src/core/log.ts";
import { type Baton, makeBaton, type Overrides } from "../../src/server.ts";
import type { Envelope } from "../../src/tools/envelope.ts";
import type { CallContext, Reply } from "../../src/tools/tool.ts";

export interface Rooms {
  readonly baton: Baton;
  readonly folder: string;
  /** Calls a tool as a caller would. */
  call(name: string, args: unknown, context?: Partial<CallContext>): Promise<Reply & { data: Envelope }>;
  close(): Promise<void>;
}

/** Baton whole, in this process, with a home of its own and nobody but the rehearsal to ask. */
export function rooms(env: Readonly<Record<string, string>> = {}, overrides: Overrides = {}): Rooms {
  const folder = mkdtempSync(join(tmpdir(), "baton-tools-"));
  const config = readConfig({
    cwd: folder,
    env: { HOME: folder, BATON_HOME: join(folder, "home"), BATON_REHEARSAL: "true", ...env },
  });
  const baton = makeBaton(config, { log: SILENT, env: {}, ...overrides });
  return {
    baton,
    folder,
    async call(name, args, context = {}) {
      const tool = baton.tools.find((candidate) => candidate.name === name);
      if (!tool) throw new Error(`no tool ${name}`);
      const reply = await tool.call(args, { caller: "local", signal: new AbortController().signal, ...context });
      return reply as Reply & { data: Envelope };
    },
    async close() {
      await baton.close(0);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
