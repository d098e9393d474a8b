import type { Context, Hono } from "hono";
import { compare } from "../core/compare.ts";
import { Failure } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { Run, RunStore, Wait } from "../core/store.ts";
import { comparePage } from "./compare-page.ts";
import type { Controlling } from "./controlling.ts";
import { asksPeople, decideForm } from "./decide-form.ts";
import type { Deciding } from "./deciding.ts";
import { type Html, notice, PAGE_HEADERS } from "./layout.ts";
import { type Env, runOf } from "./reader.ts";
import { runPage } from "./run-page.ts";
import { runsPage } from "./runs-page.ts";

const LISTED = 50;
/** What waits is shown whole, so that a page holds only so much of it. */
const DECIDED_AT_ONCE = 20;

export interface PagesOptions {
  readonly store: RunStore;
  readonly log: Log;
  /** Takes decisions; without it the pages only tell. */
  readonly deciding?: Deciding | undefined;
  /** Pauses, resumes and cancels; without it there are no buttons. */
  readonly controlling?: Controlling | undefined;
}

/** Adds the page: a reader's runs, one run's steps and cost, and what is to be decided. */
export function addPages(app: Hono<Env>, { store, log, deciding, controlling }: PagesOptions): void {
  const forms = (c: Context<Env>, run: Run, waits: readonly Wait[]): Html[] =>
    waits.filter(asksPeople).map((wait) => decideForm(run, wait, deciding?.formTerms(c, run, wait)));

  async function waiting(c: Context<Env>, whose: { caller?: string }): Promise<Html[]> {
    const { runs } = await store.list({ ...whose, status: ["waiting"], limit: DECIDED_AT_ONCE });
    const each = await Promise.all(runs.map(async (run) => forms(c, run, (await store.progress(run.id)).waiting)));
    return each.flat().slice(0, DECIDED_AT_ONCE);
  }

  app.get("/", async (c) => {
    const whose = c.get("approver") === undefined ? { caller: c.get("caller") } : {};
    const cursor = c.req.query("cursor");
    const page = await store.list({ ...whose, limit: LISTED, ...(cursor !== undefined && { cursor }) });
    const toDecide = cursor === undefined ? await waiting(c, whose) : [];
    return send(c, runsPage(page, await store.stats(whose), toDecide, controlling?.ofAll(c)));
  });
  app.get("/runs/:id", async (c) => {
    const run = await runOf(c, store, c.req.param("id"));
    const { waiting: waits } = await store.progress(run.id);
    return send(c, runPage(run, await store.memory(run.id), forms(c, run, waits), controlling?.ofRun(c, run)));
  });
  app.get("/runs/:id/compare", async (c) => {
    const run = await runOf(c, store, c.req.param("id"));
    const source = run.source === undefined ? undefined : await store.get(run.source);
    if (!source) return send(c, notice("There is no such fork."), 404);
    const [before, after] = await Promise.all([store.memory(source.id), store.memory(run.id)]);
    return send(c, comparePage(compare({ run: source, memory: before }, { run, memory: after })));
  });
  deciding?.serve(app);
  controlling?.serve(app);
  app.onError((error, c) => {
    const { code, message } = Failure.from(error);
    if (code === "NOT_FOUND") return send(c, notice(message), 404);
    log.error({ err: error, path: c.req.path }, "a request broke");
    return send(c, notice(`${code}: ${message}`), 500);
  });
}

async function send(c: Context, page: Html, status: 200 | 404 | 500 = 200): Promise<Response> {
  return c.html(await page, status, PAGE_HEADERS);
}
