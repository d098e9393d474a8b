import type { Ask, Ledger } from "../core/budget.ts";
import { NOTHING, showRefusal } from "../core/budget.ts";
import { Failure } from "../core/errors.ts";
import { RetryPolicy } from "../core/limits.ts";
import { toNano } from "../core/money.ts";
import type { Answer, Task } from "../core/pattern.ts";
import { placeNames } from "../core/place.ts";
import { type ModelReply, type ModelRequest, splitModel } from "../core/provider.ts";
import type { Attempt, Line, Settle, Write } from "../core/store.ts";
import { addUsage, NO_USAGE, type Usage } from "../core/usage.ts";
import { capsOf, dailyNodes, ledgerOf } from "./caps.ts";
import { chargeOf, failedUsage } from "./charge.ts";
import type { Frame, Open } from "./frame.ts";
import { frozen, kept } from "./kept.ts";
import { nextRung } from "./ladder.ts";
import type { Gated, Play, Waiter } from "./play.ts";
import { type Asked, fitted, messages, type Question, tagOf } from "./question.ts";

/** How a verb tells its pattern what came of it. */
export interface Teller<T> {
  done(value: T): void;
  fail(failure: Failure): void;
}

/** One attempt under way: what is reserved for it, and how it is stopped. */
interface Flight {
  readonly id: number;
  readonly rung: number;
  readonly turn: number;
  readonly model: string;
  readonly ask: Ask;
  readonly reserve: { readonly usd: number; readonly tokens: number };
  readonly clamped: boolean;
  readonly began: number;
  readonly stop: AbortController;
}

/** The verb `call`: one question, asked of an agent's models in order until one answers usefully, or all have failed. */
export class Call implements Open, Gated, Waiter {
  readonly place: string;
  readonly #play: Play;
  readonly #frame: Frame;
  readonly #asked: Asked;
  readonly #task: Task<unknown>;
  readonly #tell: Teller<Answer<unknown>>;
  #ended = false;
  #began: number | undefined;
  #flight: Flight | undefined;
  #stopTimer = () => {};
  #next: { rung: number; turn: number } | undefined;

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
    if (this.#next) return this.#send(this.#next.rung, this.#next.turn);
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
    const writes: Write[] = flight ? [{ do: "settle", settle: this.#cutOff(flight, failure) }] : [];
    this.#fail(failure, writes);
    flight?.stop.abort(failure.with({ billed: "unknown" }));
  }

  /** The long wait after "come back later" is over. */
  news(wait: { readonly state: string }): void {
    if (wait.state === "open" || this.#ended) return;
    this.#play.waiting.delete(this.#timerPlace());
    this.go();
  }

  get #question(): Question | undefined {
    return this.#asked.question;
  }

  get #policy(): RetryPolicy {
    const { retry } = this.#play.catalogue;
    return RetryPolicy.parse({ ...retry, ...this.#question?.spec.retry, ...this.#task.retry });
  }

  #startClock(): void {
    const { clock } = this.#play.stage;
    const before = this.#play.memory.attempts(this.place).reduce((sum, attempt) => sum + (attempt.ms ?? 0), 0);
    this.#began = clock.mono() - before;
    const seconds = Math.min(
      this.#task.seconds ?? Number.POSITIVE_INFINITY,
      this.#task.budget?.seconds ?? Number.POSITIVE_INFINITY,
    );
    if (!Number.isFinite(seconds)) return;
    const late = () => this.abort(new Failure("TIMEOUT", `the step had not ended after its ${seconds} seconds`));
    this.#stopTimer = clock.after(Math.max(0, seconds * 1000 - before), late);
  }

  /** Looks at the recorded attempts and does what follows from them. */
  #climb(): void {
    if (this.#ended) return;
    if (!this.#asked.question) return this.#fail(this.#asked.failure);
    const question = this.#asked.question;
    if (this.#play.refusing) return this.#fail(this.#play.refusing);
    const past = this.#play.memory.attempts(this.place);
    const rung = nextRung(past, question.spec.models.length, this.#policy, this.#play.stage.random);
    if (rung.do === "fail") {
      const failure = Failure.fromInfo(rung.error);
      return failure.kind === "catastrophic" ? this.#play.catastrophe(failure) : this.#fail(failure);
    }
    if (rung.do === "wait") {
      const over = rung.until <= this.#play.stage.clock.now();
      return over ? this.#route(rung.rung, rung.turn) : this.#sleepUntil(rung.until);
    }
    if (rung.pause_ms <= 0) return this.#route(rung.rung, rung.turn);
    this.#play.stage.clock.after(rung.pause_ms, () => this.#route(rung.rung, rung.turn));
  }

  /** The first model from here on that may be asked now; where none may, the call fails, or waits for the clock. */
  #route(rung: number, turn: number): void {
    const question = this.#question;
    if (this.#ended || !question) return;
    const { models } = question.spec;
    let reason: Failure | undefined;
    for (let at = rung; at < models.length; at++) {
      const blocked = this.#blocked(models[at] ?? "");
      if (!blocked) {
        return this.#send(at, at === rung ? turn : 0);
      }
      reason ??= blocked;
    }
    if (reason?.code === "RATE_LIMITED") {
      return this.#sleepUntil(this.#play.stage.clock.now() + (reason.retryAfterMs ?? 0));
    }
    this.#fail(reason ?? new Failure("NO_PROVIDER", "no model is left to ask"));
  }

  #blocked(model: string): Failure | undefined {
    const { stage, run, catalogue } = this.#play;
    const { provider } = splitModel(model);
    if (!stage.desk.provider(provider))
      return new Failure("NO_PROVIDER", `no provider "${provider}" is configured here`);
    const spec = this.#question?.spec;
    const refused = stage.guard.blocked({ model, agent: spec?.name ?? "" });
    if (refused) return refused;
    const explicit = run.caps.explicit || stage.daily.explicit || this.#task.budget?.usd !== undefined;
    if (catalogue.prices[model] || !explicit || this.#flat(model) !== undefined) return undefined;
    return new Failure("UNPRICED", `${model} has no known price, and the run has a cap of money`, {
      hint: `Add to baton.yaml: prices: { ${JSON.stringify(model)}: { input_per_mtok: 0, output_per_mtok: 0 } } with its true prices in USD, or give the agent or provider a max_usd.`,
    });
  }

  #flat(model: string): number | undefined {
    const usd = this.#question?.spec.max_usd ?? this.#play.stage.maxUsd(splitModel(model).provider);
    return usd === undefined ? undefined : toNano(usd);
  }

  #timerPlace(): string {
    return `${this.place}/~retry.${this.#play.memory.attempts(this.place).length}`;
  }

  /** No slot, no socket, no memory: the run may be put down until then. */
  #sleepUntil(until: number): void {
    const place = this.#timerPlace();
    const waiter: Waiter = { place, news: (wait) => this.news(wait) };
    this.#next = undefined;
    const known = this.#play.memory.wait(place);
    if (known?.state === "open") {
      this.#play.waiting.set(place, waiter);
      this.#play.pending.delete(this);
      return this.#play.idle();
    }
    const opened_at = this.#play.stage.clock.now();
    const generation = this.#play.run.generation;
    const wait = { generation, place, kind: "timer", expires_at: Math.ceil(until), opened_at } as const;
    void this.#play.write([{ do: "open", wait }]).then(() => {
      if (this.#ended) return;
      this.#play.memory.setWait({ ...wait, state: "open" });
      this.#play.waiting.set(place, waiter);
      this.#play.pending.delete(this);
      this.#play.idle();
    });
  }

  #send(rung: number, turn: number): void {
    this.#try(rung, turn).catch((error: unknown) => this.#play.catastrophe(Failure.from(error)));
  }

  /** Slot, then money, then the socket; where money is only held by others, it waits without a slot. */
  async #try(rung: number, turn: number): Promise<void> {
    const question = this.#question;
    if (!question) return;
    const { spec } = question;
    const model = spec.models[rung] ?? "";
    const request = this.#request(question, rung, turn, model);
    if (turn === 0 && rung === 0 && (await this.#fromCache(question, request))) return;
    if (this.#ended) return;
    const ask = this.#ask(question, model, request);
    const { concurrency } = spec;
    const { priority } = this.#play.run;
    const errand = { model, agent: spec.name, priority, tokens: ask.input + ask.output, concurrency };
    const release = await this.#play.stage.guard.slot(errand);
    try {
      const refused = this.#ended || this.#play.over ? undefined : this.#play.stage.guard.blocked(errand);
      if (refused) return this.#route(rung, turn);
      if (this.#ended || this.#play.over || this.#shut()) return;
      const flight = await this.#hold(question, request, ask, { rung, turn, model });
      if (!flight) return;
      await this.#fly(question, { ...request, max_output_tokens: flight.output }, flight.flight, errand);
    } finally {
      release();
    }
  }

  /** The gate may have shut while it waited for a slot. */
  #shut(): boolean {
    if (this.#play.refusing) {
      this.#fail(this.#play.refusing);
      return true;
    }
    if (!this.#play.draining) return false;
    this.#play.pending.delete(this);
    this.#play.idle();
    return true;
  }

  #request(question: Question, rung: number, turn: number, model: string): ModelRequest {
    const { spec, system, shape } = question;
    const past = this.#play.memory.attempts(this.place);
    const bad = turn > 0 ? past.findLast((attempt) => attempt.rung === rung && attempt.result === "bad") : undefined;
    const repair = bad && { reply: bad.reply ?? "", problem: bad.error?.message ?? "it is not usable" };
    const { rehearsal } = this.#play.run;
    return {
      model: splitModel(model).model,
      system,
      messages: messages(question, repair),
      ...(shape && { shape }),
      max_output_tokens: spec.max_output_tokens,
      ...(spec.temperature !== undefined && { temperature: spec.temperature }),
      agent: spec.name,
      nth: this.#play.memory.askedOf(tagOf(question)) + 1,
      ...(rehearsal && { rehearsal }),
    };
  }

  #ask({ spec }: Question, model: string, request: ModelRequest): Ask {
    const { desk } = this.#play.stage;
    const card = this.#play.catalogue.prices[model] ?? null;
    const flat = card ? undefined : this.#flat(model);
    return {
      input: desk.provider(splitModel(model).provider)?.bound(request) ?? 0,
      output: spec.max_output_tokens,
      least: Math.min(this.#play.catalogue.limits.min_output_tokens, spec.max_output_tokens),
      card,
      ...(flat !== undefined && { flat }),
    };
  }

  /** Reserves the money and records that the request is about to leave; undefined where it may not. */
  async #hold(question: Question, request: ModelRequest, ask: Ask, at: { rung: number; turn: number; model: string }) {
    const { memory, run, stage } = this.#play;
    const id = memory.nextAttempt();
    const { system, shape, shape_version } = question;
    const input = {
      system,
      messages: request.messages,
      ...(shape && { shape }),
      ...(shape_version && { shape_version }),
    };
    const attempt = {
      id,
      generation: run.generation,
      place: this.place,
      ...at,
      agent: tagOf(question),
      input,
      cached_answer: false,
      at: stage.clock.now(),
    };
    const aside = [...this.#play.asides].filter((frame) => !(this.#task.closing && frame === this.#frame));
    const hold = {
      attempt,
      ask,
      nodes: dailyNodes(stage, run.caller),
      aside: aside.reduce(
        (sum, { aside: a = NOTHING }) => ({
          usd: sum.usd + a.usd,
          tokens: sum.tokens + a.tokens,
          calls: sum.calls + a.calls,
        }),
        NOTHING,
      ),
      steps: this.#stepLedgers(),
    };
    const [written] = await this.#play.write([{ do: "hold", hold }]);
    if (this.#ended) {
      if (written?.did === "held") this.#unsent(id);
      return undefined;
    }
    if (written?.did === "wait") {
      this.#next = at;
      this.#play.pending.delete(this);
      this.#play.poor.add(this);
      return undefined;
    }
    if (written?.did === "refused") {
      const kind = written.scope === "step" ? ({ kind: "semantic" } as const) : {};
      this.#refused(new Failure("BUDGET_EXCEEDED", showRefusal(written), { scope: written.scope, ...kind }), at);
      return undefined;
    }
    if (written?.did !== "held") return undefined;
    if (this.#task.closing) this.#play.asides.delete(this.#frame);
    this.#next = undefined;
    const reserve = { usd: written.usd, tokens: written.tokens };
    const { clamped, output } = written;
    const base: Attempt = {
      ...attempt,
      epoch: run.epoch,
      state: "held",
      reserve,
      max_output_tokens: output,
      clamped,
      usage: NO_USAGE,
      estimated: false,
      overrun: false,
    };
    memory.addAttempt(base);
    const began = stage.clock.mono();
    const flight: Flight = { id, ...at, ask: { ...ask, output }, reserve, clamped, began, stop: new AbortController() };
    this.#flight = flight;
    return { flight, output };
  }

  /** Closed in the very flush that held its money: nothing was sent, nothing is owed. */
  #unsent(id: number): void {
    const settle: Settle = { id, result: "aborted", usage: NO_USAGE, estimated: false, ms: 0 };
    if (!this.#play.over) void this.#play.write([{ do: "settle", settle }]).then(() => this.#play.stage.pour());
    else void this.#play.stage.store.correct(this.#play.run.id, id, NO_USAGE).catch(() => {});
  }

  #stepLedgers(): readonly Ledger[] {
    const nested = [...this.#frame.caps];
    const { budget } = this.#task;
    if (budget) nested.push({ place: this.place, caps: capsOf(budget) });
    return nested.map((cap) => ledgerOf(cap, this.#play.memory.attemptsUnder(cap.place)));
  }

  #refused(failure: Failure, at: { rung: number; turn: number }): void {
    const hint =
      failure.options.scope === "step"
        ? "Give the step a larger budget."
        : `What was done is kept. Raise the cap: decide {run_id: "${this.#play.run.id}", decision: "raise_budget", value: {…}}, then control_run retry.`;
    const told = failure.with({ hint });
    if (failure.options.scope === "step" || this.#play.run.on_budget !== "ask") return this.#fail(told);
    this.#next = at;
    this.#play.pending.delete(this);
    this.#play.askForBudget(this, told);
    this.#play.idle();
  }

  async #fly(
    question: Question,
    request: ModelRequest,
    flight: Flight,
    errand: Parameters<Play["stage"]["guard"]["send"]>[0],
  ) {
    const { stage, run, catalogue } = this.#play;
    const fields = {
      run_id: run.id,
      workflow_id: run.pattern,
      step: this.place,
      agent_id: tagOf(question),
      model: flight.model,
    };
    stage.log.info({ event: "agent.invoked", ...fields, attempt: flight.id }, "agent invoked");
    try {
      const patience = { ...catalogue.limits, ...defined(question.spec) };
      const { reply, first_ms } = await stage.guard.send(errand, request, flight.stop, patience);
      this.#replied(question, flight, reply, first_ms);
    } catch (error) {
      this.#broke(flight, Failure.from(error));
    }
  }

  #replied(question: Question, flight: Flight, reply: ModelReply, first_ms: number | undefined): void {
    const { usage, estimated } = chargeOf(reply, flight.ask);
    const { id } = flight;
    if (this.#ended) return this.#late(id, usage);
    this.#flight = undefined;
    const ms = this.#play.stage.clock.mono() - flight.began;
    const text = reply.text.toWellFormed();
    const reading = this.#play.stage.desk.read({ ...reply, text }, question.shape);
    const value = reading.ok ? fitted(this.#task, reading.value) : undefined;
    const base = {
      id,
      usage,
      estimated,
      reply: text,
      ms,
      ...(reply.mode && { mode: reply.mode }),
      ...(first_ms !== undefined && { first_ms }),
    };
    if (reading.ok && value && "value" in value) {
      const settle: Settle = { ...base, result: "ok" };
      this.#settled(settle);
      const keep = this.#cacheSeconds(question);
      if (keep !== undefined && flight.turn === 0) {
        void this.#play.stage.cache?.set(this.#play.run.caller, question.print, reply, keep).catch(() => {});
      }
      return this.#answer(question, flight.model, reading.value, [{ do: "settle", settle }]);
    }
    const problem = reading.ok ? (value && "problem" in value ? value.problem : "") : reading.problem;
    const code = reading.ok ? "BAD_OUTPUT" : reading.code;
    const cut = code === "TRUNCATED" && flight.clamped;
    const failure = cut
      ? new Failure("BUDGET_EXCEEDED", "the answer was cut off at what was left of the budget", {
          scope: this.#task.budget ? "step" : "run",
          ...(this.#task.budget && { kind: "semantic" as const }),
        })
      : new Failure(code, problem);
    const settle: Settle = { ...base, result: "bad", error: failure.toJSON() };
    this.#settled(settle);
    void this.#play.write([{ do: "settle", settle }]);
    this.#play.stage.pour();
    if (cut) return this.#refused(failure, { rung: flight.rung, turn: flight.turn });
    this.#climb();
  }

  #broke(flight: Flight, failure: Failure): void {
    const { usage, estimated } = failedUsage(failure, flight.ask, flight.reserve);
    if (this.#ended) {
      if (!estimated) this.#late(flight.id, usage);
      return;
    }
    this.#flight = undefined;
    const ms = this.#play.stage.clock.mono() - flight.began;
    const settle: Settle = { id: flight.id, result: "failed", usage, estimated, ms, error: failure.toJSON() };
    this.#settled(settle);
    void this.#play.write([{ do: "settle", settle }]);
    this.#play.stage.pour();
    const { stage, run } = this.#play;
    const fields = {
      run_id: run.id,
      step: this.place,
      model: flight.model,
      code: failure.code,
      kind: failure.kind,
      duration: ms,
    };
    stage.log.warn({ event: "agent.failed", ...fields }, failure.message);
    this.#climb();
  }

  #settled({ id, ...settle }: Settle): void {
    this.#play.memory.changeAttempt(this.place, id, { state: "settled", ...settle });
  }

  #cutOff(flight: Flight, failure: Failure): Settle {
    const { usage } = failedUsage(failure.with({ billed: "unknown" }), flight.ask, flight.reserve);
    const ms = this.#play.stage.clock.mono() - flight.began;
    const settle: Settle = { id: flight.id, result: "aborted", usage, estimated: true, ms, error: failure.toJSON() };
    this.#settled(settle);
    return settle;
  }

  /** Somebody else has settled it at its reserve; the true bill replaces that, once. */
  #late(id: number, usage: Usage): void {
    void this.#play.stage.store.correct(this.#play.run.id, id, usage).catch(() => {});
    this.#play.stage.pour();
  }

  #cacheSeconds(question: Question): number | undefined {
    if (this.#task.cache === false) return undefined;
    return this.#task.cache?.ttl ?? question.spec.cache?.ttl ?? this.#play.stage.cacheSeconds;
  }

  /** A remembered answer to the very same question; one run takes it once, so that its samples stay independent. */
  async #fromCache(question: Question, request: ModelRequest): Promise<boolean> {
    const { stage, run, cachedPrints, memory } = this.#play;
    if (this.#cacheSeconds(question) === undefined || !stage.cache || cachedPrints.has(question.print)) return false;
    if (this.#play.memory.attempts(this.place).length > 0) return false;
    cachedPrints.add(question.print);
    const reply = await stage.cache.get(run.caller, question.print).catch(() => undefined);
    if (!reply || this.#ended) return this.#ended;
    const reading = stage.desk.read(reply, question.shape);
    if (!reading.ok) return false;
    const model = question.spec.models[0] ?? "";
    const id = memory.nextAttempt();
    const input = { system: question.system, messages: request.messages };
    const attempt = {
      id,
      generation: run.generation,
      place: this.place,
      rung: 0,
      turn: 0,
      agent: tagOf(question),
      model,
      input,
      cached_answer: true,
      at: stage.clock.now(),
    };
    const ask: Ask = { input: 0, output: 0, least: 0, card: null };
    const settle: Settle = { id, result: "ok", usage: NO_USAGE, estimated: false, reply: reply.text, ms: 0 };
    const held: Attempt = {
      ...attempt,
      epoch: run.epoch,
      state: "settled",
      result: "ok",
      reserve: { usd: 0, tokens: 0 },
      max_output_tokens: 0,
      clamped: false,
      usage: NO_USAGE,
      estimated: false,
      overrun: false,
      ms: 0,
    };
    memory.addAttempt(held);
    const hold = { attempt, ask, nodes: [], aside: NOTHING, steps: [] };
    this.#answer(question, model, reading.value, [
      { do: "hold", hold },
      { do: "settle", settle },
    ]);
    return true;
  }

  #answer(question: Question, model: string, value: unknown, writes: readonly Write[]): void {
    this.#over(writes, { state: "done", value: kept(value), model, agent: tagOf(question) });
    this.#play.stage.guard.agentEnded(question.spec.name, undefined);
  }

  #fail(failure: Failure, writes: readonly Write[] = []): void {
    if (this.#ended) return;
    const agent = this.#question ? tagOf(this.#question) : failure.options.agent;
    const input_ref = `baton://runs/${this.#play.run.id}/trace?step=${encodeURIComponent(this.place)}`;
    const error = failure.with({ step: placeNames(this.place).join("/"), input_ref, ...(agent && { agent }) }).toJSON();
    this.#over(writes, { state: "failed", error, ...(agent && { agent }) });
    if (this.#question) this.#play.stage.guard.agentEnded(this.#question.spec.name, failure);
  }

  /** Remembers how the call ended, and lets its pattern go on at once. */
  #over(writes: readonly Write[], what: Pick<Line, "state" | "value" | "error" | "agent" | "model">): void {
    const { memory, stage, run } = this.#play;
    this.#finish();
    const usage = memory.attempts(this.place).reduce((sum, attempt) => addUsage(sum, attempt.usage), NO_USAGE);
    const ms = Math.round(stage.clock.mono() - (this.#began ?? stage.clock.mono()));
    const { print } = this.#asked;
    const line = this.#play.newLine(this.#frame, { place: this.place, kind: "call", print, usage, ms, ...what });
    void this.#play.write([...writes, line]);
    stage.pour();
    const fields = {
      run_id: run.id,
      workflow_id: run.pattern,
      step: this.place,
      agent_id: what.agent,
      model: what.model,
    };
    const numbers = { duration: ms, input_tokens: usage.input, output_tokens: usage.output, usd: usage.usd / 1e9 };
    const exit = what.state === "done" ? "success" : what.error?.kind === "semantic" ? "semantic failure" : "exception";
    stage.log.info({ event: "agent.completed", ...fields, ...numbers, exit_status: exit }, "agent completed");
    if (line.do === "line") this.#give(line.line);
  }

  #finish(): void {
    this.#ended = true;
    this.#stopTimer();
    this.#frame.open.delete(this);
    this.#play.pending.delete(this);
    this.#play.poor.delete(this);
    this.#play.waiting.delete(this.#timerPlace());
  }

  #give(line: Line): void {
    if (line.state === "failed" && line.error) return this.#tell.fail(Failure.fromInfo(line.error));
    const value = fitted(this.#task, line.value);
    if ("problem" in value) return this.#play.catastrophe(new Failure("BUG", `${this.place}: ${value.problem}`));
    const { agent = "", model = "", usage = NO_USAGE } = line;
    this.#tell.done(Object.freeze({ agent, model, output: frozen(value.value), usage }));
  }
}

/** The limits of time that an agent sets for itself. */
function defined(spec: Question["spec"]) {
  const { first_token_seconds, idle_seconds, call_seconds } = spec;
  return {
    ...(first_token_seconds !== undefined && { first_token_seconds }),
    ...(idle_seconds !== undefined && { idle_seconds }),
    ...(call_seconds !== undefined && { call_seconds }),
  };
}
