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
import type { Log } from "../core/log.ts";
import { nearest } from "../core/nearest.ts";
import { INSTRUCTIONS } from "./instructions.ts";
import type { Notices } from "./notices.ts";
import { completeArgument, getPrompt, listPrompts } from "./prompts.ts";
import { completeUri, listResources, RESOURCE_TEMPLATES, readResource } from "./resources.ts";
import type { CallContext, Reply, Rooms, Tool } from "./tool.ts";
import { UserAsker } from "./user-asker.ts";
import type { Drawer } from "./workflows.ts";

export interface FaceOptions extends Drawer {
  readonly tools: readonly Tool[];
  /** The rooms for a read, which may take up unfinished runs; and for a list, which may not. */
  readonly open: () => Promise<Rooms>;
  readonly peek: () => Promise<Rooms>;
  /** The JSON Schema of the format that workflows are written in. */
  readonly format: () => Promise<unknown>;
  readonly notices: Notices;
  readonly log: Log;
  readonly version: string;
}

/** Makes the server that a client of either protocol era talks to. Making one starts nothing. */
export function face(options: FaceOptions): McpServerFactory {
  const { tools, open, peek, notices, version, format, patterns, limits } = options;
  const drawer = { patterns, limits };
  // A prompt asks for a run of a workflow: without that tool there can be none.
  const hasPrompts = tools.some(({ name }) => name === "run_workflow");
  const cards = tools.map(cardOf);
  const byName = new Map(tools.map((tool) => [tool.name, tool]));
  const asker = new UserAsker(open, options.log);
  const decides = byName.has("decide");
  const mayAsk = (tool: Tool, args: unknown) => decides && (!tool.hints.readOnlyHint || waits(args));
  return (connection) => {
    const server = new Server(
      { name: "baton", title: "Baton", version },
      {
        capabilities: {
          tools: {},
          resources: { subscribe: true },
          ...(hasPrompts && { prompts: {} }),
          completions: {},
        },
        instructions: INSTRUCTIONS,
        requestState: { verify: asker.codec.verify },
        cacheHints: { "tools/list": { ttlMs: 300_000, cacheScope: "private" } },
      },
    );
    notices.serve(server, connection);
    server.setRequestHandler("tools/list", () => ({ tools: cards }));
    server.setRequestHandler("tools/call", async ({ params }, context) => {
      const tool = byName.get(params.name) ?? unknownTool(params.name, byName.keys());
      const call = callContext(context);
      const play = () => tool.call(params.arguments, call);
      const asking = { server, connection, context, call };
      const answer = await (mayAsk(tool, params.arguments) ? asker.answer(asking, play) : play());
      if ("resultType" in answer) return answer;
      return server.projectCallToolResult(resultOf(answer), tool.outputSchema);
    });
    server.setRequestHandler("resources/list", async (_, context) => listResources(await peek(), callerOf(context)));
    server.setRequestHandler("resources/templates/list", () => ({ resourceTemplates: RESOURCE_TEMPLATES }));
    server.setRequestHandler("resources/read", async ({ params }, context) =>
      readResource({ rooms: await open(), format, ...drawer }, params.uri, callerOf(context)),
    );
    server.setRequestHandler("completion/complete", async ({ params: { ref, argument } }, context) => {
      const rooms = await peek();
      const values =
        ref.type === "ref/resource"
          ? await completeUri(rooms, ref.uri, argument.value, callerOf(context))
          : completeArgument(rooms.library, ref.name, argument.name, argument.value);
      return { completion: { values, hasMore: false } };
    });
    if (hasPrompts) servePrompts(server, async () => (await peek()).library, drawer);
    return server;
  };
}

function servePrompts(server: Server, library: () => Promise<Rooms["library"]>, drawer: Drawer): void {
  server.setRequestHandler("prompts/list", async () => listPrompts(await library()));
  server.setRequestHandler("prompts/get", async ({ params }) =>
    getPrompt(await library(), params.name, params.arguments ?? {}, drawer),
  );
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

/** Whoever only looks is not asked; whoever waits is. */
const waits = (args: unknown): boolean =>
  Number((args as { wait_seconds?: unknown } | undefined)?.wait_seconds ?? 0) > 0;

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
