import { randomBytes } from "node:crypto";
import { Hono } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import { LOCAL_CALLER } from "../core/caller.ts";
import type { Log } from "../core/log.ts";
import type { Run, RunStore } from "../core/store.ts";
import { Controlling } from "./controlling.ts";
import { Deciding, type DecidingOptions } from "./deciding.ts";
import { notice, PAGE_HEADERS } from "./layout.ts";
import { type Listening, listen } from "./listen.ts";
import { OneTimeLinks } from "./one-time.ts";
import { addPages } from "./pages.ts";
import type { Env } from "./reader.ts";
import { strangerAnswer } from "./strangers.ts";

export interface LobbyOptions extends DecidingOptions {
  readonly store: RunStore;
  readonly log: Log;
}

/** How often it is looked whether anybody is still waited for. */
const LOOK_MS = 5000;
/** So long it stays open after the last request, that who has decided sees what came of it. */
const LINGER_MS = 60_000;
const VISIT_SECONDS = 3600;

/**
 * The page of a server that has no address of its own: it listens on this machine from the first link on, lets in only
 * who follows one, and closes when nobody is waited for any more.
 */
export class Lobby {
  readonly #options: LobbyOptions;
  readonly #lingerMs: number;
  #room: Promise<Room> | undefined;
  #usedAt = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LobbyOptions, lingerMs = LINGER_MS) {
    this.#options = options;
    this.#lingerMs = lingerMs;
  }

  /** A link to the page of a run, which works once. */
  async link(run: Run): Promise<string> {
    this.#usedAt = performance.now();
    this.#room ??= this.#open();
    const { listening, links } = await this.#room.catch((error: unknown) => {
      this.#room = undefined;
      throw error;
    });
    return `${listening.url}/d/${links.issue(run.id)}`;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    const room = this.#room;
    this.#room = undefined;
    await (await room?.catch(() => undefined))?.listening.close();
  }

  async #open(): Promise<Room> {
    const links = new OneTimeLinks(() => performance.now());
    const { fetch } = lobbyApp(this.#options, links, () => {
      this.#usedAt = performance.now();
    });
    const listening = await listen({ fetch, host: "127.0.0.1", port: 0 });
    this.#timer = setInterval(
      () => void this.#look().catch(() => undefined),
      Math.min(LOOK_MS, this.#lingerMs),
    ).unref();
    this.#options.log.info({ url: listening.url }, "the page is open until nothing waits for anybody");
    return { listening, links };
  }

  async #look(): Promise<void> {
    const { runs } = await this.#options.store.list({ status: ["waiting"], caller: LOCAL_CALLER, limit: 1 });
    if (runs.length === 0 && performance.now() - this.#usedAt >= this.#lingerMs) await this.close();
  }
}

interface Room {
  readonly listening: Listening;
  readonly links: OneTimeLinks;
}

function lobbyApp(options: LobbyOptions, links: OneTimeLinks, onUse: () => void): Hono<Env> {
  const { store, log } = options;
  const cookie = `baton_${randomBytes(6).toString("hex")}`;
  const app = new Hono<Env>();
  app.use(async ({ req }, next) => strangerAnswer(req.raw) ?? next());
  app.on("GET", "/d/:token", async (c) => {
    const followed = c.req.method === "GET" ? links.follow(c.req.param("token")) : undefined;
    if (!followed) return c.html(await notice(GONE), 410, PAGE_HEADERS);
    setCookie(c, cookie, followed.visit, { httpOnly: true, sameSite: "Lax", path: "/", maxAge: VISIT_SECONDS });
    return c.redirect(`/runs/${encodeURIComponent(followed.run)}`, 303);
  });
  app.use(async (c, next) => {
    if (!links.isVisiting(getCookie(c, cookie) ?? "")) return c.html(await notice(SHUT), 403, PAGE_HEADERS);
    onUse();
    c.set("caller", LOCAL_CALLER);
    return next();
  });
  const controlling = new Controlling(store, log, options);
  addPages(app, { store, log, deciding: new Deciding(store, log, options), controlling });
  return app;
}

const GONE = "This link has been used, or is too old. get_run gives a new one, or decide with `baton approve`.";
const SHUT = "This page opens with the link that Baton gives for a run that waits. get_run gives a new one.";
