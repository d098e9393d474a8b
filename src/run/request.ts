import { neededCap, reserveOf, showRefusal } from "../core/budget.ts";
import { Failure } from "../core/errors.ts";
import type { ModelReply } from "../core/provider.ts";
import type { Hold, Settle, Write, Written } from "../core/store.ts";
import { NO_USAGE, type Usage } from "../core/usage.ts";
import { joinAlike, sharedOf } from "./alike.ts";
import { blocked, errandOf, heldAttempt, holdOf, type Prepared, prepare, type Rung, type Standing } from "./asking.ts";
import { keepAnswer } from "./cached.ts";
import { chargeOf, failedUsage, tellOverrun } from "./charge.ts";
import type { Errand } from "./guard.ts";
import { judged } from "./judging.ts";
import type { Gated, Playing } from "./playing.ts";
import type { Need } from "./poor.ts";
import type { Arrived } from "./prefixes.ts";
import type { Patience } from "./watch.ts";

/** The call that a request is made for, and what it is told of it. */
export interface Asker extends Gated {
  /** A useful answer, and the write that pays for it. */
  answered(value: unknown, model: string, writes: readonly Write[]): void;
  /** Nothing useful came; what did is recorded, and the recorded attempts say what to do now. */
  useless(): void;
  /** It may not be asked just now: the gate has shut, or the breaker opened, while it waited for a slot. */
  turnedAway(at: Rung): void;
  /** It would fit but for what others hold. */
  poor(at: Rung, need: Need): void;
  /** Some cap does not allow it, whoever holds what. */
  refused(failure: Failure, at: Rung): void;
}

interface Held {
  readonly hold: Hold;
  readonly usd: number;
  readonly tokens: number;
  readonly clamped: boolean;
  readonly tries?: readonly string[];
  /** The how-manieth request of its agent in this run it is. */
  readonly nth: number;
}

/** One request to one model: slot, money, socket, bill, in this order. */
export class Request {
  readonly #asker: Asker;
  readonly #standing: Standing;
  readonly #play: Playing;
  readonly #at: Rung;
  readonly #errand: Errand;
  /** Made when its turn has come: what waits in a queue costs nothing. */
  #made: Prepared | undefined;
  readonly #stop = new AbortController();
  /** What is held for it, once and while it is. */
  #held: Held | undefined;
  #began = 0;
  /** It waits for a slot, and for nothing else. */
  #queued = false;
  /** It has gone ahead of others that begin alike. */
  #arrived: Arrived | undefined;
  /** Money came free while it was told to wait: it asks again. */
  #missed = false;

  constructor(asker: Asker, standing: Standing, at: Rung) {
    this.#asker = asker;
    this.#standing = standing;
    this.#play = standing.play;
    this.#at = at;
    this.#errand = errandOf(standing, at, () => this.#prepared.ask.input + this.#prepared.ask.output);
  }

  get #prepared(): Prepared {
    this.#made ??= prepare(this.#standing, this.#at);
    return this.#made;
  }

  /** The slot is given back whatever becomes of it; a call that waits for money holds none. */
  async leave(): Promise<void> {
    const { guard } = this.#play.stage;
    this.#queued = true;
    joinAlike(this.#standing, this.#at.model);
    this.#arrived = await this.#wentAhead();
    const leave = await guard.slot(this.#errand);
    let sent = false;
    try {
      sent = await this.#enter();
      if (!this.#missed) this.#play.poor.passed(this.#asker);
      if (sent) await this.#send();
    } finally {
      leave(sent);
      this.#arrived?.(false);
    }
  }

  /** Another with the same long beginning goes ahead, and this one waits until that is remembered. */
  async #wentAhead(): Promise<Arrived | undefined> {
    await Promise.resolve();
    const beginning = sharedOf(this.#standing, this.#at.model);
    return beginning ? this.#play.prefixes.turn(beginning.print) : undefined;
  }

  /** In its slot it looks whether it may still go, and takes its money. */
  async #enter(): Promise<boolean> {
    if (!this.#queued) return false;
    this.#queued = false;
    if (this.#asker.ended || this.#play.over) return false;
    const { refusing, draining, stage } = this.#play;
    if (!refusing && !draining && !stage.guard.blocked(this.#errand)) return this.#hold();
    this.#asker.turnedAway(this.#at);
    return false;
  }

  /** One that still waits for a slot no longer does: its call goes back to the gate. */
  stepBack(): void {
    if (!this.#queued) return;
    this.#queued = false;
    this.#asker.turnedAway(this.#at);
  }

  /** Ends it at once. It is charged at its reserve, which a late answer may still correct. */
  cutOff(failure: Failure): Settle | undefined {
    const why = failure.with({ billed: "unknown" });
    const settle =
      this.#held && this.#settle({ result: "aborted", ...this.#charge(why), estimated: true, error: failure.toJSON() });
    // Whoever ends it had a reason of his own, which no breaker may take for the vendor's fault.
    this.#stop.abort(new Failure("CANCELLED", failure.message, { billed: "unknown" }));
    return settle;
  }

  /** Reserves its money and records that it is about to leave. */
  async #hold(): Promise<boolean> {
    const hold = holdOf(this.#standing, this.#prepared, this.#at);
    const poured = this.#play.stage.poured();
    const places = hold.steps.map(({ id }) => id);
    const kept = this.#play.memory.tallies.promise(places, reserveOf(hold.ask, hold.ask.output));
    const [written] = (await this.#play.journal.tryToWrite([{ do: "hold", hold }])) ?? [];
    kept();
    if (written?.did !== "held") {
      // Whoever was told to wait because of this promise has nobody else to wake it.
      if (places.length > 0 && written?.did !== "wait") this.#play.stage.pour();
      if (!this.#asker.ended) this.#notHeld(written, hold, poured);
      return false;
    }
    if (this.#asker.ended) {
      this.#unsent(hold.attempt.id);
      return false;
    }
    const { did: _, output, ...held } = written;
    if (this.#standing.task.closing) this.#play.asides.delete(this.#standing.frame);
    this.#play.memory.addAttempt(heldAttempt(hold, this.#play.run.epoch, written));
    const nth = this.#play.memory.askedOf(hold.attempt.agent);
    this.#held = { hold: { ...hold, ask: { ...hold.ask, output } }, ...held, nth };
    return true;
  }

  /** Money that came free while it was being refused would never be told of again. */
  #notHeld(written: Written | undefined, hold: Hold, poured: number): void {
    if (written?.did === "wait") {
      this.#missed = this.#play.stage.poured() !== poured;
      return this.#missed ? this.#asker.turnedAway(this.#at) : this.#asker.poor(this.#at, this.#need(hold));
    }
    if (written?.did === "full") {
      this.#play.stage.guard.full(this.#at.model, written);
      return this.#asker.turnedAway(this.#at);
    }
    if (written?.did === "shut") {
      this.#play.stage.guard.shut(written.door);
      return this.#asker.turnedAway(this.#at);
    }
    if (written?.did === "tried") return void this.#awaitTrial();
    if (written?.did !== "refused") return;
    const { scope, unit } = written;
    const kind = scope === "step" ? ({ kind: "semantic" } as const) : {};
    const why = { scope, unit, needs: neededCap(written), ...kind };
    this.#asker.refused(new Failure("BUDGET_EXCEEDED", showRefusal(written), why), this.#at);
  }

  /** What it must find free, and where; a closing call has other money left than the rest. */
  #need({ ask, steps, attempt: { agent, place } }: Hold): Need {
    const { usd, tokens } = reserveOf(ask, ask.output);
    const closing = this.#standing.task.closing ? place : "";
    return { where: JSON.stringify([this.#at.model, agent, closing, ...steps.map(({ id }) => id)]), usd, tokens };
  }

  /** Somebody else is trying whether anybody is there: where no other model can answer, what comes of that is awaited. */
  async #awaitTrial(): Promise<void> {
    const { models } = this.#standing.question.spec;
    const next = models.findIndex((model, rung) => rung > this.#at.rung && !blocked(this.#standing, model));
    const model = models[next];
    if (model !== undefined) return this.#asker.turnedAway({ rung: next, turn: 0, model });
    this.#queued = true;
    await this.#play.stage.guard.tried(this.#at.model);
    if (!this.#queued) return;
    this.#queued = false;
    if (!this.#asker.ended && !this.#play.over) this.#asker.turnedAway(this.#at);
  }

  /** Closed in the very flush that held its money: nothing was sent, nothing is owed. */
  #unsent(id: number): void {
    if (this.#play.over) return this.#late(id, NO_USAGE);
    const settle: Settle = { id, result: "aborted", usage: NO_USAGE, estimated: false, ms: 0 };
    void this.#play.journal.write([{ do: "settle", settle }]).then(this.#play.stage.pour);
  }

  async #send(): Promise<void> {
    const { stage } = this.#play;
    const held = this.#held;
    if (!held) return;
    this.#began = stage.clock.mono();
    const request = { ...this.#prepared.request, max_output_tokens: held.hold.ask.output, nth: held.nth };
    try {
      const { reply, first_ms } = await stage.guard.send(this.#errand, request, this.#stop, this.#patience, held.tries);
      this.#replied(held, { ...reply, text: reply.text.toWellFormed() }, first_ms);
    } catch (error) {
      this.#broke(held.hold.attempt.id, Failure.from(error));
    }
  }

  get #patience(): Patience {
    const { limits } = this.#play.catalogue;
    const { spec } = this.#standing.question;
    return {
      first_token_seconds: spec.first_token_seconds ?? limits.first_token_seconds,
      idle_seconds: spec.idle_seconds ?? limits.idle_seconds,
      call_seconds: spec.call_seconds ?? limits.call_seconds,
      begun: () => this.#arrived?.(true),
    };
  }

  /** What came back is paid for before it is judged. */
  #replied(held: Held, reply: ModelReply, first_ms: number | undefined): void {
    const { ask, attempt } = held.hold;
    const charge = chargeOf(reply, ask);
    if (this.#asker.ended) return this.#late(attempt.id, charge.usage);
    const answer = judged(this.#standing, reply, held.clamped);
    const failure = "failure" in answer ? answer.failure : undefined;
    const settle = this.#settle({
      result: failure ? "bad" : "ok",
      ...charge,
      reply: reply.text,
      ...(reply.uses && { uses: reply.uses }),
      ...(reply.mode && { mode: reply.mode }),
      ...(first_ms !== undefined && { first_ms: Math.round(first_ms) }),
      ...(failure && { error: failure.toJSON() }),
    });
    if ("value" in answer) {
      keepAnswer(this.#standing, this.#at.turn, reply);
      return this.#asker.answered(answer.value, this.#at.model, [{ do: "settle", settle }]);
    }
    this.#record(settle, answer.failure);
    if (answer.failure.code === "BUDGET_EXCEEDED") return this.#asker.refused(answer.failure, this.#at);
    this.#asker.useless();
  }

  #broke(id: number, failure: Failure): void {
    const charge = this.#charge(failure);
    if (this.#asker.ended) {
      if (!charge.estimated) this.#late(id, charge.usage);
      return;
    }
    this.#record(this.#settle({ result: "failed", ...charge, error: failure.toJSON() }), failure);
    this.#asker.useless();
  }

  #charge(failure: Failure) {
    const { usd = 0, tokens = 0 } = this.#held ?? {};
    return failedUsage(failure, this.#held?.hold.ask ?? this.#prepared.ask, { usd, tokens });
  }

  #settle(what: Omit<Settle, "id" | "ms">): Settle {
    const id = this.#held?.hold.attempt.id ?? 0;
    const ms = Math.round(this.#play.stage.clock.mono() - this.#began);
    this.#play.memory.changeAttempt(this.#standing.place, id, { state: "settled", ms, ...what });
    tellOverrun(this.#standing, this.#at.model, what.usage.usd, this.#held?.usd ?? 0);
    return { id, ms, ...what };
  }

  /** Written before the next rung is asked. */
  #record(settle: Settle, failure: Failure): void {
    void this.#play.journal.write([{ do: "settle", settle }]);
    this.#play.stage.pour();
    const { code, kind, message } = failure;
    const fields = { run_id: this.#play.run.id, step: this.#standing.place, model: this.#at.model };
    this.#play.stage.log.warn({ event: "agent.failed", ...fields, code, kind, duration: settle.ms }, message);
  }

  /** Somebody else has settled it at its reserve; the true bill replaces that, once. */
  #late(id: number, usage: Usage): void {
    const { store, pour } = this.#play.stage;
    void store.correct(this.#play.run.id, id, usage).then(pour, () => {});
  }
}
