import { z } from "zod";
import type { Deed } from "./deed.ts";
import type { JsonSchema } from "./provider.ts";

/** The deed that tells which tools are at hand, and the deed that calls one. */
export const LISTS_TOOLS = "tools";
export const CALLS_TOOL = "tool";

/** The server of the tools that are built in. */
export const BUILT_IN_SERVER = "baton";

/** What the settings say of one tool; they win over what its server says of it. */
export const ToolSettings = z.strictObject({
  /** Does it change the world? `idempotent`: doing it again does no harm. */
  effect: z.union([z.boolean(), z.literal("idempotent")]).optional(),
  /** A person must allow each call. */
  approve: z.boolean().optional(),
  seconds: z.number().positive().max(86_400).optional(),
});
export type ToolSettings = z.output<typeof ToolSettings>;

const Name = z.string().regex(/^[A-Za-z_]\w*$/, "expected the name of an environment variable");

/** A server of tools: a program that is started, or an address. */
export const ServerSettings = z
  .strictObject({
    command: z.string().min(1).optional(),
    args: z.array(z.string()).optional(),
    cwd: z.string().optional(),
    /** All that stands in its environment, beside what any program needs to start. */
    env: z.record(z.string(), z.string()).optional(),
    /** Variables of Baton's own environment that it is given. */
    env_from: z.array(Name).optional(),
    url: z.url({ protocol: /^https?$/ }).optional(),
    headers: z.record(z.string(), z.string()).optional(),
    /** Headers whose values stand in variables. */
    headers_env: z.record(z.string(), Name).optional(),
    /** The tools that any agent may be given; absent, all of them. */
    allow: z.array(z.string()).optional(),
    tools: z.record(z.string(), ToolSettings).optional(),
    /** For one call. */
    seconds: z.number().positive().max(86_400).optional(),
    concurrency: z.int().positive().optional(),
    start_seconds: z.number().positive().max(600).optional(),
  })
  .refine(({ command, url }) => (command === undefined) !== (url === undefined), "expected either `command` or `url`");
export type ServerSettings = z.output<typeof ServerSettings>;

/** A tool at hand, as a run remembers it: what its model is told, and how it is treated. */
export interface OfferedTool {
  /** As the model is told it: unique among those offered, fit for all vendors. */
  readonly name: string;
  readonly server: string;
  readonly tool: string;
  readonly description: string;
  readonly input: JsonSchema;
  readonly effect: NonNullable<Deed["effect"]>;
  /** Its server or the settings want a person to allow each call. */
  readonly approve: boolean;
  /** How long a call may take, with the start of its server. */
  readonly seconds?: number;
}

/** What is asked of the deed that lists. */
export interface ToolsInput {
  /** `server/tool` or `server/*`. */
  readonly grants: readonly string[];
}

/**
 * What it gives: the tools, and what is granted and not there, with the reason. One that is told of and was not asked for
 * by this name is a part of `server/*` that cannot be had.
 */
export interface ToolsGiven {
  readonly tools: readonly OfferedTool[];
  readonly lacking: readonly { readonly grant: string; readonly why: string }[];
}

/** What is asked of the deed that calls. */
export interface ToolInput {
  readonly server: string;
  readonly tool: string;
  readonly arguments: unknown;
  /** The most bytes of text that come back; the rest is cut and marked. */
  readonly most: number;
}

/** What it gives: text for a model to read. A tool that says itself that it failed is no failure of the deed. */
export interface ToolAnswer {
  readonly text: string;
  readonly is_error: boolean;
  /** How many bytes of its text were cut off. */
  readonly cut?: number;
}

/** A deed as a person is told of it: a tool by its own name, with what it is called with. */
export function actionOf({ does, input }: Pick<Deed, "does" | "input">): { name: string; arguments: unknown } {
  if (does !== CALLS_TOOL) return { name: does, arguments: input };
  const { server, tool, arguments: given } = input as ToolInput;
  return { name: `${server}/${tool}`, arguments: given };
}
