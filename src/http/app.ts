import {
  hostHeaderValidationResponse,
  localhostAllowedHostnames,
  localhostAllowedOrigins,
  originValidationResponse,
} from "@modelcontextprotocol/server";
import { Hono } from "hono";
import { LOCAL_CALLER } from "../core/caller.ts";
import type { Log } from "../core/log.ts";
import type { RunStore } from "../core/store.ts";
import type { Eras } from "./eras.ts";
import { addEvents } from "./events.ts";
import { addPages, type Env } from "./pages.ts";
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
  /** Takes no events. */
  readonly readOnly?: boolean;
  /** The most bytes that an event may have. */
  readonly eventBytes?: number;
}

const EVENT_BYTES = 1_048_576;

/** Everything that is served over HTTP: MCP, health, and the page. */
export function httpApp({ mcp, store, log, version, isLoopback, doorkeeper, ...events }: AppOptions): Hono<Env> {
  const { readOnly = false, eventBytes: most = EVENT_BYTES } = events;
  const app = new Hono<Env>();
  if (isLoopback) app.use(async ({ req }, next) => strangerAnswer(req.raw) ?? next());
  app.get("/health", (c) => c.json({ status: "ok", name: "baton", version }));
  app.use(async (c, next) => {
    const caller = doorkeeper ? doorkeeper(c.req.header("authorization")) : LOCAL_CALLER;
    if (caller === undefined) return unauthorized(c.req.path);
    c.set("caller", caller);
    return next();
  });
  app.all("/mcp", (c) => mcp.fetch(c.req.raw, doorkeeper && authInfoOf(c.get("caller"))));
  addEvents(app, { store, log, most, readOnly });
  addPages(app, store, log);
  app.notFound((c) =>
    c.json({ error: "there is nothing here: MCP is at /mcp, the page at /, and events go to /events" }, 404),
  );
  return app;
}

/** A web page on another host must not reach this server through the user's browser. */
const strangerAnswer = (request: Request): Response | undefined =>
  hostHeaderValidationResponse(request, localhostAllowedHostnames()) ??
  originValidationResponse(request, localhostAllowedOrigins());

function unauthorized(path: string): Response {
  const scheme = path === "/mcp" || path === "/events" ? "Bearer" : "Basic";
  return Response.json(
    { error: "unauthorized", message: "a token is needed: Authorization: Bearer <token>" },
    { status: 401, headers: { "www-authenticate": `${scheme} realm="baton"` } },
  );
}
