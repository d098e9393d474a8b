import type { Deed, Verdict, Verify } from "../core/deed.ts";
import { Failure } from "../core/errors.ts";
import type { Line } from "../core/store.ts";
import { type Claim, deedPrint } from "../core/undoing.ts";
import type { Teller } from "./call.ts";
import { askConsent, consentPlace, needsConsent } from "./consent.ts";
import { askWhetherDone, claimPlace, claimsOf, isAsked, keyClaimed } from "./doubt.ts";
import { attempted, keyOf } from "./effort.ts";
import type { Frame, Open } from "./frame.ts";
import { kept } from "./kept.ts";
import type { Choosy } from "./offers.ts";
import type { Gated, Playing } from "./playing.ts";

/**
 * The verb `act`: something done or read in the world that is no model. What came of it is one line. What changes the
 * world is claimed by a line of its own before it begins; a claim that a crash cut off is not repeated blindly: it is
 * looked at whether it was done, or a person is asked.
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
  /** How often it was about to be done, as remembered. */
  #claims = 0;
  /** Somebody is asked whether it may be done, or was. */
  #asking = false;

  constructor(play: Playing, frame: Frame, place: string, deed: Deed, tell: Teller<unknown>) {
    this.#play = play;
    this.#frame = frame;
    this.place = place;
    this.#deed = deed;
    this.#tell = tell;
    this.#print = deedPrint(deed);
  }

  get isAtWork(): boolean {
    return this.#play.pending.has(this);
  }

  begin(): void {
    if (this.#deed.effect) this.#claims = claimsOf(this.#play, this.#frame, this.place, this.#print);
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
    if (this.#claims === 0 || this.#mayRepeat) return this.#start();
    if (this.#deed.verify && !isAsked(this.#play, this.place, this.#claims))
      return void this.#verify(this.#deed.verify);
    this.#ask();
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

  /** Whoever receives it knows a repetition by its key, or nothing in the world is changed. */
  get #mayRepeat(): boolean {
    return this.#deed.effect !== true;
  }

  #start(): void {
    this.#play.pending.add(this);
    if (this.#play.refusing) return this.#fail(this.#play.refusing);
    this.#do().catch((error: unknown) => this.#fail(Failure.from(error)));
  }

  async #do(): Promise<void> {
    if (this.#deed.effect && (this.#claims === 0 || !this.#mayRepeat)) await this.#claim();
    if (this.ended) return;
    this.#over({ state: "done", value: await this.#attempted(this.#deed, this.#mayRepeat) });
  }

  #attempted({ does, input }: Pick<Deed, "does" | "input">, mayRepeat: boolean): Promise<unknown> {
    const { place } = this;
    const key = this.#key;
    return attempted(this.#play, { ...this.#deed, does, input, place, key, mayRepeat, signal: this.#stop.signal });
  }

  /** What was claimed is known by the key it was claimed with. */
  get #key(): string {
    const claimed = this.#claims > 0 ? keyClaimed(this.#play, this.place, this.#claims) : undefined;
    return claimed ?? this.#deed.key ?? keyOf(this.#play, this.place);
  }

  /** Nothing is done before it is durable that it was about to be. */
  async #claim(): Promise<void> {
    const key = this.#key;
    const place = claimPlace(this.place, ++this.#claims);
    const value = kept(claimOf(this.#deed, key));
    const line = { place, kind: "choice", print: this.#print, state: "done", ms: 0, value } as const;
    await this.#play.journal.write([this.#play.journal.newLine(this.#frame, line)]);
  }

  /** Looks whether it was done; where that cannot be told, a person is asked. */
  async #verify(verify: Verify): Promise<void> {
    this.#play.pending.add(this);
    const verdict = await this.#attempted(verify, true)
      .then((found) => verify.read(found))
      .catch((error: unknown) => Failure.from(error));
    if (this.ended || this.#play.over) return;
    if (!(verdict instanceof Failure)) return this.#told(verdict);
    const fields = { event: "verify.failed", run_id: this.#play.run.id, step: this.place, code: verdict.code };
    this.#play.stage.log.warn(fields, verdict.message);
    this.#ask();
    this.#play.idle();
  }

  #ask(): void {
    this.#play.pending.delete(this);
    this.#asking = true;
    const answered = (then: () => void) => {
      this.#asking = false;
      this.#began = this.#play.stage.clock.mono();
      then();
    };
    askWhetherDone(this.#play, this.#frame, this.place, this.#claims, this.#deed, {
      told: (verdict) => answered(() => this.#told(verdict)),
      fail: (failure) => answered(() => this.#fail(failure)),
    });
  }

  #told(verdict: Verdict): void {
    if (verdict.done) this.#over({ state: "done", value: verdict.value });
    else this.#start();
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
    this.#frame.open.delete(this);
    this.#play.pending.delete(this);
    this.#play.offers.withdraw(this);
  }

  #give({ state, value, error }: Pick<Line, "state" | "value" | "error">): void {
    if (state === "failed" && error) this.#tell.fail(Failure.fromInfo(error));
    else this.#tell.done(value);
  }
}

/** All that is needed to take it back stands beside it, and to look whether it was done. */
function claimOf({ does, input, compensate, verify }: Deed, key: string): Claim {
  const { tells } = verify ?? {};
  const look = compensate && verify && tells && { does: verify.does, input: verify.input, tells };
  return { does, input, key, ...(compensate && { compensate }), ...(look && { verify: look }) };
}
