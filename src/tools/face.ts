import {
  type CallToolResult,
  type McpServerFactory,
  ProtocolError,
  ProtocolErrorCode,
  Server,
  type ServerContext,
  type Tool as ToolCard,
} from "@modelcontextprotocol/server";
import { LOCAL_CALLER } from "../core/caller.ts";
import { nearest } from "../core/nearest.ts";
import { INSTRUCTIONS } from "./instructions.ts";
import type { Notices } from "./notices.ts";
import { completeRunId, listResources, RESOURCE_TEMPLATES, readResource } from "./resources.ts";
import type { CallContext, Reply, Rooms, Tool } from "./tool.ts";

export interface FaceOptions {
  readonly tools: readonly Tool[];
  /** The rooms for a read, which may take up unfinished runs; and for a list, which may not. */
  readonly open: () => Promise<Rooms>;
  readonly peek: () => Promise<Rooms>;
  readonly notices: Notices;
  readonly version: string;
}

/** Makes the server that a client of either protocol era talks to. Making one starts nothing. */
export function face({ tools, open, peek, notices, version }: FaceOptions): McpServerFactory {
  const cards = tools.map(cardOf);
  const byName = new Map(tools.map((tool) => [tool.name, tool]));
  return (connection) => {
    const server = new Server(
      { name: "baton", title: "Baton", version },
      {
        capabilities: { tools: {}, resources: { subscribe: true }, prompts: {}, completions: {} },
        instructions: INSTRUCTIONS,
        cacheHints: { "tools/list": { ttlMs: 300_000, cacheScope: "private" } },
      },
    );
    notices.serve(server, connection);
    server.setRequestHandler("tools/list", () => ({ tools: cards }));
    server.setRequestHandler("tools/call", async ({ params }, context) => {
      const tool = byName.get(params.name) ?? unknownTool(params.name, byName.keys());
      const reply = await tool.call(params.arguments, callContext(context));
      return server.projectCallToolResult(resultOf(reply), tool.outputSchema);
    });
    server.setRequestHandler("resources/list", async (_, context) => listResources(await peek(), callerOf(context)));
    server.setRequestHandler("resources/templates/list", () => ({ resourceTemplates: RESOURCE_TEMPLATES }));
    server.setRequestHandler("resources/read", async ({ params }, context) =>
      readResource(await open(), params.uri, callerOf(context)),
    );
    server.setRequestHandler("prompts/list", () => ({ prompts: [] }));
    server.setRequestHandler("prompts/get", ({ params }) => {
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, `there is no prompt ${JSON.stringify(params.name)}`);
    });
    server.setRequestHandler("completion/complete", async ({ params: { ref, argument } }, context) =>
      ref.type === "ref/resource" && argument.name === "id"
        ? completeRunId(await peek(), argument.value, callerOf(context))
        : { completion: { values: [] } },
    );
    return server;
  };
}

const cardOf = ({ name, title, description, inputSchema, outputSchema, hints }: Tool): ToolCard => ({
  name,
  title,
  description,
  inputSchema: { ...inputSchema, type: "object" },
  outputSchema: { ...outputSchema, type: "object" },
  annotations: { title, ...hints },
});

function unknownTool(name: string, known: Iterable<string>): never {
  const names = [...known];
  const [near] = nearest(name, names);
  const hint = near === undefined ? `the tools are ${names.join(", ")}` : `did you mean ${near}?`;
  throw new ProtocolError(
    ProtocolErrorCode.InvalidParams,
    `there is no tool ${JSON.stringify(name.slice(0, 100))}: ${hint}`,
  );
}

const callerOf = ({ http }: ServerContext): string => http?.authInfo?.clientId ?? LOCAL_CALLER;

function callContext(context: ServerContext): CallContext {
  const { signal, _meta, notify } = context.mcpReq;
  const progressToken = _meta?.progressToken;
  const base = { caller: callerOf(context), signal };
  if (progressToken === undefined) return base;
  let progress = 0;
  const tell = (message: string) =>
    void notify({ method: "notifications/progress", params: { progressToken, progress: ++progress, message } }).catch(
      () => undefined,
    );
  return { ...base, progress: tell };
}

const resultOf = ({ data, text, isError, links = [] }: Reply): CallToolResult => ({
  content: [
    { type: "text", text },
    ...links.map(({ uri, name }) => ({ type: "resource_link" as const, uri, name, mimeType: "application/json" })),
  ],
  structuredContent: data,
  ...(isError && { isError }),
});
