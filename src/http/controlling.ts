import type { Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { html } from "hono/html";
import { Failure } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { hasEnded } from "../core/status.ts";
import type { Run, RunStore } from "../core/store.ts";
import { everyRun } from "./every-run.ts";
import { FormGuard, isSameOrigin } from "./form-guard.ts";
import { type Html, notice, PAGE_HEADERS } from "./layout.ts";
import { type Env, readerOf, runOf } from "./reader.ts";

export interface ControllingOptions {
  /** Told of each run that was changed. */
  readonly nudge: (run: string) => void;
}

const MOST_BYTES = 16_384;
const ACTIONS = ["pause", "resume", "cancel"] as const;
type Action = (typeof ACTIONS)[number];

/**
 * The buttons of our own page: whoever reads it may pause, resume and cancel what they see there, as its caller may with
 * `control_run`; to an approver that is everybody's.
 */
export class Controlling {
  readonly #store: RunStore;
  readonly #log: Log;
  readonly #nudge: (run: string) => void;
  readonly #guard = new FormGuard();

  constructor(store: RunStore, log: Log, { nudge }: ControllingOptions) {
    this.#store = store;
    this.#log = log;
    this.#nudge = nudge;
  }

  /** The buttons of one run; none where nothing can be done to it any more. */
  ofRun(c: Context<Env>, { id, status, paused, cancelling }: Run): Html {
    if (hasEnded(status) || cancelling) return html``;
    return html`<form method="post" action="/runs/${encodeURIComponent(id)}/control">
<input type="hidden" name="csrf" value="${this.#guard.tokenOf(readerOf(c), ["run", id])}">
<p>${paused ? button("resume", "Resume") : button("pause", "Pause")}</p>
<details><summary>Cancel</summary><p>${button("cancel", "Cancel this run for good")}</p></details>
</form>`;
  }

  /** The buttons over all runs that a reader sees. */
  ofAll(c: Context<Env>): Html {
    return html`<form method="post" action="/control">
<input type="hidden" name="csrf" value="${this.#guard.tokenOf(readerOf(c), ["all"])}">
<p>${button("pause", "Pause all")} ${button("resume", "Resume all")}</p>
</form>`;
  }

  /** Adds `POST /runs/{id}/control` and `POST /control`. */
  serve(app: Hono<Env>): void {
    const limit = bodyLimit({ maxSize: MOST_BYTES });
    app.post("/runs/:id/control", limit, (c) =>
      this.#taken(c, `/runs/${encodeURIComponent(c.req.param("id"))}`, async () => {
        const { id } = await runOf(c, this.#store, c.req.param("id"));
        const action = await this.#asked(c, ["run", id], ACTIONS);
        this.#told(action, [await this.#store[action](id, byOf(c))], c);
      }),
    );
    app.post("/control", limit, (c) =>
      this.#taken(c, "/", async () => {
        const action = await this.#asked(c, ["all"], ["pause", "resume"] as const);
        const whose = c.get("approver") === undefined ? { caller: c.get("caller") } : {};
        this.#told(action, await everyRun(this.#store, action, whose, byOf(c)), c);
      }),
    );
  }

  /** What a form of ours asks for. */
  async #asked<A extends Action>(c: Context<Env>, form: readonly string[], may: readonly A[]): Promise<A> {
    const sent: Record<string, unknown> = await c.req.parseBody();
    const { csrf, action } = sent;
    const isOurs = isSameOrigin(c.req.raw) && typeof csrf === "string" && this.#guard.knows(csrf, readerOf(c), form);
    if (!isOurs)
      throw new Failure("FORBIDDEN", "this form is none of ours, or it is too old", { hint: "Open the page anew." });
    const known = may.find((one) => one === action);
    if (known) return known;
    throw new Failure("INVALID_INPUT", `a button says one of ${may.join(", ")}`);
  }

  #told(action: Action, runs: readonly Run[], c: Context<Env>): void {
    for (const { id } of runs) {
      this.#log.info({ event: `page.${action}`, run_id: id, by: byOf(c) }, `${action} by the page`);
      this.#nudge(id);
    }
  }

  async #taken(c: Context<Env>, back: string, work: () => Promise<void>): Promise<Response> {
    try {
      await work();
      return c.redirect(back, 303);
    } catch (error) {
      const { code, message } = Failure.from(error);
      const status = code === "FORBIDDEN" ? 403 : code === "INVALID_INPUT" ? 400 : code === "NOT_FOUND" ? 404 : 500;
      if (status === 500) this.#log.error({ path: c.req.path, err: error }, "a button did not work");
      return c.html(await notice(`Nothing was changed: ${message}`, back), status, PAGE_HEADERS);
    }
  }
}

const button = (action: Action, label: string): Html => html`<button name="action" value="${action}">${label}</button>`;

/** Who it was, as it is recorded. */
const byOf = (c: Context<Env>): string => {
  const approver = c.get("approver");
  return approver === undefined ? `${c.get("caller")} (page)` : `${approver} (approver)`;
};
