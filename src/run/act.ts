import type { Deed } from "../core/deed.ts";
import { Failure } from "../core/errors.ts";
import { fingerprint } from "../core/fingerprint.ts";
import type { RetryPolicy } from "../core/limits.ts";
import type { Line } from "../core/store.ts";
import type { Teller } from "./call.ts";
import { askConsent, consentPlace, needsConsent } from "./consent.ts";
import type { Frame, Open } from "./frame.ts";
import { kept } from "./kept.ts";
import { pauseAfter } from "./ladder.ts";
import type { Choosy } from "./offers.ts";
import type { Gated, Playing } from "./playing.ts";

const SECONDS = 60;

/**
 * The verb `act`: something done or read in the world that is no model. What came of it is one line. What changes the
 * world is claimed by a line of its own before it begins; a claim that a crash cut off is not repeated blindly.
 */
export class Act implements Open, Gated, Choosy {
  readonly place: string;
  readonly #play: Playing;
  readonly #frame: Frame;
  readonly #deed: Deed;
  readonly #tell: Teller<unknown>;
  readonly #print: string;
  readonly #stop = new AbortController();
  ended = false;
  #began = 0;
  #claimed = false;
  /** Somebody is asked whether it may be done. */
  #asking = false;
  #stopTimer = () => {};
  #stopPause = () => {};

  constructor(play: Playing, frame: Frame, place: string, deed: Deed, tell: Teller<unknown>) {
    this.#play = play;
    this.#frame = frame;
    this.place = place;
    this.#deed = deed;
    this.#tell = tell;
    this.#print = fingerprint({ kind: "act", does: deed.does, input: deed.input });
  }

  begin(): void {
    const claim = this.#deed.effect
      ? this.#play.journal.recall(this.#frame, this.#claimPlace, "choice", this.#print)
      : undefined;
    this.#claimed = claim?.generation === this.#play.run.generation;
    const line = this.#play.journal.recall(this.#frame, this.place, "choice", this.#print);
    if (this.#play.over) return;
    if (line) {
      this.#play.journal.passed(consentPlace(this.place));
      return this.#give(line);
    }
    this.#frame.open.add(this);
    const offered = this.#play.live ? undefined : this.#play.journal.offered(this.place, "choice", this.#print);
    if (offered) this.#play.offers.put(this, offered);
    else this.anew();
  }

  reuse(line: Line): void {
    this.#finish();
    this.#give(this.#play.journal.reuse(this.#frame, line));
  }

  anew(): void {
    if (!needsConsent(this.#play.run, this.#deed)) return this.#play.gate(this);
    this.#asking = true;
    const allowed = () => {
      this.#asking = false;
      this.#play.gate(this);
      if (this.#play.live) this.#play.idle();
    };
    const no = (failure: Failure) => {
      this.#began = this.#play.stage.clock.mono();
      this.#fail(failure);
    };
    askConsent(this.#play, this.#frame, this.place, this.#deed, { yes: allowed, no });
  }

  go(): void {
    if (this.ended) return;
    this.#play.pending.add(this);
    this.#began = this.#play.stage.clock.mono();
    if (this.#play.refusing) return this.#fail(this.#play.refusing);
    if (this.#claimed && !this.#mayRepeat) return this.#fail(unknownEffect(this.place));
    const seconds = this.#deed.seconds ?? SECONDS;
    const late = new Failure("TIMEOUT", `${this.#deed.does} had not ended after its ${seconds} seconds`);
    this.#stopTimer = this.#play.stage.clock.after(seconds * 1000, () => this.abort(late));
    this.#do(1).catch((error: unknown) => this.#fail(Failure.from(error)));
  }

  drop(): void {
    this.#finish();
    this.#stop.abort(new Failure("CANCELLED", "the step was cancelled"));
  }

  abort(failure: Failure): void {
    if (this.ended || this.#asking) return;
    this.#stop.abort(failure);
    this.#fail(failure);
  }

  get #claimPlace(): string {
    return `${this.place}/~claim`;
  }

  /** Whoever receives it knows a repetition by its key, or nothing in the world is changed. */
  get #mayRepeat(): boolean {
    return this.#deed.effect !== true;
  }

  async #do(attempt: number): Promise<void> {
    const { deeds, clock } = this.#play.stage;
    const { does, input } = this.#deed;
    const { id: run, caller } = this.#play.run;
    const key = fingerprint({ run, place: this.place });
    if (this.#deed.effect && !this.#claimed) await this.#claim(key);
    if (this.ended) return;
    try {
      const scene = { run, caller, place: this.place, key, signal: this.#stop.signal };
      const value = await deeds.perform(does, input, scene, this.#play);
      this.#over({ state: "done", value: kept(value) ?? null });
    } catch (error) {
      const failure = Failure.from(error);
      const policy = { ...this.#play.catalogue.retry, ...this.#deed.retry } as RetryPolicy;
      const again = failure.kind === "transient" && this.#mayRepeat && attempt < policy.attempts && !this.ended;
      if (!again) return this.#fail(failure);
      const pause = failure.retryAfterMs ?? pauseAfter(attempt, policy, this.#play.stage.random);
      this.#stopPause = clock.after(Math.min(pause, policy.max_ms), () => {
        this.#do(attempt + 1).catch((bug: unknown) => this.#fail(Failure.from(bug)));
      });
    }
  }

  /** Nothing is done before it is durable that it was about to be. */
  async #claim(key: string): Promise<void> {
    this.#claimed = true;
    const { does, input } = this.#deed;
    const line = { place: this.#claimPlace, kind: "choice", print: this.#print, state: "done", ms: 0 } as const;
    await this.#play.journal.write([this.#play.journal.newLine(this.#frame, { ...line, value: { does, input, key } })]);
  }

  #fail(failure: Failure): void {
    if (this.ended) return;
    if (failure.kind === "catastrophic") return this.#play.catastrophe(failure);
    const error = new Failure(failure.code, failure.message, { ...failure.options, step: this.place });
    this.#over({ state: "failed", error: error.toJSON() });
  }

  #over(told: Pick<Line, "state" | "value" | "error">): void {
    if (this.ended || this.#play.over) return;
    this.#finish();
    const ms = Math.round(this.#play.stage.clock.mono() - this.#began);
    const line = {
      place: this.place,
      kind: "choice",
      print: this.#print,
      agent: this.#deed.does,
      ms,
      ...told,
    } as const;
    void this.#play.journal.write([this.#play.journal.newLine(this.#frame, line)]);
    this.#give(told);
    this.#play.idle();
  }

  #finish(): void {
    this.ended = true;
    this.#stopTimer();
    this.#stopPause();
    this.#frame.open.delete(this);
    this.#play.pending.delete(this);
    this.#play.offers.withdraw(this);
  }

  #give({ state, value, error }: Pick<Line, "state" | "value" | "error">): void {
    if (state === "failed" && error) this.#tell.fail(Failure.fromInfo(error));
    else this.#tell.done(value);
  }
}

const unknownEffect = (place: string): Failure =>
  new Failure("EFFECT_UNKNOWN", `${place} had begun when the server stopped, and nobody knows whether it was done`, {
    hint: "Look whether it was done. control_run retry does it again; where its receiver knows a repetition by its key, declare `effect: {idempotent: true}`.",
  });
