import type { Context, Hono } from "hono";
import { compare } from "../core/compare.ts";
import { Failure } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { RunStore } from "../core/store.ts";
import { comparePage } from "./compare-page.ts";
import { type Html, notice, PAGE_HEADERS } from "./layout.ts";
import { runPage } from "./run-page.ts";
import { runsPage } from "./runs-page.ts";

/** What is known of a request once it has passed the door: who makes it. */
export type Env = { Variables: { caller: string } };

const LISTED = 50;

/** Adds the read-only page: a caller's runs, and one run's steps and cost. */
export function addPages(app: Hono<Env>, store: RunStore, log: Log): void {
  app.get("/", async (c) => {
    const caller = c.get("caller");
    const cursor = c.req.query("cursor");
    const page = await store.list({ caller, limit: LISTED, ...(cursor !== undefined && { cursor }) });
    return send(c, runsPage(page, await store.stats({ caller })));
  });
  app.get("/runs/:id", async (c) => {
    const run = await store.get(c.req.param("id"));
    if (run?.caller !== c.get("caller")) return send(c, notice("There is no such run."), 404);
    return send(c, runPage(run, await store.memory(run.id)));
  });
  app.get("/runs/:id/compare", async (c) => {
    const run = await store.get(c.req.param("id"));
    const source = run?.caller === c.get("caller") && run.source !== undefined && (await store.get(run.source));
    if (!run || !source) return send(c, notice("There is no such fork."), 404);
    const [before, after] = await Promise.all([store.memory(source.id), store.memory(run.id)]);
    return send(c, comparePage(compare({ run: source, memory: before }, { run, memory: after })));
  });
  app.onError((error, c) => {
    const { code, message } = Failure.from(error);
    log.error({ err: error, path: c.req.path }, "a request broke");
    return send(c, notice(`${code}: ${message}`), 500);
  });
}

async function send(c: Context, page: Html, status: 200 | 404 | 500 = 200): Promise<Response> {
  return c.html(await page, status, PAGE_HEADERS);
}
