import { Failure, type FailureInfo } from "../core/errors.ts";
import type { RunOptions } from "../core/pattern.ts";
import type { Line } from "../core/store.ts";
import { NO_USAGE } from "../core/usage.ts";
import type { Teller } from "./call.ts";
import { capsOf } from "./caps.ts";
import { Frame, type Open } from "./frame.ts";
import type { Playing, Undecided } from "./playing.ts";

/** What is played inside, and within which bounds. */
export interface Inside {
  /** What it is, for people. */
  readonly name: string;
  /** The same for the same thing with the same input. */
  readonly print: string;
  /** It stands a level deeper; an agent's own dialogue does not. */
  readonly deeper: boolean;
  readonly options: RunOptions;
  play(inner: Frame): Promise<unknown>;
  /** Who has answered, where that is an agent. */
  who?(): Pick<Line, "agent" | "model">;
}

type Ended = { readonly value: unknown } | { readonly error: FailureInfo };

/** The verb `run`: something of several steps inside a pattern, one line when it is done. */
export class Nested implements Open, Undecided {
  readonly place: string;
  readonly #play: Playing;
  readonly #frame: Frame;
  readonly #inside: Inside;
  readonly #tell: Teller<Line>;
  readonly #print: string;
  #inner: Frame | undefined;
  #stopTimer = () => {};

  constructor(play: Playing, frame: Frame, place: string, inside: Inside, tell: Teller<Line>) {
    this.#play = play;
    this.#frame = frame;
    this.place = place;
    this.#inside = inside;
    this.#tell = tell;
    this.#print = inside.print;
  }

  begin(): void {
    const known = this.#play.journal.recall(this.#frame, this.place, "run", this.#print);
    if (this.#play.over) return;
    if (known) return this.#give(known);
    const { name, deeper, options } = this.#inside;
    const caps = options.budget
      ? [...this.#frame.caps, { place: this.place, caps: capsOf(options.budget) }]
      : this.#frame.caps;
    const inner = new Frame(this.place, this.#frame.depth + (deeper ? 1 : 0), caps, this.#frame);
    this.#inner = inner;
    this.#frame.open.add(this);
    this.#play.maps.add(this);
    this.#play.active++;
    const { depth } = this.#play.catalogue.limits;
    if (inner.depth > depth) {
      const why = `${name} would be level ${inner.depth}, and ${depth} are allowed (limits.depth)`;
      return this.#ended({ error: new Failure("DEPTH_EXCEEDED", why).toJSON() });
    }
    this.#inside.play(inner).then(
      (value) => this.#ended({ value }),
      (error: unknown) => {
        const failure = Failure.from(error);
        if (failure.kind === "catastrophic") return this.#play.catastrophe(failure);
        this.#ended({ error: failure.toJSON() });
      },
    );
    if (this.#play.live) this.goLive();
  }

  drop(): void {
    this.#stopTimer();
    this.#play.maps.delete(this);
  }

  decideFromMemory(): boolean {
    return false;
  }

  /** Its limit of time counts what its steps took, so that a restart leaves it what it had. */
  goLive(): void {
    const { seconds, budget } = this.#inside.options;
    const most = Math.min(seconds ?? Number.POSITIVE_INFINITY, budget?.seconds ?? Number.POSITIVE_INFINITY);
    if (!Number.isFinite(most) || !this.#inner) return;
    const late = () => this.#late(most);
    this.#stopTimer = this.#play.stage.clock.after(Math.max(0, most * 1000 - this.#inner.elapsed), late);
  }

  lateAgain({ place, ms, usage = NO_USAGE, error }: Line): boolean {
    const inner = this.#inner;
    if (place !== this.place || !error || !inner || inner.closed || this.#play.over) return false;
    inner.close();
    inner.elapsed = ms;
    inner.spent = usage;
    void this.#play.journal.write([{ do: "close", under: [this.place] }]);
    this.#play.active++;
    this.#over({ error });
    return true;
  }

  #late(seconds: number): void {
    const inner = this.#inner;
    if (!inner || this.#play.over || inner.closed) return;
    if (!this.#play.mayTell) {
      this.#stopTimer = this.#play.stage.clock.after(5, () => this.#late(seconds));
      return;
    }
    inner.close();
    inner.elapsed = seconds * 1000;
    inner.spent = this.#play.journal.usageUnder(this.place);
    const error = new Failure("TIMEOUT", `${this.#inside.name} had not ended after its ${seconds} seconds`);
    void this.#play.journal.write([{ do: "close", under: [this.place] }]);
    this.#play.active++;
    this.#over({ error: error.toJSON() });
    this.#play.stage.pour();
  }

  #ended(end: Ended): void {
    const inner = this.#inner;
    if (!inner || this.#play.over || inner.closed) {
      this.#play.active--;
      return this.#play.idle();
    }
    if (inner.open.size > 0)
      return this.#play.catastrophe(new Failure("BUG", `${this.place} ended with a verb still open`));
    inner.close();
    this.#over(end);
  }

  #over(end: Ended): void {
    const inner = this.#inner;
    if (!inner) return;
    this.drop();
    this.#frame.open.delete(this);
    this.#play.active--;
    const { elapsed: ms, spent: usage, degraded } = inner;
    this.#frame.seq = Math.max(this.#frame.seq, inner.seq);
    const state = "error" in end ? ("failed" as const) : ("done" as const);
    const who = this.#inside.who?.();
    const how = { place: this.place, kind: "run", print: this.#print, state, ms, usage, ...who, ...end } as const;
    const write = this.#play.journal.newLine(this.#frame, { ...how, ...(degraded.length > 0 && { degraded }) });
    void this.#play.journal.write([write]);
    const line = this.#play.memory.line(this.place);
    if (line) this.#give(line);
    this.#play.idle();
  }

  #give(line: Line): void {
    if (line.error) this.#tell.fail(Failure.fromInfo(line.error));
    else this.#tell.done(line);
  }
}
