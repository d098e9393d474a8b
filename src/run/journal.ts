import { Failure } from "../core/errors.ts";
import type { Fence, Line, Memory, Run, Write, Written } from "../core/store.ts";
import { addUsage, NO_USAGE, type Usage } from "../core/usage.ts";
import type { Frame } from "./frame.ts";
import { unasked } from "./front.ts";
import { Remembered } from "./memory.ts";
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
  /** Only reads: whatever would be written is a divergence. */
  #sealed = false;

  constructor(stage: Stage, run: Run, memory: Memory, reader: Reader) {
    this.memory = new Remembered(memory, run.generation);
    this.#stage = stage;
    this.#run = run;
    this.#fence = { run: run.id, epoch: run.epoch };
    this.#reader = reader;
  }

  seal(): void {
    this.#sealed = true;
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
    this.#asked.add(place);
    if (!same) {
      this.#reader.catastrophe(diverged(place, "another question was asked here before"));
      return undefined;
    }
    frame.told(line);
    this.#reader.told(line);
    return line;
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
    const whole = { ...line, generation: this.#run.generation, seq: this.memory.nextSeq(), at };
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

const diverged = (place: string, why: string): Failure => new Failure("DIVERGED", `${place}: ${why}`, { step: place });
