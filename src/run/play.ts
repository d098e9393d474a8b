import type { Catalogue } from "../core/catalogue.ts";
import { nextUtcDay } from "../core/clock.ts";
import { Failure } from "../core/errors.ts";
import { fingerprint } from "../core/fingerprint.ts";
import { type Files, filesOf } from "../core/material.ts";
import type { Pattern } from "../core/pattern.ts";
import type { Claimed, Ending, Line, NewWait, Run, RunCaps } from "../core/store.ts";
import { contextOf } from "./context.ts";
import { conclude, doneSteps } from "./ending.ts";
import { Frame, isLimitOfRun, type Open } from "./frame.ts";
import { Journal, MOST_LINES } from "./journal.ts";
import { kept } from "./kept.ts";
import { withMaterial } from "./material.ts";
import type { Remembered } from "./memory.ts";
import { Offers } from "./offers.ts";
import type { Gated, Playing, Undecided, Waiter } from "./playing.ts";
import { Poor } from "./poor.ts";
import { Prefixes } from "./prefixes.ts";
import type { Stage } from "./stage.ts";

/**
 * One attempt at playing a run: first from memory to the front, then live. It counts what is running, pending and
 * waiting, so that it knows when nothing can go on; then it ends the run, or puts it down.
 */
export class Play implements Playing {
  readonly stage: Stage;
  readonly run: Run;
  readonly catalogue: Catalogue;
  readonly pattern: Pattern;
  readonly journal: Journal;
  active = 0;
  readonly pending = new Set<object>();
  readonly waiting = new Map<string, Waiter>();
  readonly poor = new Poor();
  readonly maps = new Set<Undecided>();
  readonly offers: Offers;
  readonly asides = new Set<Frame>();
  readonly cachedPrints = new Set<string>();
  readonly prefixes: Prefixes;
  readonly files: Files;
  live = false;
  over = false;
  #draining = false;
  /** Somebody has paused the run. */
  #pausing = false;
  refusing: Failure | undefined;
  #gated: Gated[] = [];
  #parking = false;
  /** The limit that a step of this run was the first to meet. */
  #stopped: Failure | undefined;
  #budgetAsked: Failure | undefined;
  /** When a cap above the run that has refused something counts anew. */
  #anew: number | undefined;
  /** The caps that what was refused has been measured by. */
  #caps: RunCaps;
  #root: Frame | undefined;
  #onReplayed: ((ending: Ending) => void) | undefined;
  #onFront: ((front: Front) => void) | undefined;
  #onDrained: (() => void) | undefined;
  #stopTimer = () => {};
  #stopDrain = () => {};

  constructor(stage: Stage, { run, catalogue, memory, offered, bodies }: Claimed, pattern: Pattern) {
    this.stage = stage;
    this.run = run;
    this.#caps = run.caps;
    this.catalogue = catalogue;
    this.pattern = withMaterial(pattern, run.material);
    this.files = filesOf(run.material, bodies);
    const reader = {
      lost: (why: string) => this.#lost(why),
      catastrophe: (failure: Failure) => this.catastrophe(failure),
      told: (line: Line) => this.#noticeLimit(line),
      full: () => {
        this.refusing ??= tooLong();
      },
    };
    this.journal = new Journal(stage, run, memory, reader, offered);
    this.offers = new Offers(this.memory);
    this.prefixes = new Prefixes(stage.clock);
    for (const place of this.memory.cachedPlaces()) {
      const print = this.memory.line(place)?.print;
      if (print) this.cachedPrints.add(print);
    }
  }

  get memory(): Remembered {
    return this.journal.memory;
  }

  start(): void {
    const input = this.pattern.input.safeParse(this.run.input);
    if (!input.success) return this.catastrophe(new Failure("BUG", "the stored input no longer fits its pattern"));
    const root = new Frame("", 1, []);
    this.#root = root;
    this.active = 1;
    for (const line of this.memory.ownLines()) this.#noticeLimit(line);
    const { seconds } = this.run.caps;
    if (seconds !== undefined && !this.#onReplayed && !this.#onFront) {
      const left = seconds * 1000 - this.run.held_ms;
      if (left <= 0) this.#deadline();
      else this.#stopTimer = this.stage.clock.after(left, () => this.#deadline());
    }
    const frames = (async () => kept(await this.pattern.run(contextOf(this, root), input.data)))();
    frames.then(
      (output) => this.#returned({ output }),
      (error: unknown) => this.#returned({ error: Failure.from(error) }),
    );
  }

  /** Plays from memory alone and tells how the run ended there; anything fresh is a divergence. */
  replay(): Promise<Ending> {
    return new Promise((resolve) => {
      this.#onReplayed = resolve;
      this.journal.seal();
      this.start();
    });
  }

  /** Plays from memory to the front, writes nothing and asks nobody; tells what would be asked there, or how it ends. */
  toFront(): Promise<Front> {
    return new Promise((resolve) => {
      this.#onFront = resolve;
      this.journal.onlyLook();
      this.start();
    });
  }

  /** Where something is being done in the world that is no model. */
  get doing(): readonly string[] {
    return [...this.#openCalls(this.#root)].filter(({ isAtWork }) => isAtWork).map(({ place }) => place);
  }

  get mayTell(): boolean {
    return !this.#parking;
  }

  /** Nothing new starts: this process is about to end, or the run is to be put down. */
  get draining(): boolean {
    return this.#draining || this.#pausing;
  }

  tell(progress: string): void {
    if (this.live && !this.over) void this.journal.write([{ do: "progress", text: progress }]);
  }

  gate(gated: Gated): void {
    if (this.#onReplayed) {
      return this.catastrophe(new Failure("DIVERGED", "something fresh was asked in a run that had ended"));
    }
    this.#gated.push(gated);
    if (this.live) this.#release();
  }

  askForBudget(gated: Gated, refusal: Failure): void {
    if (!this.#budgetAsked && isAbove(refusal)) this.#anew = nextUtcDay(this.stage.clock.now());
    this.#budgetAsked ??= refusal;
    this.#gated.push(gated);
  }

  /** Money has come free. */
  pour(): void {
    if (this.over || this.#parking || this.poor.size === 0) return;
    if (this.refusing || this.draining) this.poor.rouse();
    else this.poor.pour();
  }

  /** Looks at what others have written: an end that is asked for, answers, times that are over. It never throws. */
  async poll(): Promise<void> {
    if (this.over || this.#onReplayed) return;
    await this.#look().catch((error: unknown) => {
      const { code, message } = Failure.from(error);
      this.stage.log.error({ event: "store.failed", run_id: this.run.id, code }, message);
    });
  }

  async #look(): Promise<void> {
    const { cancelling, paused, waits } = await this.stage.store.news(this.run.id);
    if (this.over) return;
    if (cancelling) return this.cancelled();
    this.pour();
    if (this.#parking) return;
    this.#heed(paused);
    if (this.over || !this.live || this.#parking) return;
    for (const wait of waits) {
      this.memory.setWait(wait);
      this.waiting.get(wait.place)?.news(wait);
    }
    if (this.#budgetAsked) await this.#reconsider();
  }

  /** A pause shuts the gate, and what is in flight ends; one that is taken back before that opens it again. */
  #heed(paused: boolean): void {
    if (paused === this.#pausing) return;
    this.#pausing = paused;
    if (paused) return this.#stepBack();
    if (this.live) this.#release();
  }

  /** The gate opens again where somebody has raised the cap before the run was put down for it. */
  async #reconsider(): Promise<void> {
    const caps = (await this.stage.store.get(this.run.id))?.caps;
    if (!caps || this.over || this.#parking || fingerprint(caps) === fingerprint(this.#caps)) return;
    this.#caps = caps;
    this.#reopen();
  }

  #reopen(): void {
    this.#budgetAsked = undefined;
    this.#anew = undefined;
    if (this.live) this.#release();
  }

  /** Ends waits whose time is over; called often, and cheap where nothing is. */
  expire(): void {
    if (this.over || !this.live || this.#parking) return;
    const now = this.stage.clock.now();
    if (this.#anew !== undefined && now >= this.#anew) this.#reopen();
    for (const place of this.waiting.keys()) {
      const until = this.memory.wait(place)?.expires_at;
      if (until === undefined || until > now) continue;
      void this.journal.write([{ do: "expire", place }]).then(() => this.poll());
    }
  }

  idle(): void {
    if (this.active > 0 || this.over) return;
    if (!this.live && !this.#reachFront()) return;
    if (this.active > 0 || this.pending.size > 0) return;
    if (this.#draining) return this.#giveBack();
    if (this.#pausing) return this.#putDown();
    if (this.poor.anyAsleep) return;
    if (this.#budgetAsked || this.waiting.size > 0) this.#park();
  }

  catastrophe(failure: Failure): void {
    if (this.over) return;
    this.stage.log.error({ event: "run.dead", run_id: this.run.id, code: failure.code }, failure.message);
    this.#end({
      status: "dead",
      error: failure.toJSON(),
      output: doneSteps(this.memory),
      degraded: this.#degraded,
    });
  }

  cancelled(): void {
    if (this.over) return;
    const error = new Failure("CANCELLED", "cancelled; what was done is kept in the trace").toJSON();
    this.#end({ status: "cancelled", error, output: doneSteps(this.memory), degraded: this.#degraded });
  }

  /** Starts nothing more; calls in flight end within the grace, then the run goes back to the queue. */
  drain(graceMs: number): Promise<void> {
    if (this.over) return Promise.resolve();
    return new Promise((resolve) => {
      const before = this.#onDrained;
      this.#onDrained = () => {
        before?.();
        resolve();
      };
      this.#draining = true;
      this.#stopDrain();
      this.#stopDrain = this.stage.clock.after(graceMs, () => this.#giveBack());
      this.#stepBack();
    });
  }

  #release(): void {
    if (this.draining || this.#budgetAsked || this.over) return;
    const gated = this.#gated;
    this.#gated = [];
    for (const each of gated) each.go();
  }

  /** True once memory can take no place any further: what it holds is told, all of it, and the gate opens. */
  #reachFront(): boolean {
    while (this.#decideFromMemory()) if (this.active > 0) return false;
    const diverged = this.journal.checkFront();
    if (diverged) {
      this.catastrophe(diverged);
      return false;
    }
    if (this.#onFront) {
      this.over = true;
      this.#onFront({ asked: this.#atGate });
      return false;
    }
    this.live = true;
    for (const map of this.maps) map.goLive();
    this.#release();
    if (this.waiting.size > 0) void this.poll();
    return true;
  }

  #decideFromMemory(): boolean {
    return [...this.maps].reverse().some((map) => map.decideFromMemory()) || this.offers.decide(this.#atGate);
  }

  get #atGate(): readonly string[] {
    return this.#gated.filter(({ ended }) => !ended).map(({ place }) => place);
  }

  #park(): void {
    if (this.#parking) return;
    this.#parking = true;
    const asks = this.#budgetAsked && { wait: this.#budgetWait(this.#budgetAsked), caps: this.#caps };
    const places = [...this.waiting.keys()];
    void this.journal.write([{ do: "park", places, ...(asks && { asks }) }]).then((written) => {
      const last = written.at(-1);
      this.#parking = false;
      if (last?.did === "parked" && last.ok) return this.#drop("parked");
      void this.poll().then(() => this.idle());
    });
  }

  /** A cap above the run is not for anybody to raise: it counts anew when the day is over. */
  #budgetWait(refusal: Failure): NewWait {
    const before = [...this.memory.waits()].filter(({ kind }) => kind === "budget");
    const { scope, unit = "usd" } = refusal.options;
    const cap = scope === "caller" || scope === "day" ? this.stage.daily[scope][unit] : undefined;
    const show = { ...refusal.toJSON(), ...(cap !== undefined && { cap }) };
    const asked = before.find((wait) => wait.state === "open" && fingerprint(wait.show) === fingerprint(show));
    if (asked && asked.expires_at === this.#anew) return asked;
    return {
      generation: this.run.generation,
      place: `~budget.${before.length + 1}`,
      kind: "budget",
      show,
      opened_at: this.stage.clock.now(),
      ...(this.#anew !== undefined && { expires_at: this.#anew }),
    };
  }

  /** What only waits in a queue need not be waited for. */
  #stepBack(): void {
    for (const open of this.#openCalls(this.#root)) open.stepBack?.();
    this.idle();
  }

  #putDown(): void {
    if (this.#parking) return;
    this.#parking = true;
    void this.journal.write([{ do: "pause" }]).then((written) => {
      this.#parking = false;
      const last = written.at(-1);
      if (last?.did === "parked" && last.ok) return this.#drop("paused");
      void this.poll().then(() => this.idle());
    });
  }

  #giveBack(): void {
    if (this.over) return;
    void this.journal.write([{ do: "release" }]).then(() => this.#drop("given back"));
  }

  #deadline(): void {
    if (this.over) return;
    const { seconds } = this.run.caps;
    this.refusing = new Failure("DEADLINE_EXCEEDED", `the run's ${seconds} seconds are over`, {
      hint: "What was done is kept. A person may give it more `seconds` (decide raise_budget); control_run retry then goes on from here.",
    });
    for (const open of this.#openCalls(this.#root)) open.abort?.(this.refusing);
    this.pour();
    this.#reopen();
  }

  *#openCalls(frame: Frame | undefined): Generator<Open> {
    if (!frame) return;
    yield* [...frame.open];
    for (const kid of [...frame.kids]) if (!kid.closed) yield* this.#openCalls(kid);
  }

  get #degraded(): readonly string[] {
    return this.#root?.degraded ?? [];
  }

  /**
   * A limit stops the run wherever it was met, in a branch that lost as well; so it is noticed before a replay begins.
   * What an older generation met no longer counts: its lines are failures like any other.
   */
  #noticeLimit(line: Line): void {
    const { error, generation } = line;
    if (!error || generation !== this.run.generation || !isLimitOfRun(error)) return;
    if (error.code === "DEADLINE_EXCEEDED" || this.run.on_budget === "fail") {
      this.#stopped ??= Failure.fromInfo(error);
      this.refusing ??= this.#stopped;
    }
  }

  #returned(result: { readonly output: unknown } | { readonly error: Failure }): void {
    if (this.over) return;
    this.active--;
    if (this.pending.size > 0 || this.waiting.size > 0) {
      return this.catastrophe(new Failure("BUG", "the pattern returned while something of it was still open"));
    }
    const diverged = this.live ? undefined : this.journal.checkFront();
    if (diverged) return this.catastrophe(diverged);
    const { memory } = this;
    const checked = "output" in result ? this.#checked(result.output) : result;
    this.#end(
      conclude(checked, { on_budget: this.run.on_budget, refusing: this.#stopped, degraded: this.#degraded, memory }),
    );
  }

  #checked(output: unknown): { readonly output: unknown } | { readonly error: Failure } {
    const parsed = this.pattern.output.safeParse(output);
    if (parsed.success) return { output: parsed.data };
    return { error: new Failure("BUG", `${this.pattern.name} returned another shape than it promises`) };
  }

  #end(ending: Ending): void {
    if (this.#onReplayed) {
      this.over = true;
      return this.#onReplayed(ending);
    }
    if (this.#onFront) {
      this.over = true;
      return this.#onFront({ asked: [], ending });
    }
    void this.journal.write([{ do: "end", ending }]).then((written) => {
      const last = written.at(-1);
      const status = last?.did === "ended" ? last.status : ending.status;
      const { error } = ending;
      const fields = { event: "run.ended", run_id: this.run.id, workflow_id: this.run.pattern, status };
      this.stage.log.info({ ...fields, ...(error && { code: error.code }) }, `run ${status}`);
      this.stage.over(this.run.id);
    });
    this.#drop("ended", false);
  }

  /** A play that was about to end has let go of its frames already, and still has its place among the plays. */
  #lost(why: string): void {
    if (this.over) this.stage.over(this.run.id);
    else this.#drop(why);
  }

  /** The frames are let go: no verb of this play settles any more, and its sockets close. */
  #drop(why: string, tell = true): void {
    if (this.over) return;
    this.over = true;
    this.#stopTimer();
    this.#stopDrain();
    this.#root?.close();
    this.waiting.clear();
    this.poor.clear();
    this.stage.log.debug({ event: "play.over", run_id: this.run.id, why }, "play over");
    if (tell) this.stage.over(this.run.id);
    this.#onDrained?.();
  }
}

/** How far memory alone leads: to what would be asked, or to an end. */
export interface Front {
  readonly asked: readonly string[];
  readonly ending?: Ending;
}

const tooLong = (): Failure =>
  new Failure("RUN_TOO_LONG", `a run remembers at most ${MOST_LINES} steps, and this one has reached them`, {
    hint: "What was done is kept. Do the rest in another run, or in several: one for each part of the work.",
  });

/** Is it the cap of a caller or of the day? */
const isAbove = ({ options: { scope } }: Failure): boolean => scope === "caller" || scope === "day";
