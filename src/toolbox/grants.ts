import { Failure } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import { BUILT_IN_SERVER, type ServerSettings, type ToolsGiven } from "../core/toolbox.ts";
import { REST } from "./listing.ts";
import type { Listed, ListedTool, ToolSource } from "./source.ts";
import { toolNames } from "./tool-names.ts";

type Lacking = ToolsGiven["lacking"][number];
type Servers = Readonly<Record<string, ServerSettings>>;

interface Found {
  readonly tools: readonly { readonly server: string; readonly tool: ListedTool }[];
  readonly lacking: readonly Lacking[];
}

/** Waits so long; ends at once where the signal aborts. */
type Rest = (ms: number, signal: AbortSignal) => Promise<void>;

/** So long is a server waited for that is left alone for a while: others may have brought it down. */
const LONGEST_REST_MS = 5000;

/** What of the grants is there, and of each that is not, why. A server that fails fails for its own grants alone. */
export async function given(
  grants: readonly string[],
  sourceOf: (server: string) => Promise<ToolSource | undefined>,
  settings: Servers,
  { signal, rest }: { readonly signal: AbortSignal; readonly rest: Rest },
): Promise<ToolsGiven> {
  const list = (source: ToolSource) => listed(source, rest, signal);
  const wanted = Object.entries(Object.groupBy([...new Set(grants)], serverOf));
  const found = await Promise.all(wanted.map(([server, of = []]) => ofServer(server, of, sourceOf, settings, list)));
  signal.throwIfAborted();
  const all = found.flatMap(({ tools }) => tools);
  const names = toolNames(all.map(({ server, tool }) => ({ server, tool: tool.tool })));
  return {
    tools: all.map(({ server, tool: { output: _, ...tool } }, i) => ({ name: names[i] ?? "", server, ...tool })),
    lacking: found.flatMap(({ lacking }) => lacking),
  };
}

const serverOf = (grant: string): string => grant.slice(0, Math.max(0, grant.indexOf("/")));
const toolOf = (grant: string): string => grant.slice(grant.indexOf("/") + 1);

async function ofServer(
  server: string,
  grants: readonly string[],
  sourceOf: (server: string) => Promise<ToolSource | undefined>,
  settings: Servers,
  list: (source: ToolSource) => Promise<Listed>,
): Promise<Found> {
  const lackAll = (why: string): Found => ({ tools: [], lacking: grants.map((grant) => ({ grant, why })) });
  const source = await sourceOf(server);
  if (!source) return lackAll(unknownServer(server, Object.keys(settings)));
  try {
    return choose(server, grants, await list(source), settings[server]?.allow);
  } catch (error) {
    const { message, options } = Failure.from(error);
    return lackAll(options.hint ? `${message}. ${options.hint}` : message);
  }
}

/** One that is left alone is asked once its rest is over; whoever needs it now is not to blame for it. */
async function listed(source: ToolSource, rest: Rest, signal: AbortSignal): Promise<Listed> {
  try {
    return await source.list(signal);
  } catch (error) {
    const { code, retryAfterMs } = Failure.from(error);
    if (code !== "CIRCUIT_OPEN" || retryAfterMs === undefined || retryAfterMs > LONGEST_REST_MS) throw error;
    await rest(retryAfterMs, signal);
    return source.list(signal);
  }
}

function choose(server: string, grants: readonly string[], { tools, left }: Listed, allow?: readonly string[]): Found {
  const isAllowed = (tool: string): boolean => !allow || allow.includes(tool);
  const hasAll = grants.some((grant) => toolOf(grant) === "*");
  const chosen = tools.filter(({ tool }) => isAllowed(tool) && (hasAll || grants.includes(`${server}/${tool}`)));
  const lost = left
    .filter(({ tool }) => hasAll || grants.includes(`${server}/${tool}`))
    .filter(({ tool }) => tool === REST || isAllowed(tool))
    .map(({ tool, why }) => ({ grant: `${server}/${tool}`, why }));
  const names = tools.map(({ tool }) => tool);
  const missing = grants.flatMap((grant): Lacking[] => {
    const tool = toolOf(grant);
    const isThere =
      tool === "*" || chosen.some((each) => each.tool === tool) || left.some((each) => each.tool === tool);
    return isThere ? [] : [{ grant, why: whyNot(server, tool, names, isAllowed(tool)) }];
  });
  if (hasAll && chosen.length === 0 && lost.length === 0)
    missing.push({
      grant: `${server}/*`,
      why: allow ? `nothing that it lists stands in \`mcp_servers.${server}.allow\`` : "its server lists no tools",
    });
  return { tools: chosen.map((tool) => ({ server, tool })), lacking: [...missing, ...lost] };
}

function whyNot(server: string, tool: string, names: readonly string[], isAllowed: boolean): string {
  if (!isAllowed) return `the settings do not allow it; add ${JSON.stringify(tool)} to \`mcp_servers.${server}.allow\``;
  const [near] = nearest(tool, names);
  const there = near ? `did you mean "${server}/${near}"?` : `it has ${names.slice(0, 20).join(", ") || "none"}`;
  return `the server "${server}" has no such tool; ${there}`;
}

function unknownServer(server: string, names: readonly string[]): string {
  const [near] = nearest(server, [...names, BUILT_IN_SERVER]);
  const meant = near ? `did you mean "${near}"? If not, ` : "";
  return `no server "${server}" stands in the settings; ${meant}add it: mcp_servers: { ${server}: { command: npx, args: [-y, its-package] } }`;
}
