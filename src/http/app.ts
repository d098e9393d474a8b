import { Hono } from "hono";
import { LOCAL_CALLER } from "../core/caller.ts";
import type { Log } from "../core/log.ts";
import type { RunStore } from "../core/store.ts";
import { Controlling } from "./controlling.ts";
import { Deciding, type DecidingOptions } from "./deciding.ts";
import type { Eras } from "./eras.ts";
import { addEvents } from "./events.ts";
import { addPages } from "./pages.ts";
import type { Env } from "./reader.ts";
import { strangerAnswer } from "./strangers.ts";
import { authInfoOf, type Doorkeeper } from "./tokens.ts";

export interface AppOptions {
  readonly mcp: Pick<Eras, "fetch">;
  readonly store: RunStore;
  readonly log: Log;
  readonly version: string;
  /** Requests must name this machine as the one they mean, since no token protects it. */
  readonly isLoopback: boolean;
  /** Present where callers must show a token. */
  readonly doorkeeper?: Doorkeeper;
  /** Present where decisions are taken. */
  readonly decisions?: DecidingOptions;
  /** Takes no events. */
  readonly readOnly?: boolean;
  /** The most bytes that an event may have. */
  readonly eventBytes?: number;
}

const EVENT_BYTES = 1_048_576;

/** What a caller alone may use: an approver's token opens the page, and no door for programs. */
const FOR_CALLERS = ["/mcp", "/events"];

/** Everything that is served over HTTP: MCP, health, and the page. */
export function httpApp(options: AppOptions): Hono<Env> {
  const { mcp, store, log, version, isLoopback, doorkeeper, decisions } = options;
  const { readOnly = false, eventBytes: most = EVENT_BYTES } = options;
  const deciding = decisions && !readOnly ? new Deciding(store, log, decisions) : undefined;
  const controlling = decisions && !readOnly ? new Controlling(store, log, decisions) : undefined;
  const app = new Hono<Env>();
  if (isLoopback) app.use(async ({ req }, next) => strangerAnswer(req.raw) ?? next());
  app.get("/health", (c) => c.json({ status: "ok", name: "baton", version }));
  app.use(async (c, next) => {
    const authorization = c.req.header("authorization");
    const approver = FOR_CALLERS.includes(c.req.path) ? undefined : deciding?.approverOf(authorization);
    const caller = doorkeeper ? doorkeeper(authorization) : LOCAL_CALLER;
    if (caller === undefined && approver === undefined) return unauthorized(c.req.path);
    c.set("caller", caller ?? "");
    c.set("approver", approver);
    return next();
  });
  app.all("/mcp", (c) => mcp.fetch(c.req.raw, doorkeeper && authInfoOf(c.get("caller"))));
  addEvents(app, { store, log, most, readOnly });
  addPages(app, { store, log, deciding, controlling });
  app.notFound((c) =>
    c.json({ error: "there is nothing here: MCP is at /mcp, the page at /, and events go to /events" }, 404),
  );
  return app;
}

function unauthorized(path: string): Response {
  const scheme = path === "/mcp" || path === "/events" ? "Bearer" : "Basic";
  return Response.json(
    { error: "unauthorized", message: "a token is needed: Authorization: Bearer <token>" },
    { status: 401, headers: { "www-authenticate": `${scheme} realm="baton"` } },
  );
}
