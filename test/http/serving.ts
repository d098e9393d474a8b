import { SILENT } from "../../src/core/log.ts";
import { type AppOptions, httpApp } from "../../src/http/app.ts";
import { eras } from "../../src/http/eras.ts";
import { type Listening, listen } from "../../src/http/listen.ts";
import { doorkeeper } from "../../src/http/tokens.ts";
import type { Rooms } from "../tools/rooms.ts";

/** Serves Baton over HTTP on a free port of this machine; without tokens everybody is let in. */
export async function serving(
  { baton }: Pick<Rooms, "baton">,
  tokens?: ReadonlyMap<string, string>,
  more: Partial<AppOptions> = {},
  approvers: ReadonlyMap<string, string> = new Map(),
): Promise<Listening> {
  const mcp = eras(baton.mcp, { maxRequestBodySize: 4 * 1024 * 1024, log: SILENT });
  const { store, engine, people } = await baton.open();
  const deafen = baton.notices.listen((uri) => mcp.notify.resourceUpdated(uri));
  const door = tokens && { doorkeeper: doorkeeper(tokens) };
  const decisions = { policy: people.policy, approvers, nudge: (run: string) => engine.nudge(run) };
  const app = httpApp({ mcp, store, log: SILENT, version: "0.0.0", isLoopback: true, decisions, ...door, ...more });
  const listening = await listen({ fetch: app.fetch, host: "127.0.0.1", port: 0 });
  return {
    ...listening,
    async close() {
      deafen();
      await mcp.close();
      await listening.close();
    },
  };
}
