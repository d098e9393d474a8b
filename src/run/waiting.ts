import { approvalOf } from "../core/approval.ts";
import { fingerprint } from "../core/fingerprint.ts";
import type { WaitAnswer, WaitAsk } from "../core/pattern.ts";
import type { Line, Wait } from "../core/store.ts";
import type { Teller } from "./call.ts";
import type { Frame, Open } from "./frame.ts";
import { kept } from "./kept.ts";
import type { Choosy } from "./offers.ts";
import type { Gated, Playing, Waiter } from "./playing.ts";

/** Whether a fork may have an effect is asked of each fork: see `consent.ts`. */
const isConsent = (place: string): boolean => place.endsWith("/~effect");

/** The verb `wait`: a row at its place, open until it is answered, its time is over, or its branch has lost. */
export class Waiting implements Open, Gated, Waiter, Choosy {
  readonly place: string;
  readonly #play: Playing;
  readonly #frame: Frame;
  readonly #ask: WaitAsk;
  readonly #tell: Teller<WaitAnswer>;
  readonly #print: string;
  ended = false;

  constructor(play: Playing, frame: Frame, place: string, ask: WaitAsk, tell: Teller<WaitAnswer>) {
    this.#play = play;
    this.#frame = frame;
    this.place = place;
    this.#ask = ask;
    this.#tell = tell;
    const { kind, show, event, action } = ask;
    this.#print = fingerprint({ kind: "wait", ask: kind, show, ...(event && { event }), ...(action && { action }) });
  }

  begin(): void {
    const line = this.#play.journal.recall(this.#frame, this.place, "wait", this.#print);
    if (line) return this.#give(line);
    this.#frame.open.add(this);
    const offered = this.#play.live ? undefined : this.#play.journal.offered(this.place, "wait", this.#print);
    if (offered && !isConsent(this.place)) this.#play.offers.put(this, offered);
    else this.anew();
  }

  reuse(line: Line): void {
    this.drop();
    this.#frame.open.delete(this);
    this.#give(this.#play.journal.reuse(this.#frame, line));
  }

  anew(): void {
    this.#play.gate(this);
  }

  go(): void {
    if (this.ended) return;
    const known = this.#play.memory.wait(this.place);
    if (known && known.generation === this.#play.run.generation && known.state !== "withdrawn") {
      this.#play.waiting.set(this.place, this);
      if (known.state !== "open") this.news(known);
      return;
    }
    const wait = this.#opened();
    this.#play.pending.add(this);
    void this.#play.journal.write([{ do: "open", wait }]).then(([opened]) => {
      this.#play.pending.delete(this);
      if (this.ended) return;
      const standing: Wait = opened?.did === "opened" ? opened.wait : { ...wait, state: "open" };
      this.#play.memory.setWait(standing);
      this.#play.waiting.set(this.place, this);
      if (standing.state !== "open") return this.news(standing);
      this.#play.stage.log.info(
        { event: "run.waiting", run_id: this.#play.run.id, step: this.place, kind: wait.kind },
        "waiting",
      );
      this.#play.idle();
    });
  }

  #opened() {
    const { run, stage } = this.#play;
    const { kind, show, event, within_seconds, ...rest } = this.#ask;
    const opened_at = stage.clock.now();
    const after = (seconds: number) => Math.ceil(opened_at + seconds * 1000);
    const { definition = `${run.pattern}@${run.pattern_version}`, ...terms } = rest;
    const { action, escalate } = terms;
    return {
      generation: run.generation,
      place: this.place,
      kind,
      opened_at,
      approval: approvalOf({ run: run.id, place: this.place, show, definition, ...(action && { action }) }),
      ...(show !== undefined && { show: kept(show) }),
      ...(event && { event }),
      ...(within_seconds !== undefined && { expires_at: after(within_seconds) }),
      ...(kind !== "timer" && kind !== "event" && { terms: kept({ ...terms, definition }) }),
      ...(escalate && { escalate_at: after(escalate.after_seconds) }),
    };
  }

  drop(): void {
    this.ended = true;
    this.#play.waiting.delete(this.place);
    this.#play.pending.delete(this);
    this.#play.offers.withdraw(this);
  }

  news(wait: Wait): void {
    if (this.ended || wait.state === "open") return;
    this.drop();
    this.#frame.open.delete(this);
    const value = answerOf(wait);
    const line = { place: this.place, kind: "wait", print: this.#print, state: "done", value, ms: 0 } as const;
    const write = this.#play.journal.newLine(this.#frame, line);
    void this.#play.journal.write([write]);
    this.#tell.done(value);
  }

  #give(line: Line): void {
    this.#tell.done(line.value as WaitAnswer);
  }
}

/** The row that somebody, or time, has settled, as its pattern is told. */
function answerOf({ state, answer, terms }: Wait): WaitAnswer {
  if (state === "answered") return kept(answer as WaitAnswer);
  return terms?.default ? kept({ ...terms.default, note: NOBODY }) : { how: "expired" };
}

const NOBODY = "nobody has decided in time";
