import { z } from "zod";
import type { DeedFunction } from "../core/deed.ts";
import { Failure } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import type { HostRule } from "../core/settings.ts";
import {
  BUILT_IN_SERVER,
  CALLS_TOOL,
  LISTS_TOOLS,
  type ServerSettings,
  type ToolAnswer,
  type ToolInput,
  type ToolsGiven,
} from "../core/toolbox.ts";
import { BuiltIn } from "./built-in/built-in.ts";
import type { World } from "./connection.ts";
import { cutBytes } from "./cut-bytes.ts";
import { given } from "./grants.ts";
import { Server } from "./server.ts";
import type { ServerHealth, ToolSource } from "./source.ts";

/** What tools there are, and what they may reach. */
export interface ToolboxOptions extends World {
  readonly servers: Readonly<Record<string, ServerSettings>>;
  /** What built-in tools may read: folders, absolute, and hosts. */
  readonly folders: readonly string[];
  readonly hosts: readonly HostRule[];
}

/** Tools that agents may call, as two deeds. */
export interface Toolbox {
  readonly deeds: readonly DeedFunction[];
  health(): readonly ServerHealth[];
  /** Ends every server with all its descendants. */
  close(): Promise<void>;
}

const Wanted = z.strictObject({ grants: z.array(z.string().min(1)) });
const Wish = z.strictObject({
  server: z.string().min(1),
  tool: z.string().min(1),
  arguments: z.unknown(),
  most: z.int().positive(),
});

/** Starts nothing before somebody asks. */
export function openToolbox(options: ToolboxOptions): Toolbox {
  const { servers } = options;
  const sources = new Map<string, ToolSource>([
    [BUILT_IN_SERVER, new BuiltIn(options)],
    ...Object.entries(servers).map(([name, settings]) => [name, new Server(name, settings, options)] as const),
  ]);
  return {
    deeds: [listing(sources, servers), calling(sources, servers)],
    health: () => [...sources.values()].map((source) => source.health()),
    async close() {
      await Promise.all([...sources.values()].map((source) => source.close()));
    },
  };
}

type Sources = ReadonlyMap<string, ToolSource>;

const listing = (sources: Sources, servers: ToolboxOptions["servers"]): DeedFunction => ({
  name: LISTS_TOOLS,
  check: (input) => void parsed(Wanted, input, LISTS_TOOLS),
  perform: (input, { signal }): Promise<ToolsGiven> =>
    given(parsed(Wanted, input, LISTS_TOOLS).grants, sources, servers, signal),
});

const calling = (sources: Sources, servers: ToolboxOptions["servers"]): DeedFunction => ({
  name: CALLS_TOOL,
  check: (input) => void parsed(Wish, input, CALLS_TOOL),
  async perform(input, { key, signal }): Promise<ToolAnswer> {
    const { server, tool, arguments: args, most }: ToolInput = parsed(Wish, input, CALLS_TOOL);
    const source = sourceOf(sources, server);
    const { allow } = servers[server] ?? {};
    if (allow && !allow.includes(tool)) throw notAllowed(server, tool);
    if (!isTree(args)) return { text: "Nothing was done: the arguments of a tool are a JSON object.", is_error: true };
    const { text, is_error } = await source.call({ tool, arguments: args, key, signal });
    return { ...cutBytes(text, most), is_error };
  },
});

function sourceOf(sources: Sources, server: string): ToolSource {
  const source = sources.get(server);
  if (source) return source;
  const [near] = nearest(server, [...sources.keys()]);
  throw new Failure("NOT_FOUND", `no tool server "${server}" stands in the settings`, {
    hint: near ? `Did you mean "${near}"?` : "Name it under `mcp_servers`.",
  });
}

const notAllowed = (server: string, tool: string): Failure =>
  new Failure("FORBIDDEN", `the settings do not allow the tool "${server}/${tool}"`, {
    hint: `Add ${JSON.stringify(tool)} to \`mcp_servers.${server}.allow\`.`,
  });

const isTree = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function parsed<T>(schema: z.ZodType<T>, input: unknown, deed: string): T {
  const { success, data, error } = schema.safeParse(input);
  if (success) return data;
  throw new Failure(
    "INVALID_INPUT",
    `the deed "${deed}" cannot be done: ${z.prettifyError(error).replaceAll(/\s+/g, " ")}`,
  );
}
