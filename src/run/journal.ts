import { Failure } from "../core/errors.ts";
import type { Attempt, Fence, Line, Memory, Offered, Run, Write, Written } from "../core/store.ts";
import { addUsage, NO_USAGE, type Usage } from "../core/usage.ts";
import { cutOff } from "./cut.ts";
import { type Frame, isLimitOfRun } from "./frame.ts";
import { unasked } from "./front.ts";
import { Remembered } from "./memory.ts";
import type { Question } from "./question.ts";
import type { Stage } from "./stage.ts";

/** What a journal tells the play that reads and writes it. */
export interface Reader {
  /** The run is somebody else's now, or the store has failed for good: nothing more can be written. */
  lost(why: string): void;
  catastrophe(failure: Failure): void;
  /** It remembers as much as a run may: nothing new may be asked. */
  full(): void;
  /** A line has been told, from memory or just now. */
  told(line: Line): void;
}

/** A replay reads all of it, and so does whoever looks at a trace. */
export const MOST_LINES = 10_000;

/** The memory of a run in play: lines are read from it, and every new one is written as the run's owner. */
export class Journal {
  readonly memory: Remembered;
  readonly #stage: Stage;
  readonly #run: Run;
  readonly #fence: Fence;
  readonly #reader: Reader;
  readonly #asked = new Set<string>();
  /** Requests that an end cut off in the source of a fork. */
  readonly #cut: readonly Attempt[];
  /** Only reads: whatever would be written is a divergence. */
  #sealed = false;
  /** Nothing is written at all: it is only looked at how far memory leads. */
  #looking = false;

  constructor(stage: Stage, run: Run, memory: Memory, reader: Reader, offered: Offered = NOTHING_OFFERED) {
    this.memory = new Remembered({ ...memory, lines: [...offered.lines, ...memory.lines] }, run.generation);
    this.#cut = offered.cut;
    this.#stage = stage;
    this.#run = run;
    this.#fence = { run: run.id, epoch: run.epoch };
    this.#reader = reader;
  }

  seal(): void {
    this.#sealed = true;
  }

  onlyLook(): void {
    this.#looking = true;
  }

  get isSealed(): boolean {
    return this.#sealed;
  }

  /** The line that stands at a place, if it answers this question; another question in this generation is a divergence. */
  recall(frame: Frame, place: string, kind: Line["kind"], print: string): Line | undefined {
    const line = this.memory.line(place);
    if (!line) return undefined;
    const same = line.print === print && line.kind === kind;
    if (line.generation < this.#run.generation && !same) return undefined;
    if (line.generation === SOURCE) return this.#fromSource(frame, line);
    this.#asked.add(place);
    if (!same) {
      this.#reader.catastrophe(diverged(place, "another question was asked here before"));
      return undefined;
    }
    frame.told(line);
    this.#reader.told(line);
    return line;
  }

  /** A call is answered as in the source; its decisions are tested again, and what was inside is gone into. */
  #fromSource(frame: Frame, line: Line): Line | undefined {
    if (line.kind === "join") return line;
    return line.kind === "call" && isOffered(line) ? this.reuse(frame, line) : undefined;
  }

  /** What the source of a fork was told here, for whoever must look first whether anything led to it anew. */
  offered(place: string, kind: Line["kind"], print: string): Line | undefined {
    const line = this.memory.line(place);
    if (line?.generation !== SOURCE || line.kind !== kind || line.print !== print) return undefined;
    return isOffered(line) ? line : undefined;
  }

  /** Takes a line of the source into this run's own history. */
  reuse(frame: Frame, line: Line): Line {
    const own = { ...line, generation: this.#run.generation, seq: this.memory.nextSeq(), reused: true };
    void this.write([this.#enter(frame, own)]);
    return own;
  }

  /** What stands here was told as a part of something else. */
  passed(place: string): void {
    this.#asked.add(place);
  }

  /** The end by time that cut this question off in the source of a fork. */
  cutOff(place: string, question: Question): Line | undefined {
    return this.#cut.length === 0 ? undefined : cutOff(this.#cut, this.memory, place, question);
  }

  /** The end of a branch by time, as this generation remembers it. */
  timeUp(place: string): Line | undefined {
    const line = this.memory.line(place);
    if (line?.kind !== "time" || line.generation !== this.#run.generation) return undefined;
    this.#asked.add(place);
    return line;
  }

  /** Adds a line to memory and returns the write that makes it durable. */
  newLine(frame: Frame, line: Omit<Line, "generation" | "seq" | "at">): Write {
    const at = this.#stage.clock.now();
    return this.#enter(frame, { ...line, generation: this.#run.generation, seq: this.memory.nextSeq(), at });
  }

  #enter(frame: Frame, whole: Line): Write {
    this.memory.addLine(whole);
    if (this.memory.length >= MOST_LINES) this.#reader.full();
    this.#asked.add(whole.place);
    frame.told(whole);
    this.#reader.told(whole);
    return { do: "line", line: whole };
  }

  /** Fails where a line of this generation was not asked for again, and nothing excuses it. */
  checkFront(): Failure | undefined {
    const place = unasked(this.memory, this.#asked);
    return place === undefined ? undefined : diverged(place, "what is remembered here was not asked for again");
  }

  /** What was used at and inside a place so far. */
  usageUnder(place: string): Usage {
    return this.memory.attemptsUnder(place).reduce((sum, { usage }) => addUsage(sum, usage), NO_USAGE);
  }

  /** Writes as the owner of the run. It never settles once the run is somebody else's. */
  write(writes: readonly Write[]): Promise<readonly Written[]> {
    return this.tryToWrite(writes).then((written) => written ?? new Promise<never>(() => {}));
  }

  /** The same for whoever has something to give back: nothing where the run is somebody else's. */
  async tryToWrite(writes: readonly Write[]): Promise<readonly Written[] | undefined> {
    if (this.#looking) return undefined;
    if (this.#sealed) {
      this.#reader.catastrophe(diverged("", "something new was to be written in a run that had ended"));
      return undefined;
    }
    try {
      const written = await this.#stage.store.write(this.#fence, writes);
      if (!written) this.#reader.lost("the run was taken over");
      return written;
    } catch (error) {
      const fields = { event: "store.failed", run_id: this.#run.id, code: Failure.from(error).code };
      this.#stage.log.error(fields, Failure.from(error).message);
      this.#reader.lost("the store failed");
      return undefined;
    }
  }
}

/** The generation of what a fork's source offers. */
const SOURCE = 0;
const NOTHING_OFFERED: Offered = { lines: [], cut: [] };

/** A limit of the source's whole run is none of the fork's, which has a budget and a time of its own. */
const isOffered = ({ error }: Line): boolean => !error || !isLimitOfRun(error);

const diverged = (place: string, why: string): Failure => new Failure("DIVERGED", `${place}: ${why}`, { step: place });
