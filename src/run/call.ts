import { showRefusal } from "../core/budget.ts";
import { Failure } from "../core/errors.ts";
import { RetryPolicy } from "../core/limits.ts";
import type { Answer, Task } from "../core/pattern.ts";
import type { ModelReply } from "../core/provider.ts";
import type { Hold, Line, Settle, Write, Written } from "../core/store.ts";
import { addUsage, NO_USAGE, type Usage } from "../core/usage.ts";
import { blocked, heldAttempt, holdOf, type Prepared, prepare, type Rung, type Standing } from "./asking.ts";
import { cacheSeconds, fromCache } from "./cached.ts";
import { chargeOf, failedUsage } from "./charge.ts";
import type { Frame, Open } from "./frame.ts";
import { judged } from "./judging.ts";
import { frozen, kept } from "./kept.ts";
import { nextRung } from "./ladder.ts";
import type { Gated, Play } from "./play.ts";
import { type Asked, fitted, tagOf } from "./question.ts";
import { Snooze } from "./snooze.ts";

/** How a verb tells its pattern what came of it. */
export interface Teller<T> {
  done(value: T): void;
  fail(failure: Failure): void;
}

/** One request under way: what is reserved for it, and how it is stopped. */
interface Flight extends Rung {
  readonly hold: Hold;
  readonly reserve: { readonly usd: number; readonly tokens: number };
  readonly clamped: boolean;
  readonly began: number;
  readonly stop: AbortController;
}

/** The verb `call`: one question, asked of an agent's models in order until one answers usefully, or all have failed. */
export class Call implements Open, Gated {
  readonly place: string;
  readonly #play: Play;
  readonly #frame: Frame;
  readonly #asked: Asked;
  readonly #task: Task<unknown>;
  readonly #tell: Teller<Answer<unknown>>;
  #ended = false;
  #began: number | undefined;
  #flight: Flight | undefined;
  #snooze: Snooze | undefined;
  /** Where it goes on once money is free. */
  #next: Rung | undefined;
  #stopTimer = () => {};

  constructor(
    play: Play,
    frame: Frame,
    place: string,
    asked: Asked,
    task: Task<unknown>,
    tell: Teller<Answer<unknown>>,
  ) {
    this.#play = play;
    this.#frame = frame;
    this.place = place;
    this.#asked = asked;
    this.#task = task;
    this.#tell = tell;
  }

  /** Answers from memory, or goes to the gate. */
  begin(): void {
    const line = this.#play.recall(this.#frame, this.place, "call", this.#asked.print);
    if (line) return this.#give(line);
    this.#frame.open.add(this);
    this.#play.gate(this);
  }

  go(): void {
    if (this.#ended) return;
    this.#play.pending.add(this);
    if (this.#began === undefined) this.#startClock();
    const { failure } = this.#asked.question ? { failure: this.#play.refusing } : this.#asked;
    if (failure) return this.#fail(failure);
    if (this.#next) return this.#send(this.#next);
    this.#climb();
  }

  drop(): void {
    this.#finish();
    const flight = this.#flight;
    if (!flight) return;
    const why = new Failure("CANCELLED", "the step was cancelled", { billed: "unknown" });
    this.#cutOff(flight, why);
    flight.stop.abort(why);
  }

  /** Ends it now with a failure that its pattern sees; what is in flight is charged at its reserve. */
  abort(failure: Failure): void {
    if (this.#ended) return;
    const flight = this.#flight;
    this.#fail(failure, flight ? [{ do: "settle", settle: this.#cutOff(flight, failure) }] : []);
    flight?.stop.abort(failure.with({ billed: "unknown" }));
  }

  get #standing(): Standing {
    const { question } = this.#asked;
    if (!question) throw new Failure("BUG", `${this.place} asks nobody`);
    return { play: this.#play, frame: this.#frame, place: this.place, question, task: this.#task };
  }

  #startClock(): void {
    const { clock } = this.#play.stage;
    const before = this.#play.memory.attempts(this.place).reduce((sum, { ms = 0 }) => sum + ms, 0);
    this.#began = clock.mono() - before;
    const { seconds = Number.POSITIVE_INFINITY, budget } = this.#task;
    const most = Math.min(seconds, budget?.seconds ?? Number.POSITIVE_INFINITY);
    if (!Number.isFinite(most)) return;
    const late = () => this.abort(new Failure("TIMEOUT", `the step had not ended after its ${most} seconds`));
    this.#stopTimer = clock.after(Math.max(0, most * 1000 - before), late);
  }

  /** Looks at the recorded attempts and does what follows from them. */
  #climb(): void {
    if (this.#ended) return;
    const { spec } = this.#standing.question;
    const { stage, memory, catalogue, refusing } = this.#play;
    if (refusing) return this.#fail(refusing);
    const policy = RetryPolicy.parse({ ...catalogue.retry, ...spec.retry, ...this.#task.retry });
    const next = nextRung(memory.attempts(this.place), spec.models.length, policy, stage.random);
    if (next.do === "fail") {
      const failure = Failure.fromInfo(next.error);
      return failure.kind === "catastrophic" ? this.#play.catastrophe(failure) : this.#fail(failure);
    }
    if (next.do === "wait" && next.until > stage.clock.now()) return this.#sleepUntil(next.until);
    const pause = next.do === "ask" ? next.pause_ms : 0;
    if (pause <= 0) return this.#route(next.rung, next.turn);
    stage.clock.after(pause, () => this.#route(next.rung, next.turn));
  }

  /** The first model from here on that may be asked now; where none may, the call fails, or waits for the clock. */
  #route(rung: number, turn: number): void {
    if (this.#ended) return;
    const { models } = this.#standing.question.spec;
    const reasons: Failure[] = [];
    for (const [at, model] of models.entries()) {
      if (at < rung) continue;
      const reason = blocked(this.#standing, model);
      if (!reason) return this.#send({ rung: at, turn: at === rung ? turn : 0, model });
      reasons.push(reason);
    }
    const [reason = new Failure("NO_PROVIDER", "no model is left to ask")] = reasons;
    const pause = reason.code === "RATE_LIMITED" ? reason.retryAfterMs : undefined;
    if (pause === undefined) return this.#fail(reason);
    this.#sleepUntil(this.#play.stage.clock.now() + pause);
  }

  /** No slot, no socket: where nothing else moves, the run is put down until then. */
  #sleepUntil(until: number): void {
    this.#play.pending.delete(this);
    const place = `${this.place}/~retry.${this.#play.memory.attempts(this.place).length}`;
    this.#snooze = new Snooze(this.#play, place, until, () => {
      this.#snooze = undefined;
      this.go();
    });
    this.#snooze.begin();
  }

  #send(at: Rung): void {
    this.#try(at).catch((error: unknown) => this.#play.catastrophe(Failure.from(error)));
  }

  /** Slot, then money, then the socket; where money is only held by others, it waits without a slot. */
  async #try(at: Rung): Promise<void> {
    const standing = this.#standing;
    if (at.rung === 0 && at.turn === 0) {
      const known = await fromCache(standing);
      if (this.#ended) return;
      if (known) return this.#answer(known.value, known.model, known.writes);
    }
    const prepared = prepare(standing, at);
    const release = await this.#play.stage.guard.slot(prepared.errand);
    try {
      const flight = await this.#hold(prepared, at);
      if (flight) await this.#fly(prepared, flight);
    } finally {
      release();
    }
  }

  /** Reserves the money and records that the request is about to leave; undefined where it may not. */
  async #hold(prepared: Prepared, at: Rung): Promise<Flight | undefined> {
    const { stage, run, memory } = this.#play;
    if (this.#ended || this.#play.over || this.#isShut()) return undefined;
    if (stage.guard.blocked(prepared.errand)) {
      this.#route(at.rung, at.turn);
      return undefined;
    }
    const hold = holdOf(this.#standing, prepared, at);
    const [written] = await this.#play.write([{ do: "hold", hold }]);
    if (this.#ended) {
      if (written?.did === "held") this.#unsent(hold.attempt.id);
      return undefined;
    }
    if (written?.did !== "held") {
      this.#notHeld(written, at);
      return undefined;
    }
    if (this.#task.closing) this.#play.asides.delete(this.#frame);
    this.#next = undefined;
    memory.addAttempt(heldAttempt(hold, run.epoch, written));
    const reserve = { usd: written.usd, tokens: written.tokens };
    const withOutput = { ...hold, ask: { ...hold.ask, output: written.output } };
    const began = stage.clock.mono();
    this.#flight = { ...at, hold: withOutput, reserve, clamped: written.clamped, began, stop: new AbortController() };
    return this.#flight;
  }

  /** The gate may have shut while it waited for a slot. */
  #isShut(): boolean {
    const { refusing, draining } = this.#play;
    if (refusing) this.#fail(refusing);
    else if (draining) {
      this.#play.pending.delete(this);
      this.#play.idle();
    }
    return refusing !== undefined || draining;
  }

  #notHeld(written: Written | undefined, at: Rung): void {
    if (written?.did === "wait") {
      this.#next = at;
      this.#play.pending.delete(this);
      this.#play.poor.add(this);
    } else if (written?.did === "refused") {
      const { scope } = written;
      const kind = scope === "step" ? ({ kind: "semantic" } as const) : {};
      this.#refused(new Failure("BUDGET_EXCEEDED", showRefusal(written), { scope, ...kind }), at);
    }
  }

  /** Closed in the very flush that held its money: nothing was sent, nothing is owed. */
  #unsent(id: number): void {
    const settle: Settle = { id, result: "aborted", usage: NO_USAGE, estimated: false, ms: 0 };
    if (this.#play.over) return this.#late(id, NO_USAGE);
    void this.#play.write([{ do: "settle", settle }]).then(() => this.#play.stage.pour());
  }

  #refused(failure: Failure, at: Rung): void {
    const ofStep = failure.options.scope === "step";
    const id = this.#play.run.id;
    const hint = ofStep
      ? "Give the step a larger budget."
      : `What was done is kept. A person may raise the cap: decide {"run_id":"${id}","decision":"raise_budget","value":{…}}; then control_run retry goes on from here.`;
    const told = failure.with({ hint });
    if (ofStep || this.#play.run.on_budget !== "ask") return this.#fail(told);
    this.#next = at;
    this.#play.pending.delete(this);
    this.#play.askForBudget(this, told);
    this.#play.idle();
  }

  async #fly({ request, errand }: Prepared, flight: Flight): Promise<void> {
    const { stage, catalogue } = this.#play;
    stage.log.info({ event: "agent.invoked", ...this.#fields, model: flight.model }, "agent invoked");
    const { spec } = this.#standing.question;
    const { first_token_seconds, idle_seconds, call_seconds } = { ...catalogue.limits, ...spec };
    const { limits } = catalogue;
    const patience = {
      first_token_seconds: first_token_seconds ?? limits.first_token_seconds,
      idle_seconds: idle_seconds ?? limits.idle_seconds,
      call_seconds: call_seconds ?? limits.call_seconds,
    };
    const clamped = { ...request, max_output_tokens: flight.hold.ask.output };
    try {
      const { reply, first_ms } = await stage.guard.send(errand, clamped, flight.stop, patience);
      this.#replied(flight, { ...reply, text: reply.text.toWellFormed() }, first_ms);
    } catch (error) {
      this.#broke(flight, Failure.from(error));
    }
  }

  /** What came back is paid for before it is judged. */
  #replied(flight: Flight, reply: ModelReply, first_ms: number | undefined): void {
    const { ask, attempt } = flight.hold;
    const { usage, estimated } = chargeOf(reply, ask);
    if (this.#ended) return this.#late(attempt.id, usage);
    const standing = this.#standing;
    const answer = judged(standing, reply, flight.clamped);
    const { text, mode } = reply;
    const result = "failure" in answer ? ("bad" as const) : ("ok" as const);
    const error = "failure" in answer ? { error: answer.failure.toJSON() } : {};
    const first = first_ms === undefined ? {} : { first_ms: Math.round(first_ms) };
    const settle = this.#settled(flight, {
      result,
      usage,
      estimated,
      reply: text,
      ...(mode && { mode }),
      ...first,
      ...error,
    });
    if (!("failure" in answer)) {
      const keep = flight.turn === 0 ? cacheSeconds(standing) : undefined;
      const { print } = standing.question;
      if (keep !== undefined)
        void this.#play.stage.cache?.set(this.#play.run.caller, print, reply, keep).catch(() => {});
      return this.#answer(answer.value, flight.model, [{ do: "settle", settle }]);
    }
    this.#useless(settle, answer.failure);
    if (answer.failure.code === "BUDGET_EXCEEDED") return this.#refused(answer.failure, flight);
    this.#climb();
  }

  #broke(flight: Flight, failure: Failure): void {
    const { usage, estimated } = failedUsage(failure, flight.hold.ask, flight.reserve);
    if (this.#ended) {
      if (!estimated) this.#late(flight.hold.attempt.id, usage);
      return;
    }
    const settle = this.#settled(flight, { result: "failed", usage, estimated, error: failure.toJSON() });
    this.#useless(settle, failure);
    this.#climb();
  }

  /** Recorded before the next rung is asked. */
  #useless(settle: Settle, failure: Failure): void {
    void this.#play.write([{ do: "settle", settle }]);
    this.#play.stage.pour();
    const { code, kind, message } = failure;
    const fields = { event: "agent.failed", ...this.#fields, code, kind, duration: settle.ms };
    this.#play.stage.log.warn(fields, message);
  }

  #settled(flight: Flight, what: Omit<Settle, "id" | "ms">): Settle {
    this.#flight = undefined;
    const { id } = flight.hold.attempt;
    const ms = Math.round(this.#play.stage.clock.mono() - flight.began);
    this.#play.memory.changeAttempt(this.place, id, { state: "settled", ms, ...what });
    return { id, ms, ...what };
  }

  #cutOff(flight: Flight, failure: Failure): Settle {
    const { usage } = failedUsage(failure.with({ billed: "unknown" }), flight.hold.ask, flight.reserve);
    return this.#settled(flight, { result: "aborted", usage, estimated: true, error: failure.toJSON() });
  }

  /** Somebody else has settled it at its reserve; the true bill replaces that, once. */
  #late(id: number, usage: Usage): void {
    const { store, pour } = this.#play.stage;
    void store.correct(this.#play.run.id, id, usage).then(pour, () => {});
  }

  #answer(value: unknown, model: string, writes: readonly Write[]): void {
    const { question } = this.#standing;
    this.#over(writes, { state: "done", value: kept(value), model, agent: tagOf(question) });
    this.#play.stage.guard.agentEnded(question.spec.name, undefined);
  }

  #fail(failure: Failure, writes: readonly Write[] = []): void {
    if (this.#ended) return;
    const { question } = this.#asked;
    const agent = question ? tagOf(question) : failure.options.agent;
    const input_ref = `baton://runs/${this.#play.run.id}/trace?step=${encodeURIComponent(this.place)}`;
    const where = { step: this.place, input_ref, ...(agent && { agent }) };
    const info = new Failure(failure.code, failure.message, { ...failure.options, ...where });
    this.#over(writes, { state: "failed", error: info.toJSON(), ...(agent && { agent }) });
    if (question) this.#play.stage.guard.agentEnded(question.spec.name, failure);
  }

  /** Remembers how the call ended, and lets its pattern go on at once. */
  #over(writes: readonly Write[], what: Pick<Line, "state" | "value" | "error" | "agent" | "model">): void {
    const { memory, stage } = this.#play;
    this.#finish();
    const usage = memory.attempts(this.place).reduce((sum, attempt) => addUsage(sum, attempt.usage), NO_USAGE);
    const now = stage.clock.mono();
    const ms = Math.round(now - (this.#began ?? now));
    const { print } = this.#asked;
    const line = this.#play.newLine(this.#frame, { place: this.place, kind: "call", print, usage, ms, ...what });
    void this.#play.write([...writes, line]);
    stage.pour();
    const numbers = { duration: ms, input_tokens: usage.input, output_tokens: usage.output, usd: usage.usd / 1e9 };
    const fields = { event: "agent.completed", ...this.#fields, ...numbers, exit_status: exitOf(what) };
    stage.log.info(fields, "agent completed");
    this.#give(what);
  }

  get #fields() {
    const { id: run_id, pattern: workflow_id } = this.#play.run;
    const { question } = this.#asked;
    const version = question?.shape_version && { input_schema_version: question.shape_version };
    return { run_id, workflow_id, step: this.place, agent_id: question && tagOf(question), ...version };
  }

  #finish(): void {
    this.#ended = true;
    this.#stopTimer();
    this.#snooze?.drop();
    this.#frame.open.delete(this);
    this.#play.pending.delete(this);
    this.#play.poor.delete(this);
  }

  #give({
    state,
    error,
    value,
    agent = "",
    model = "",
  }: Pick<Line, "state" | "value" | "error" | "agent" | "model">): void {
    if (state === "failed" && error) return this.#tell.fail(Failure.fromInfo(error));
    const fits = fitted(this.#task, value);
    if ("problem" in fits) return this.#play.catastrophe(new Failure("BUG", `${this.place}: ${fits.problem}`));
    const usage = this.#play.memory.line(this.place)?.usage ?? NO_USAGE;
    this.#tell.done(Object.freeze({ agent, model, output: frozen(fits.value), usage }));
  }
}

/** The three words in which every call's end is counted. */
const exitOf = ({ state, error }: Pick<Line, "state" | "error">): "success" | "semantic failure" | "exception" =>
  state === "done" ? "success" : error?.kind === "semantic" ? "semantic failure" : "exception";
