import { ToolGrant } from "../../core/agent.ts";
import { BUILT_IN_SERVER } from "../../core/toolbox.ts";
import { meansOf } from "./dialect.ts";
import { partsOf } from "./tool-list.ts";
import type { Dialect, Means } from "./words.ts";

/** What the settings say of tools. */
export interface ToolHouse {
  /** The names of `mcp_servers`. */
  readonly servers: readonly string[];
  /** The setting `tools`: what words for tools mean. */
  readonly tools: Readonly<Record<string, string | readonly string[]>>;
}

/** What one word comes to: tools, a way of working, or a server that is not there; else nobody knows it. */
interface Meant {
  readonly grants?: readonly string[];
  /** The word is a star: the grants are all there are. */
  readonly all?: true;
  readonly means?: readonly Means[];
  readonly server?: string;
}

/** What a word for a tool means: as the settings say, else a tool of a server, else as its host means it. */
export function meantBy(word: string, dialect: Dialect, { servers, tools }: ToolHouse): Meant {
  const { tool } = partsOf(word);
  const alias = aliasOf(word, tools) ?? aliasOf(tool, tools);
  if (alias) return { grants: alias };
  const known = meansOf(tool, dialect);
  if (known) return { means: known };
  const everyServer = servers.map((server) => `${server}/*`);
  if (/^(\*|all|all tools)$/i.test(tool)) return { grants: [`${BUILT_IN_SERVER}/*`, ...everyServer], all: true };
  if (/^mcp_{1,2}\*$/i.test(tool)) return { grants: everyServer, all: true };
  return ofServer(tool, dialect, servers);
}

function aliasOf(word: string, tools: ToolHouse["tools"]): readonly string[] | undefined {
  const own = Object.hasOwn(tools, word)
    ? word
    : Object.keys(tools).find((name) => name.toLowerCase() === word.toLowerCase());
  return own === undefined ? undefined : [tools[own] ?? []].flat();
}

/** `server/tool`, and what hosts write for it. */
function ofServer(word: string, dialect: Dialect, servers: readonly string[]): Meant {
  const known = [BUILT_IN_SERVER, ...servers];
  const exact = known
    .map((server) => ({ server, tool: restBehind(word, server) }))
    .find(({ tool }) => tool !== undefined);
  if (exact) return grant(exact.server, exact.tool);
  const group = /^([\w-]+)\//.exec(word)?.[1];
  const wide = group === undefined ? undefined : meansOf(group, dialect);
  if (wide) return { means: wide };
  const server = strangerIn(word);
  return server === undefined ? {} : { server };
}

function grant(server: string, tool = "*"): Meant {
  const name = `${server}/${tool === "" ? "*" : tool}`;
  return ToolGrant.safeParse(name).success ? { grants: [name] } : {};
}

/** What stands behind the name of a server, in any of the ways in which hosts put them together. */
function restBehind(word: string, server: string): string | undefined {
  for (const start of [`${server}/`, `mcp__${server}__`, `mcp_${server}_`, `${server}__`, `${server}_`])
    if (word.toLowerCase().startsWith(start.toLowerCase()) && word.length > start.length)
      return word.slice(start.length);
  if (word.toLowerCase() === `mcp__${server}`.toLowerCase()) return "*";
  // `io.github.someone/context7/*` means the server that is called context7 here.
  const [, called, tool] = /([^/]+)\/([^/]+)$/.exec(word) ?? [];
  return called?.toLowerCase() === server.toLowerCase() ? tool : undefined;
}

/** The server that a word speaks of, where there is none of that name. */
function strangerIn(word: string): string | undefined {
  const [, named] =
    /^mcp__(.+?)(?:__.*)?$/.exec(word) ?? /^mcp_([^_]+)_/.exec(word) ?? /([^/]+)\/[^/]+$/.exec(word) ?? [];
  return named?.replaceAll(/[^\w.-]/g, "-").slice(0, 40);
}
