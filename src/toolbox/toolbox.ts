import { z } from "zod";
import type { Clock } from "../core/clock.ts";
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
import type { World } from "./connection.ts";
import { cutBytes } from "./cut-bytes.ts";
import { given } from "./grants.ts";
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

/** Starts nothing, and loads nothing that starts anything, before somebody asks. */
export function openToolbox(options: ToolboxOptions): Toolbox {
  const sources = new Sources(options);
  return {
    deeds: [listing(sources, options), calling(sources, options.servers)],
    health: () => sources.health(),
    close: () => sources.close(),
  };
}

/** All that has tools, each made when it is first asked. */
class Sources {
  readonly names: readonly string[];
  readonly #options: ToolboxOptions;
  readonly #made = new Map<string, ToolSource>();

  constructor(options: ToolboxOptions) {
    this.#options = options;
    this.names = [BUILT_IN_SERVER, ...Object.keys(options.servers)];
  }

  async of(name: string): Promise<ToolSource | undefined> {
    const settings = this.#options.servers[name];
    if (name !== BUILT_IN_SERVER && !settings) return undefined;
    const make = settings
      ? import("./server.ts").then(
          ({ Server }) =>
            () =>
              new Server(name, settings, this.#options),
        )
      : import("./built-in/built-in.ts").then(
          ({ BuiltIn }) =>
            () =>
              new BuiltIn(this.#options),
        );
    const made = await make;
    const source = this.#made.get(name) ?? made();
    this.#made.set(name, source);
    return source;
  }

  health(): ServerHealth[] {
    return this.names.map((server): ServerHealth => {
      const settings = this.#options.servers[server];
      const kind = !settings ? "built in" : settings.command === undefined ? "address" : "program";
      return this.#made.get(server)?.health() ?? { server, kind, state: settings ? "idle" : "up" };
    });
  }

  async close(): Promise<void> {
    await Promise.all([...this.#made.values()].map((source) => source.close()));
  }
}

const listing = (sources: Sources, { servers, clock }: ToolboxOptions): DeedFunction => ({
  name: LISTS_TOOLS,
  check: (input) => void parsed(Wanted, input, LISTS_TOOLS),
  perform: (input, { signal }): Promise<ToolsGiven> =>
    given(parsed(Wanted, input, LISTS_TOOLS).grants, (name) => sources.of(name), servers, {
      signal,
      rest: resting(clock),
    }),
});

const resting =
  ({ after }: Clock) =>
  (ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const stop = after(ms, resolve);
      const cutOff = () => {
        stop();
        reject(signal.reason);
      };
      signal.addEventListener("abort", cutOff, { once: true });
    });

const calling = (sources: Sources, servers: ToolboxOptions["servers"]): DeedFunction => ({
  name: CALLS_TOOL,
  check: (input) => void parsed(Wish, input, CALLS_TOOL),
  async perform(input, { key, signal }): Promise<ToolAnswer> {
    const { server, tool, arguments: args, most }: ToolInput = parsed(Wish, input, CALLS_TOOL);
    const source = await sources.of(server);
    if (!source) throw unknown(server, sources.names);
    const { allow } = servers[server] ?? {};
    if (allow && !allow.includes(tool)) throw notAllowed(server, tool);
    if (!isTree(args)) return { text: "Nothing was done: the arguments of a tool are a JSON object.", is_error: true };
    const { text, is_error } = await source.call({ tool, arguments: args, key, signal });
    return { ...cutBytes(text, most), is_error };
  },
});

function unknown(server: string, names: readonly string[]): Failure {
  const [near] = nearest(server, names);
  return new Failure("NOT_FOUND", `no tool server "${server}" stands in the settings`, {
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
