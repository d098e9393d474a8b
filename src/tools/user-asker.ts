import {
  CLIENT_CAPABILITIES_META_KEY,
  createRequestStateCodec,
  type InputRequiredResult,
  inputRequired,
  inputResponse,
  type McpRequestContext,
  type Server,
  type ServerContext,
} from "@modelcontextprotocol/server";
import { z } from "zod";
import { settlement } from "../core/deciding.ts";
import { Failure } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { Run, Wait } from "../core/store.ts";
import type { CallContext, Reply, Rooms } from "./tool.ts";
import { saidIn, type UserForm, userForm } from "./user-form.ts";
import { refused, watch } from "./watch.ts";

/** So long a user is waited for; then the run goes on waiting without their client. */
const PATIENCE_MS = 300_000;
/** After a decision the run is watched for so long, as after a start. */
const WATCHED_SECONDS = 25;
const MOST_QUESTIONS = 8;
const MOST_KEPT = 1000;
const QUIET_MS = 10_000;
const KEY = "decision";

/** What a client of 2026 carries from one round to the next, sealed. */
const State = z.object({ run: z.string(), place: z.string(), approval: z.string().optional(), asked: z.number() });
type State = z.output<typeof State>;

/** A call of a tool by a client, and how its user can be asked. */
export interface Asking {
  readonly server: Server;
  readonly connection: McpRequestContext;
  readonly context: ServerContext;
  readonly call: CallContext;
}

interface Question {
  readonly run: Run;
  readonly wait: Wait;
  readonly form: UserForm;
}

/**
 * Asks the user of a client that can show forms, as soon as a run that it has called for waits for a person: one
 * question at a time, each only once. What is not answered there goes on waiting.
 */
export class UserAsker {
  readonly codec = createRequestStateCodec<State>({
    key: crypto.getRandomValues(new Uint8Array(32)),
    ttlSeconds: PATIENCE_MS / 1000,
    bind: ({ http }) => http?.authInfo?.clientId ?? "",
  });
  readonly #open: () => Promise<Rooms>;
  readonly #log: Log;
  /** What users have put off, or are being asked: nobody is asked twice. */
  readonly #asked = new Set<string>();
  /** Until when a session's user is busy with a question. */
  readonly #busy = new WeakMap<Server, number>();

  constructor(open: () => Promise<Rooms>, log: Log) {
    this.#open = open;
    this.#log = log;
  }

  /** The answer of a call that may lead to a question, or to what came of one. */
  async answer(asking: Asking, call: () => Promise<Reply>): Promise<Reply | InputRequiredResult> {
    const { server, connection } = asking;
    if (!canAsk(asking)) return call();
    if (connection.era === "modern") return this.#modern(asking, call);
    let reply = await call();
    for (let asked = 0; asked < MOST_QUESTIONS; asked++) {
      const question = await this.#questionOf(server, reply, asking.call);
      const told = question && (await this.#push(asking, question));
      if (told === undefined || question === undefined) return reply;
      reply = await this.#settle(asking, question.run, question.wait, told);
    }
    return reply;
  }

  /** A client of 2026 is told what its user is to be asked, and calls again with the answer. */
  async #modern(asking: Asking, first: () => Promise<Reply>): Promise<Reply | InputRequiredResult> {
    const { server, context, call } = asking;
    const state = State.safeParse(context.mcpReq.requestState());
    const { asked } = state.data ?? { asked: 0 };
    const reply = state.success ? await this.#resumed(asking, state.data).catch(failed) : await first();
    const question = asked < MOST_QUESTIONS ? await this.#questionOf(server, reply, call) : undefined;
    if (!question) return reply;
    const { run, wait, form } = question;
    if (asking.connection.requestInfo === undefined) this.#busy.set(server, performance.now() + PATIENCE_MS);
    const approval = wait.approval === undefined ? {} : { approval: wait.approval };
    const requestState = await this.codec.mint(
      { run: run.id, place: wait.place, asked: asked + 1, ...approval },
      context,
    );
    return inputRequired({ inputRequests: { [KEY]: inputRequired.elicit(form) }, requestState });
  }

  async #resumed(asking: Asking, { run: id, place, approval }: State): Promise<Reply> {
    this.#busy.delete(asking.server);
    const rooms = await this.#open();
    const run = await rooms.store.get(id);
    const { waits } = await rooms.store.news(id);
    const wait = waits.findLast((each) => each.place === place);
    if (!run || !wait) throw new Failure("NOT_FOUND", `there is no run ${id} that waits`);
    const response = inputResponse(asking.context.mcpReq.inputResponses, KEY);
    const content = response.kind === "elicit" && response.action === "accept" ? response.content : undefined;
    if (content === undefined) return watch(rooms, run, 0, asking.call);
    return this.#settle(asking, run, approval === undefined ? wait : { ...wait, approval }, content);
  }

  /** A client of 2025 is asked while its call waits; what it answered, if it did. */
  async #push({ server, context, call }: Asking, { form, run }: Question): Promise<unknown> {
    this.#busy.set(server, performance.now() + PATIENCE_MS);
    const tell = setInterval(() => call.progress?.("waiting for your decision"), QUIET_MS);
    try {
      const params = { mode: "form" as const, ...form };
      const options = { timeout: PATIENCE_MS, signal: call.signal };
      const { action, content } = await context.mcpReq.send({ method: "elicitation/create", params }, options);
      return action === "accept" ? content : undefined;
    } catch (error) {
      this.#log.info({ run_id: run.id, err: error }, "a client did not ask its user; the run waits on");
      return undefined;
    } finally {
      clearInterval(tell);
      this.#busy.delete(server);
    }
  }

  /** What a run waits for that this user can be asked now. */
  async #questionOf(server: Server, { data }: Reply, { caller, signal }: CallContext): Promise<Question | undefined> {
    const {
      run_id: id,
      status,
      waiting_for,
    } = data as { run_id?: string; status?: string; waiting_for?: { step: string } };
    if (typeof id !== "string" || status !== "waiting" || !waiting_for || signal.aborted) return undefined;
    if ((this.#busy.get(server) ?? 0) > performance.now()) return undefined;
    const { store } = await this.#open();
    const [run, { waits }] = await Promise.all([store.get(id), store.news(id)]);
    const wait = waits.findLast(({ place, state }) => place === waiting_for.step && state === "open");
    const form = run?.caller === caller && wait ? userForm(run, wait) : undefined;
    if (!run || !wait || !form || !this.#isNew(id, wait)) return undefined;
    return { run, wait, form };
  }

  #isNew(run: string, { generation, place, opened_at }: Wait): boolean {
    const key = JSON.stringify([run, generation, place, opened_at]);
    if (this.#asked.has(key)) return false;
    this.#asked.add(key);
    const [oldest] = this.#asked.size > MOST_KEPT ? this.#asked : [];
    if (oldest !== undefined) this.#asked.delete(oldest);
    return true;
  }

  /** Writes what the user has said; the call goes on with the run. What cannot be taken is told, and the run waits on. */
  async #settle({ call }: Asking, run: Run, wait: Wait, content: unknown): Promise<Reply> {
    const rooms = await this.#open();
    const { store, engine, people } = rooms;
    const decider = { name: `${call.caller} (asked by the client)`, is: "person" } as const;
    let note: string | undefined;
    try {
      const said = saidIn(content, wait);
      if (!said) throw new Failure("INVALID_INPUT", "what the user has said is no decision");
      const { waits } = await store.news(run.id);
      const { decision } = settlement(run, waits, said, { decider, policy: people.policy });
      await store.decide(run.id, wait.place, decision, decider.name);
      engine.nudge(run.id);
    } catch (error) {
      note = `the user's decision was not taken: ${Failure.from(error).message}`;
    }
    const now = (await store.get(run.id)) ?? run;
    return watch(rooms, now, note === undefined ? WATCHED_SECONDS : 0, call, note === undefined ? {} : { note });
  }
}

const failed = (error: unknown): Reply => refused(Failure.from(error));

/** Has the client said that it can show forms to its user? */
function canAsk({ server, connection, context }: Asking): boolean {
  const envelope: Readonly<Record<string, unknown>> = context.mcpReq.envelope ?? {};
  const said = connection.era === "modern" ? envelope[CLIENT_CAPABILITIES_META_KEY] : server.getClientCapabilities();
  const { elicitation } = (said ?? {}) as { elicitation?: { form?: object; url?: object } };
  return elicitation !== undefined && (elicitation.form !== undefined || elicitation.url === undefined);
}
