import type { Client } from "@modelcontextprotocol/client";
import { z } from "zod";
import { Failure } from "../core/errors.ts";
import type { ServerSettings, ToolSettings } from "../core/toolbox.ts";
import { offeredSchema } from "./schemas.ts";
import type { Listed, ListedTool } from "./source.ts";

const MOST_TOOLS = 500;
const MOST_PAGES = 100;
const MOST_BYTES = 4 * 1024 * 1024;
const DESCRIPTION_BYTES = 2048;
const SECONDS = 60;

const Page = z.looseObject({ tools: z.array(z.unknown()), nextCursor: z.string().optional().catch(undefined) });

const Hint = z.boolean().optional().catch(undefined);
const Tool = z.looseObject({
  name: z.string().min(1).max(200),
  title: z.string().optional().catch(undefined),
  description: z.string().optional().catch(undefined),
  inputSchema: z.unknown(),
  outputSchema: z.record(z.string(), z.unknown()).optional().catch(undefined),
  annotations: z
    .looseObject({ readOnlyHint: Hint, destructiveHint: Hint, idempotentHint: Hint })
    .optional()
    .catch(undefined),
});
type Tool = z.output<typeof Tool>;

/** Stands for tools that have no name, or whose names were not read. */
export const REST = "(others)";

type Left = { tool: string; why: string };

/** All that a server lists, page after page, as far as is reasonable; each tool is judged by itself. */
export async function listTools(
  client: Client,
  settings: ServerSettings,
  asking: { readonly signal: AbortSignal; readonly timeout: number },
): Promise<Listed> {
  if (!client.getServerCapabilities()?.tools) return { tools: [], left: [] };
  const { raw, rest } = await pages(client, asking);
  const tools = new Map<string, ListedTool>();
  const left: Left[] = rest === undefined ? [] : [{ tool: REST, why: rest }];
  for (const each of raw) {
    const { success, data } = Tool.safeParse(each);
    if (!success) left.push({ tool: REST, why: "one of the tools that its server lists has no name" });
    else if (tools.has(data.name))
      left.push({ tool: `${data.name} (another)`, why: "its server lists it twice; the first is taken" });
    else judge(data, settings, tools, left);
  }
  return { tools: [...tools.values()], left };
}

async function pages(client: Client, asking: { readonly signal: AbortSignal; readonly timeout: number }) {
  const raw: unknown[] = [];
  let bytes = 0;
  let cursor: string | undefined;
  for (let page = 0; page < MOST_PAGES; page++) {
    const params = cursor === undefined ? {} : { cursor };
    const { tools, nextCursor } = await client.request({ method: "tools/list", params }, Page, asking);
    for (const tool of tools) {
      bytes += sizeOf(tool);
      if (raw.length >= MOST_TOOLS)
        return { raw, rest: `its server lists more than ${MOST_TOOLS} tools; these are left out` };
      if (bytes > MOST_BYTES)
        return { raw, rest: `its server lists more than ${MOST_BYTES} bytes of tools; the rest is left out` };
      raw.push(tool);
    }
    if (nextCursor === undefined || nextCursor === cursor) return { raw };
    cursor = nextCursor;
  }
  return { raw, rest: `its server lists more than ${MOST_PAGES} pages of tools; the rest is left out` };
}

function sizeOf(value: unknown): number {
  try {
    return JSON.stringify(value)?.length ?? 0;
  } catch {
    return MOST_BYTES + 1;
  }
}

function judge(tool: Tool, settings: ServerSettings, tools: Map<string, ListedTool>, left: Left[]): void {
  try {
    tools.set(tool.name, listed(tool, settings));
  } catch (error) {
    left.push({ tool: tool.name, why: `its input schema cannot be used: ${Failure.from(error).message}` });
  }
}

function listed(tool: Tool, settings: ServerSettings): ListedTool {
  const own = settings.tools?.[tool.name] ?? {};
  const effect = effectOf(tool, own);
  return {
    tool: tool.name,
    description: described(tool),
    input: offeredSchema(tool.inputSchema),
    effect,
    approve: own.approve ?? (effect !== false && tool.annotations?.destructiveHint === true),
    seconds: secondsOf(tool.name, settings) + startSecondsOf(settings),
    ...(tool.outputSchema && { output: tool.outputSchema }),
  };
}

const START_SECONDS = 30;

/** How long a server may take until it has said who it is. */
export const startSecondsOf = ({ start_seconds = START_SECONDS }: ServerSettings): number => start_seconds;

/** How long a tool may take to answer. */
export const secondsOf = (tool: string, settings: ServerSettings): number =>
  settings.tools?.[tool]?.seconds ?? settings.seconds ?? SECONDS;

/** The settings win over what the server says; one that says nothing is taken to change the world. */
function effectOf({ annotations = {} }: Tool, { effect }: ToolSettings): ListedTool["effect"] {
  if (effect !== undefined) return effect === "idempotent" ? { idempotent: true } : effect;
  if (annotations["readOnlyHint"] === true) return false;
  return annotations["idempotentHint"] === true ? { idempotent: true } : true;
}

function described({ description, title }: Tool): string {
  const text = (description ?? title ?? "").trim();
  const bytes = Buffer.from(text);
  if (bytes.byteLength <= DESCRIPTION_BYTES) return text;
  return `${new TextDecoder().decode(bytes.subarray(0, DESCRIPTION_BYTES), { stream: true })}… [cut]`;
}
