import { Failure } from "../core/errors.ts";
import type { MapOptions, RunContext, Settled } from "../core/pattern.ts";
import { joinPlace } from "../core/place.ts";
import type { Line, Write } from "../core/store.ts";
import { NO_USAGE } from "../core/usage.ts";
import { setAside } from "./aside.ts";
import type { Teller } from "./call.ts";
import { capsOf } from "./caps.ts";
import { Following } from "./following.ts";
import { Frame, type Open } from "./frame.ts";
import { tookOf } from "./front.ts";
import { type Arrived, CANCELLED_BRANCH, type Decision, joinPrint, judge, outOfTime } from "./join.ts";
import { kept } from "./kept.ts";
import type { Playing, Undecided } from "./playing.ts";

type Branch = (item: unknown, ctx: RunContext, index: number, before: readonly Settled<unknown>[]) => Promise<unknown>;

/**
 * The verb `map`: every item in a frame of its own, at once, until its join is decided. A decision that depends on
 * order or time is written down before the map returns, so that a replay counts the same branches.
 */
export class Branches implements Open, Undecided {
  readonly place: string;
  readonly #play: Playing;
  readonly #frame: Frame;
  readonly #items: readonly unknown[];
  readonly #print: string;
  readonly #branch: Branch;
  readonly #options: Required<Pick<MapOptions, "join">> & MapOptions;
  readonly #tell: Teller<Settled<unknown>[]>;
  readonly #contextOf: (frame: Frame) => RunContext;
  readonly #kids: (Frame | undefined)[] = [];
  readonly #results: (Settled<unknown> | undefined)[] = [];
  readonly #arrived: Arrived[] = [];
  readonly #timers = new Map<number, () => void>();
  readonly #following: Following;
  /** The branches that a decision in memory counted: binding in this generation, else the first to be tried. */
  #decided: readonly number[] | undefined;
  #offered: readonly number[] | undefined;
  #done = false;

  constructor(
    play: Playing,
    frame: Frame,
    place: string,
    work: { items: readonly unknown[]; branch: Branch; options: MapOptions; contextOf: (frame: Frame) => RunContext },
    tell: Teller<Settled<unknown>[]>,
  ) {
    this.#play = play;
    this.#frame = frame;
    this.place = place;
    this.#items = work.items;
    this.#branch = work.branch;
    this.#options = { join: { kind: "all" }, ...work.options };
    this.#print = joinPrint(this.#options.join, work.items.length);
    this.#following = new Following(this.#options.after ?? []);
    this.#contextOf = work.contextOf;
    this.#tell = tell;
  }

  get #caps(): Frame["caps"] {
    const { budget } = this.#options;
    const { caps } = this.#frame;
    return budget ? [...caps, { place: this.place, caps: capsOf(budget) }] : caps;
  }

  begin(): void {
    if (this.#items.length === 0) return this.#tell.done([]);
    const line = this.#play.journal.recall(this.#frame, this.place, "join", this.#print);
    if (this.#play.over) return;
    if (line && line.generation === this.#play.run.generation) this.#decided = tookOf(line);
    else if (line) this.#offered = tookOf(line);
    this.#frame.open.add(this);
    this.#play.maps.add(this);
    if (this.#options.closing !== undefined)
      setAside(this.#play, this.#frame, this.#options.closing, this.#items.length);
    const first = this.#decided ?? this.#offered ?? this.#items.map((_, index) => index);
    const { wrong } = this.#following;
    if (wrong !== undefined) return this.#play.catastrophe(new Failure("BUG", `${this.place}: ${wrong}`));
    this.#openAll(first);
  }

  drop(): void {
    this.#close();
  }

  decideFromMemory(): boolean {
    if (this.#done || this.#arrived.length === 0) return false;
    const before = this.#play.active;
    return this.#decide() || this.#play.active > before;
  }

  goLive(): void {
    for (const [index, kid] of this.#kids.entries())
      if (kid && !kid.closed && !this.#results[index]) this.#arm(index, kid);
  }

  lateAgain(line: Line): boolean {
    const index = this.#kids.findIndex((kid) => kid?.path === line.place);
    const kid = this.#kids[index];
    const { seconds = 0 } = this.#options;
    if (!kid || kid.closed || this.#done || line.kind !== "time" || line.ms !== seconds * 1000) return false;
    kid.close();
    void this.#play.journal.write([{ do: "close", under: [kid.path] }]);
    this.#play.journal.reuse(kid, line);
    this.#outOfTime(index, kid, line);
    return true;
  }

  /** All branches are opened before any of them can make the map, or the run, look idle. */
  #openAll(indexes: readonly number[]): void {
    this.#play.active++;
    const hasEnded = (other: number) => this.#results[other] !== undefined;
    for (const index of indexes) if (this.#following.mayBegin(index, hasEnded)) this.#open(index);
    this.#play.active--;
  }

  #open(index: number): void {
    const others = this.#options.after?.[index] ?? [];
    const before = others.flatMap((other) => this.#results[other] ?? []);
    const kid = new Frame(joinPlace(this.place, String(index)), this.#frame.depth, this.#caps, this.#frame);
    for (const other of others) kid.follow(this.#kids[other]);
    this.#kids[index] = kid;
    this.#play.active++;
    const ended = this.#play.journal.timeUp(kid.path);
    if (ended) {
      kid.close();
      kid.told(ended);
      queueMicrotask(() =>
        this.#arrive(index, { ok: false, error: outOfTime(this.#options.seconds), usage: kid.spent }),
      );
      return;
    }
    const run = async () => kept(await this.#branch(this.#items[index], this.#contextOf(kid), index, before));
    run().then(
      (value) => this.#ended(index, kid, { ok: true, value }),
      (error: unknown) => {
        const failure = Failure.from(error);
        if (failure.kind === "catastrophic") return this.#play.catastrophe(failure);
        this.#ended(index, kid, { ok: false, error: failure.toJSON(), usage: kid.spent });
      },
    );
    if (this.#play.live) this.#arm(index, kid);
  }

  #arm(index: number, kid: Frame): void {
    const { seconds } = this.#options;
    if (seconds === undefined || this.#timers.has(index)) return;
    this.#ring(Math.max(0, seconds * 1000 - kid.ownElapsed), index, kid);
  }

  #ring(ms: number, index: number, kid: Frame): void {
    const stop = this.#play.stage.clock.after(ms, () => this.#timeUp(index, kid));
    this.#timers.set(index, stop);
  }

  #timeUp(index: number, kid: Frame): void {
    if (this.#play.over || this.#done || this.#results[index] || kid.closed) return;
    if (!this.#play.mayTell) return this.#ring(5, index, kid);
    kid.close();
    const ms = (this.#options.seconds ?? 0) * 1000;
    const usage = this.#play.journal.usageUnder(kid.path);
    const line = this.#play.journal.newLine(kid, {
      place: kid.path,
      kind: "time",
      print: "time",
      state: "failed",
      ms,
      usage,
    });
    void this.#play.journal.write([{ do: "close", under: [kid.path] }, line]);
    this.#outOfTime(index, kid, { ms, usage });
    this.#play.stage.pour();
  }

  /** What a branch was told counts for nothing once its time is over. */
  #outOfTime(index: number, kid: Frame, { ms, usage = NO_USAGE }: Pick<Line, "ms" | "usage">): void {
    kid.ownElapsed = ms;
    kid.spent = usage;
    kid.degraded = [];
    this.#play.active++;
    this.#arrive(index, { ok: false, error: outOfTime(this.#options.seconds), usage });
  }

  #ended(index: number, kid: Frame, result: Settled<unknown>): void {
    if (kid.closed || this.#play.over) {
      this.#play.active--;
      return this.#play.idle();
    }
    if (kid.open.size > 0)
      return this.#play.catastrophe(new Failure("BUG", `${kid.path} ended with a verb still open`));
    this.#arrive(index, result);
  }

  #arrive(index: number, result: Settled<unknown>): void {
    this.#play.active--;
    if (this.#done || this.#play.over) return this.#play.idle();
    this.#timers.get(index)?.();
    this.#results[index] = result;
    this.#arrived.push({ index, result });
    this.#openAll(this.#following.ended(index));
    if (this.#decided) {
      if (this.#arrived.length === this.#decided.length) this.#finish(this.#judged(this.#decided));
    } else if (this.#play.live || this.#isPlain()) {
      this.#decide();
    }
    this.#play.idle();
  }

  /** Memory alone tells it again, whatever the order of arrival was. */
  #isPlain(): boolean {
    const { kind } = this.#options.join;
    if (this.#arrived.length < this.#items.length) return false;
    return kind === "settle" || (kind === "all" && this.#results.every((result) => result?.ok));
  }

  #decide(): boolean {
    if (this.#offered && this.#arrived.length < this.#offered.length) return false;
    const decision = this.#judge();
    if (this.#play.over) return false;
    if (!decision) {
      if (this.#offered) this.#openRest();
      return false;
    }
    const losers = this.#kids.filter((kid, index) => kid && !decision.took.includes(index));
    for (const kid of losers) kid?.close();
    if (!decision.plain)
      this.#writeDown(
        decision,
        losers.flatMap((kid) => kid?.path ?? []),
      );
    this.#finish(decision);
    return true;
  }

  /** A pattern's own test may throw, in whatever turn a branch arrives. */
  #judge(): Decision | undefined {
    try {
      return judge(this.#options.join, this.#items.length, this.#order());
    } catch (error) {
      this.#play.catastrophe(Failure.from(error));
      return undefined;
    }
  }

  /** Live, branches count as they arrive; in memory, by the highest line they have read. */
  #order(): readonly Arrived[] {
    if (this.#offered) return this.#offered.flatMap((index) => this.#arrived.find((one) => one.index === index) ?? []);
    if (this.#play.live) return this.#arrived;
    const seq = (index: number) => this.#kids[index]?.seq ?? 0;
    return [...this.#arrived].sort((a, b) => seq(a.index) - seq(b.index) || a.index - b.index);
  }

  /** The offered decision does not hold any more: whoever was left out of it is asked after all. */
  #openRest(): void {
    const tried = this.#offered ?? [];
    this.#offered = undefined;
    this.#openAll(this.#items.map((_, index) => index).filter((index) => !tried.includes(index)));
  }

  #writeDown(decision: Decision, losers: readonly string[]): void {
    const value = { took: decision.took };
    const { fail } = decision;
    const state = fail ? ("failed" as const) : ("done" as const);
    const line = this.#play.journal.newLine(this.#frame, {
      place: this.place,
      kind: "join",
      print: this.#print,
      state,
      value,
      ms: 0,
      ...(fail && { error: fail }),
    });
    const close: Write[] = losers.length > 0 ? [{ do: "close", under: losers }] : [];
    void this.#play.journal.write([...close, line]);
    this.#play.stage.pour();
  }

  #judged(took: readonly number[]): Decision {
    const line = this.#play.memory.line(this.place);
    return { took, plain: false, ...(line?.error && { fail: line.error }) };
  }

  /** Only what the counted branches were told goes on; a replay does not know the others. */
  #finish({ took, fail }: Decision): void {
    this.#close();
    this.#frame.join([...took].sort((a, b) => a - b).flatMap((index) => this.#kids[index] ?? []));
    if (fail) return this.#tell.fail(Failure.fromInfo(fail));
    const counted = new Set(took);
    this.#tell.done(this.#items.map((_, index) => (counted.has(index) && this.#results[index]) || CANCELLED_BRANCH));
  }

  #close(): void {
    this.#done = true;
    for (const stop of this.#timers.values()) stop();
    this.#play.maps.delete(this);
    this.#frame.open.delete(this);
    for (const kid of this.#kids) kid?.close();
  }
}
