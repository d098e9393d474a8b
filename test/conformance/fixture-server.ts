import { McpServer, type ServerNotifier } from "@modelcontextprotocol/server";
import { z } from "zod";
import { systemClock } from "../../src/clock.ts";
import { SILENT } from "../../src/core/log.ts";
import { httpApp } from "../../src/http/app.ts";
import { eras } from "../../src/http/eras.ts";
import { type Listening, listen } from "../../src/http/listen.ts";
import { openStore } from "../../src/store/sqlite/open.ts";
import { addContents } from "./contents.ts";
import { addPushes } from "./pushes.ts";
import { addRounds, codec } from "./rounds.ts";

const CAPABILITIES = {
  tools: { listChanged: true },
  resources: { subscribe: true, listChanged: true },
  prompts: { listChanged: true },
  logging: {},
  completions: {},
};

function fixtures(notify: () => ServerNotifier): McpServer {
  const server = new McpServer(
    { name: "fixtures", version: "1.0.0" },
    { capabilities: CAPABILITIES, requestState: { verify: codec.verify } },
  );
  addContents(server);
  addPushes(server);
  addRounds(server);
  const trigger = (name: string, tell: (notifier: ServerNotifier) => void) =>
    server.registerTool(name, { description: name, inputSchema: z.object({}) }, async () => {
      tell(notify());
      return { content: [{ type: "text", text: "told" }] };
    });
  trigger("test_trigger_tool_change", (notifier) => notifier.toolsChanged());
  trigger("test_trigger_prompt_change", (notifier) => notifier.promptsChanged());
  return server;
}

/** The fixtures of the conformance suite behind the very HTTP wiring that Baton has. */
export async function serveFixtures(home: string): Promise<Listening> {
  const mcp = eras(() => fixtures(() => mcp.notify), { maxRequestBodySize: 4 * 1024 * 1024, log: SILENT });
  const store = await openStore({ home, clock: systemClock });
  const app = httpApp({ mcp, store, log: SILENT, version: "0.0.0", isLoopback: true });
  const listening = await listen({ fetch: app.fetch, host: "127.0.0.1", port: 0 });
  return {
    ...listening,
    async close() {
      await mcp.close();
      await listening.close();
      await store.close();
    },
  };
}
