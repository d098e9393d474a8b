import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { nodeFetch } from "../../src/agents/providers/fetch.ts";
import { systemClock } from "../../src/clock.ts";
import type { Log } from "../../src/core/log.ts";
import { SILENT } from "../../src/core/log.ts";
import { ServerSettings, type ToolAnswer, type ToolsGiven } from "../../src/core/toolbox.ts";
import type { Fetch } from "../../src/toolbox/address.ts";
import { openToolbox, type ToolboxOptions } from "../../src/toolbox/toolbox.ts";
import { ROOT } from "../sources.ts";

const fetch: Fetch = (...request) => nodeFetch(...request);

export interface Asking {
  readonly signal?: AbortSignal;
  readonly most?: number;
  readonly key?: string;
}

/** A toolbox on real servers, asked as a run would ask it. */
export function toolbox(
  servers: Record<string, object>,
  options: Partial<Omit<ToolboxOptions, "servers">> & { log?: Log } = {},
) {
  const parsed = Object.entries(servers).map(([name, settings]) => [name, ServerSettings.parse(settings)] as const);
  const { env = process.env } = options;
  const box = openToolbox({
    servers: Object.fromEntries(parsed),
    folders: [],
    hosts: [],
    fetch,
    clock: systemClock,
    log: SILENT,
    version: "0.0.0",
    ...options,
    env,
  });
  const [lists, calls] = box.deeds;
  if (!lists || !calls) throw new Error("the toolbox has lost a deed");
  const scene = ({ signal = new AbortController().signal, key = "key-1" }: Asking) => {
    return { run: "r_1", caller: "test", place: "writer/tool", key, signal };
  };
  return {
    ...box,
    tools: async (grants: readonly string[], asking: Asking = {}) =>
      (await lists.perform({ grants }, scene(asking))) as ToolsGiven,
    call: async (name: string, args: unknown = {}, asking: Asking = {}) => {
      const [server, ...tool] = name.split("/");
      const input = { server, tool: tool.join("/"), arguments: args, most: asking.most ?? 100_000 };
      calls.check?.(input);
      return (await calls.perform(input, scene(asking))) as ToolAnswer;
    },
  };
}

/** A server of the fixtures, as the settings name it. */
export const fixture = (name: string, ...args: readonly string[]) => ({
  command: process.execPath,
  args: [join(ROOT, "test", "toolbox", "fixtures", `${name}.child.ts`), ...args],
});

const require = createRequire(import.meta.url);

/** Servers from the registry, as this clone has them. */
export const served = {
  files: (folder: string) => ({
    command: process.execPath,
    args: [require.resolve("@modelcontextprotocol/server-filesystem/dist/index.js"), folder],
  }),
  everything: () => ({
    command: process.execPath,
    args: [require.resolve("@modelcontextprotocol/server-everything/dist/index.js")],
  }),
};

/** Is a process still there? One that has ended and that nobody has asked for is not. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
