import type { Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { DecisionRequest } from "../core/approval.ts";
import { misfits } from "../core/check.ts";
import { type ApprovalPolicy, type Decider, needsPerson, settlement } from "../core/deciding.ts";
import { type Code, Failure } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { raisedCaps } from "../core/raising.ts";
import type { Run, RunStore, Wait } from "../core/store.ts";
import { typed } from "../core/typed.ts";
import type { FormTerms } from "./decide-form.ts";
import { FormGuard, isCrossOrigin, isSameOrigin } from "./form-guard.ts";
import { notice, PAGE_HEADERS } from "./layout.ts";
import { type Env, readerOf, runOf } from "./reader.ts";
import { type Doorkeeper, doorkeeper } from "./tokens.ts";

/** Who may decide on the page and by HTTP, and what follows. */
export interface DecidingOptions {
  readonly policy: ApprovalPolicy;
  /** Names by token of those who may decide all; where there are none, whoever uses the page is a person. */
  readonly approvers: ReadonlyMap<string, string>;
  /** Told of each run that was decided on. */
  readonly nudge: (run: string) => void;
}

const MOST_BYTES = 1_048_576;

const STATUS: Partial<Record<Code, 400 | 403 | 404 | 409>> = {
  INVALID_INPUT: 400,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  ILLEGAL_CHANGE: 409,
  STALE_APPROVAL: 409,
};

/** A decision as it came, and who makes it. */
interface Made {
  readonly request: DecisionRequest;
  readonly decider: Decider;
}

/** Takes decisions of people: from the forms of our own page, and as JSON. */
export class Deciding {
  readonly #store: RunStore;
  readonly #log: Log;
  readonly #options: DecidingOptions;
  readonly #guard = new FormGuard();
  readonly #approver: Doorkeeper;

  constructor(store: RunStore, log: Log, options: DecidingOptions) {
    this.#store = store;
    this.#log = log;
    this.#options = options;
    this.#approver = doorkeeper(options.approvers);
  }

  /** The approver whose token a request shows, if it does. */
  approverOf(authorization: string | undefined): string | undefined {
    return this.#approver(authorization);
  }

  /** What the form of a wait needs for this reader. */
  formTerms(c: Context<Env>, run: Run, wait: Wait): FormTerms {
    const { policy, approvers } = this.#options;
    const csrf = this.#guard.tokenOf(readerOf(c), [run.id, wait.place, wait.approval ?? ""]);
    const named = wait.terms?.approvers;
    if (named) return { csrf, token: named.includes(c.get("approver") ?? "") ? "none" : "required" };
    if (approvers.size === 0 || c.get("approver") !== undefined) return { csrf, token: "none" };
    if (wait.kind === "budget") return { csrf, token: "optional" };
    return { csrf, token: needsPerson(wait, policy) ? "required" : "none" };
  }

  /** Adds `POST /runs/{id}/decide`. */
  serve(app: Hono<Env>): void {
    const limit = bodyLimit({ maxSize: MOST_BYTES });
    app.post("/runs/:id/decide", limit, async (c) => {
      const isForm = (c.req.header("content-type") ?? "").startsWith("application/x-www-form-urlencoded");
      try {
        const run = await runOf(c, this.#store, c.req.param("id"));
        const made = isForm ? await this.#ofForm(c, run) : await this.#ofJson(c);
        await this.#write(run, made);
        this.#options.nudge(run.id);
        if (isForm) return c.redirect(`/runs/${encodeURIComponent(run.id)}`, 303);
        return c.json({ run_id: run.id, decision: made.request.decision, by: made.decider.name });
      } catch (error) {
        return this.#refused(c, Failure.from(error), isForm);
      }
    });
  }

  /** A form of our own, sent by a person; where there are approvers, what needs one asks for their token. */
  async #ofForm(c: Context<Env>, run: Run): Promise<Made> {
    const sent = await c.req.parseBody();
    const field = (name: string) => (typeof sent[name] === "string" ? sent[name] : "");
    const [place, approval] = [field("step"), field("approval")];
    const { waits } = await this.#store.news(run.id);
    const wait = waits.findLast((each) => each.place === place);
    const isOurs = isSameOrigin(c.req.raw) && this.#guard.knows(field("csrf"), readerOf(c), [run.id, place, approval]);
    if (!isOurs || !wait)
      throw new Failure("FORBIDDEN", "this form is none of ours, or it is too old", { hint: "Open the page anew." });
    const shown = this.#approver(`Bearer ${field("token")}`);
    if (field("token") !== "" && shown === undefined)
      throw new Failure("FORBIDDEN", "the token that was typed is no approver's", {
        hint: "Go back and type it anew.",
      });
    const approver = shown ?? c.get("approver");
    return {
      request: requestOf(field, wait),
      decider: this.#deciderOf(c, approver, "page"),
    };
  }

  async #ofJson(c: Context<Env>): Promise<Made> {
    if (isCrossOrigin(c.req.raw) || !(c.req.header("content-type") ?? "").startsWith("application/json"))
      throw new Failure("FORBIDDEN", "a decision is sent as application/json, and not from the page of another server");
    const body: unknown = await c.req.json().catch(() => undefined);
    const wrong = misfits(DecisionRequest, body).map(({ path, message }) => [...path, message].map(String).join(": "));
    if (wrong.length > 0)
      throw new Failure("INVALID_INPUT", wrong.join("; "), {
        hint: 'Such as {"step": "map/0/gate", "decision": "approve", "approval": "<its hash>"}.',
      });
    return { request: DecisionRequest.parse(body), decider: this.#deciderOf(c, c.get("approver"), "http") };
  }

  /**
   * Without an approver's token a program that sends JSON speaks for its caller, as a model does; whoever uses the page
   * is a person, unless there are approvers.
   */
  #deciderOf(c: Context<Env>, approver: string | undefined, way: "page" | "http"): Decider {
    if (approver !== undefined) return { name: `${approver} (approver)`, is: "person", approver };
    const isPerson = way === "page" && this.#options.approvers.size === 0;
    return { name: `${c.get("caller")} (${way})`, is: isPerson ? "person" : "model" };
  }

  async #write(run: Run, { request, decider }: Made): Promise<void> {
    const { policy } = this.#options;
    const { decision, value } = request;
    if (decision === "raise_budget") {
      await this.#store.raise(run.id, raisedCaps(run, value ?? {}, { decider, policy }), decider.name);
      return;
    }
    const { waits } = await this.#store.news(run.id);
    const settled = settlement(run, waits, { ...request, decision }, { decider, policy });
    await this.#store.decide(run.id, settled.wait.place, settled.decision, decider.name);
  }

  async #refused(c: Context<Env>, failure: Failure, isForm: boolean): Promise<Response> {
    const { code, message, options } = failure;
    if (code === "BUG") this.#log.error({ path: c.req.path, err: failure }, "a decision could not be taken");
    const status = STATUS[code] ?? 500;
    const { hint } = options;
    if (!isForm) return c.json({ error: { code, message, ...(hint !== undefined && { hint }) } }, status);
    return c.html(await notice(`Nothing was decided: ${message}`, `/runs/${c.req.param("id")}`), status, PAGE_HEADERS);
  }
}

/** What a form says: texts, of which a value is made. */
function requestOf(field: (name: string) => string, wait: Wait): DecisionRequest {
  const decision = field("decision");
  const text = field("value").replaceAll("\r\n", "\n");
  const value =
    decision === "raise_budget"
      ? { [field("unit") || "usd"]: text === "" ? undefined : Number(text) }
      : decision === "edit" || decision === "answer"
        ? typed(text, wait, decision)
        : undefined;
  return DecisionRequest.parse({
    decision,
    step: field("step"),
    ...(wait.kind === "approval" && { approval: field("approval") }),
    ...(value !== undefined && { value }),
    ...(field("note") !== "" && { note: field("note") }),
  });
}
