import type { AgentSpec } from "../core/agent.ts";
import { Failure } from "../core/errors.ts";
import type { RetryPolicy } from "../core/limits.ts";
import type { Answer, Task } from "../core/pattern.ts";
import type { Line, Write } from "../core/store.ts";
import { addUsage, NO_USAGE } from "../core/usage.ts";
import { freeAside } from "./aside.ts";
import { blocked, type Rung, type Standing } from "./asking.ts";
import { fromCache } from "./cached.ts";
import { capHint, clipped, exitOf } from "./call-words.ts";
import type { Frame, Open } from "./frame.ts";
import { frozen, kept } from "./kept.ts";
import { nextRung } from "./ladder.ts";
import { waitAfter, waitOut } from "./outage.ts";
import type { Gated, Playing } from "./playing.ts";
import type { Need } from "./poor.ts";
import { type Asked, fitted, tagOf } from "./question.ts";
import { type Asker, Request } from "./request.ts";
import { Snooze } from "./snooze.ts";

/** How a verb tells its pattern what came of it. */
export interface Teller<T> {
  done(value: T): void;
  fail(failure: Failure): void;
}

type Told = Pick<Line, "state" | "value" | "error" | "agent" | "model">;

/** The verb `call`: one question, asked of an agent's models in order until one answers usefully, or all have failed. */
export class Call implements Open, Gated, Asker {
  readonly place: string;
  ended = false;
  readonly #play: Playing;
  readonly #frame: Frame;
  readonly #asked: Asked;
  readonly #task: Task<unknown>;
  readonly #tell: Teller<Answer<unknown>>;
  #began: number | undefined;
  #request: Request | undefined;
  #snooze: Snooze | undefined;
  /** Where it goes on once money is free. */
  #next: Rung | undefined;
  #stopTimer = () => {};
  #stopPause = () => {};
  readonly stepBack = (): void => this.#request?.stepBack();

  constructor(
    play: Playing,
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
    const line = this.#play.journal.recall(this.#frame, this.place, "call", this.#asked.print);
    if (line) return this.#give(line);
    this.#frame.open.add(this);
    const { question } = this.#asked;
    const late = question && this.#play.journal.cutOff(this.place, question);
    if (late && [...this.#play.maps].some((each) => each.lateAgain?.(late))) return;
    this.#play.gate(this);
  }

  go(): void {
    if (this.ended) return;
    this.#play.pending.add(this);
    if (this.#began === undefined) this.#startClock();
    const next = this.#next;
    this.#next = undefined;
    if (next && !this.#play.refusing) return this.#send(next);
    this.#climb();
  }

  drop(): void {
    this.#finish();
    this.#request?.cutOff(new Failure("CANCELLED", "the step was cancelled"));
  }

  /** Ends it now with a failure that its pattern sees; what is in flight is charged at its reserve. */
  abort(failure: Failure): void {
    if (this.ended) return;
    const settle = this.#request?.cutOff(failure);
    const pause = this.#snooze?.place;
    this.#fail(failure, [
      ...(settle ? [{ do: "settle", settle } as const] : []),
      ...(pause === undefined ? [] : [{ do: "close", under: [pause] } as const]),
    ]);
  }

  answered(value: unknown, model: string, writes: readonly Write[]): void {
    this.#request = undefined;
    const { question } = this.#standing;
    this.#over(writes, { state: "done", value: kept(value), model, agent: tagOf(question) });
    this.#play.stage.guard.agentEnded(question.spec, undefined);
  }

  useless(): void {
    this.#request = undefined;
    this.#climb();
  }

  turnedAway(at: Rung): void {
    this.#request = undefined;
    const { refusing, draining } = this.#play;
    if (refusing) return this.#fail(refusing);
    if (!draining) return this.#route(at.rung, at.turn);
    this.#next = at;
    this.#play.pending.delete(this);
    this.#play.gate(this);
    this.#play.idle();
  }

  poor(at: Rung, need: Need): void {
    this.#request = undefined;
    this.#next = at;
    this.#play.pending.delete(this);
    this.#play.poor.add(this, need);
  }

  refused(failure: Failure, at: Rung): void {
    this.#request = undefined;
    const ofStep = failure.options.scope === "step";
    const told = failure.with({ hint: capHint(failure.options.scope, this.#play.run) });
    if (ofStep || this.#play.run.on_budget !== "ask") return this.#fail(told);
    this.#next = at;
    this.#play.pending.delete(this);
    this.#play.askForBudget(this, told);
    this.#play.idle();
  }

  get #standing(): Standing {
    const { question } = this.#asked;
    if (!question) throw new Failure("BUG", `${this.place} asks nobody`);
    return { play: this.#play, frame: this.#frame, place: this.place, question, task: this.#task };
  }

  /** After a restart a limit of time has what the recorded attempts have left of it. */
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
    if (this.ended) return;
    const { stage, memory, catalogue, refusing } = this.#play;
    if (!this.#asked.question) return this.#fail(this.#asked.failure);
    if (refusing) return this.#fail(refusing);
    const { spec } = this.#asked.question;
    const policy = { ...catalogue.retry, ...spec.retry, ...this.#task.retry } as RetryPolicy;
    const next = nextRung(memory.attempts(this.place), spec.models.length, policy, stage.random);
    if (next.do === "fail") return this.#exhausted(Failure.fromInfo(next.error), spec, policy);
    if (next.do === "wait" && next.until > stage.clock.now()) return this.#sleepUntil(next.until);
    const pause = next.do === "ask" ? next.pause_ms : 0;
    if (pause <= 0) return this.#route(next.rung, next.turn);
    this.#stopPause = stage.clock.after(pause, () => this.#route(next.rung, next.turn));
  }

  /** No model is left: it fails, or waits until they can be reached again. */
  #exhausted(failure: Failure, agent: AgentSpec, policy: RetryPolicy): void {
    if (failure.kind === "catastrophic") return this.#play.catastrophe(failure);
    const { stage, memory } = this.#play;
    const until = waitAfter(failure, memory.attempts(this.place), policy, stage);
    if (until !== undefined)
      return until > stage.clock.now() ? this.#sleepUntil(until, failure.message) : this.#route(0, 0);
    stage.guard.agentEnded(agent, failure);
    this.#fail(failure);
  }

  /** The first model from here on that may be asked now; where none may, the call fails, or waits for the clock. */
  #route(rung: number, turn: number): void {
    if (this.ended || this.#play.over) return;
    const reasons: Failure[] = [];
    for (const [at, model] of this.#standing.question.spec.models.entries()) {
      if (at < rung) continue;
      const reason = blocked(this.#standing, model);
      if (!reason) return this.#send({ rung: at, turn: at === rung ? turn : 0, model });
      reasons.push(reason);
    }
    this.#blocked(reasons);
  }

  /** None of its models may be asked now: it waits where that helps, and else fails. */
  #blocked(reasons: readonly Failure[]): void {
    const [first = new Failure("NO_PROVIDER", "no model is left to ask")] = reasons;
    const reason = reasons.find(({ code }) => code === "RATE_LIMITED") ?? first;
    const out = waitOut(reasons, this.#play.stage);
    const pause = out ?? (reason.code === "RATE_LIMITED" ? reason.retryAfterMs : undefined);
    if (pause === undefined) return this.#fail(reason);
    this.#sleepUntil(this.#play.stage.clock.now() + pause, out === undefined ? undefined : reason.message);
  }

  /** No slot, no socket: where nothing else moves, the run is put down until then. */
  #sleepUntil(until: number, why?: string): void {
    this.#play.pending.delete(this);
    const place = this.#play.memory.nextPause(this.place);
    const wake = () => {
      this.#snooze = undefined;
      this.go();
    };
    this.#snooze = new Snooze(this.#play, place, until, wake, why === undefined ? undefined : clipped(why));
    this.#snooze.begin();
  }

  #send(at: Rung): void {
    const fresh = at.rung === 0 && at.turn === 0;
    const bug = (error: unknown) => this.#play.catastrophe(Failure.from(error));
    (fresh ? this.#fromCache() : Promise.resolve(false)).then((known) => this.#leave(known, at)).catch(bug);
  }

  async #fromCache(): Promise<boolean> {
    const known = await fromCache(this.#standing);
    if (known && !this.ended) this.answered(known.value, known.model, known.writes);
    return known !== undefined;
  }

  async #leave(known: boolean, at: Rung): Promise<void> {
    if (known || this.ended || this.#play.over) return;
    this.#play.stage.log.info({ event: "agent.invoked", ...this.#fields, model: at.model }, "agent invoked");
    this.#request = new Request(this, this.#standing, at);
    await this.#request.leave();
  }

  #fail(failure: Failure, writes: readonly Write[] = []): void {
    if (this.ended) return;
    const { question } = this.#asked;
    const agent = question ? tagOf(question) : failure.options.agent;
    const input_ref = `baton://runs/${this.#play.run.id}/trace?step=${encodeURIComponent(this.place)}`;
    const where = { step: this.place, input_ref, ...(agent && { agent }) };
    const error = new Failure(failure.code, failure.message, { ...failure.options, ...where }).toJSON();
    this.#over(writes, { state: "failed", error, ...(agent && { agent }) });
  }

  /** Remembers how the call ended, and lets its pattern go on at once. */
  #over(writes: readonly Write[], told: Told): void {
    const { memory, stage } = this.#play;
    this.#finish();
    const usage = memory.attempts(this.place).reduce((sum, attempt) => addUsage(sum, attempt.usage), NO_USAGE);
    const now = stage.clock.mono();
    const ms = Math.round(now - (this.#began ?? now));
    const { print } = this.#asked;
    const line = this.#play.journal.newLine(this.#frame, {
      place: this.place,
      kind: "call",
      print,
      usage,
      ms,
      ...told,
    });
    void this.#play.journal.write([...writes, line]);
    stage.pour();
    const numbers = { duration: ms, input_tokens: usage.input, output_tokens: usage.output, usd: usage.usd / 1e9 };
    const how = { model: told.model, exit_status: exitOf(told), ...(told.error && { code: told.error.code }) };
    stage.log.info({ event: "agent.completed", ...this.#fields, ...how, ...numbers }, "agent completed");
    this.#give(told);
  }

  get #fields() {
    const { id: run_id, pattern: workflow_id } = this.#play.run;
    const { question } = this.#asked;
    const version = question?.shape_version && { input_schema_version: question.shape_version };
    return { run_id, workflow_id, step: this.place, agent_id: question && tagOf(question), ...version };
  }

  #finish(): void {
    this.ended = true;
    this.#stopTimer();
    this.#stopPause();
    this.#snooze?.drop();
    this.#frame.open.delete(this);
    this.#play.pending.delete(this);
    this.#play.poor.delete(this);
  }

  #give({ state, error, value, agent = "", model = "" }: Told): void {
    if (this.#task.closing) freeAside(this.#play, this.#frame);
    if (state === "failed" && error) return this.#tell.fail(Failure.fromInfo(error));
    const fits = fitted(this.#task, value);
    if ("problem" in fits) return this.#play.catastrophe(new Failure("BUG", `${this.place}: ${fits.problem}`));
    const { usage = NO_USAGE, at = 0 } = this.#play.memory.line(this.place) ?? {};
    this.#tell.done(Object.freeze({ agent, model, output: frozen(fits.value), usage, at }));
  }
}
