import type { Clock } from "../../src/core/clock.ts";

interface Event {
  at: number;
  readonly nth: number;
  readonly owner: string;
  readonly callback: () => void;
}

const BEGIN = Date.UTC(2026, 2, 1, 23, 59, 57);
const ROUNDS = 5000;

/** Time that jumps from one event to the next, and what belongs to a process that is stopped or dead. */
export class Time {
  mono = 0;
  /** Counts whatever moves, so that it can be told when nothing does any more. */
  moves = 0;
  /** How many things are under way in the event loop itself. */
  underway = 0;
  #made = 0;
  #slept = 0;
  #events: Event[] = [];
  readonly #stopped = new Map<string, number>();

  get now(): number {
    return BEGIN + this.mono + this.#slept;
  }

  /** The machine has slept: the clock on the wall has gone on, and nothing else. */
  jump(ms: number): void {
    this.#slept += ms;
  }

  after(ms: number, owner: string, callback: () => void): () => void {
    this.moves++;
    const event = { at: this.mono + Math.max(0, ms), nth: this.#made++, owner, callback };
    this.#events.push(event);
    return () => {
      const index = this.#events.indexOf(event);
      if (index >= 0) this.#events.splice(index, 1);
    };
  }

  /** The clock of one process; once the process is dead it calls nobody back. */
  clockOf(owner: string, isDead: () => boolean): Clock {
    return {
      now: () => this.now,
      mono: () => this.mono,
      after: (ms, callback) => (isDead() ? () => {} : this.after(ms, owner, callback)),
    };
  }

  /** A process is stopped for so long: whatever is due to it comes when it goes on. */
  stop(owner: string, ms: number): void {
    this.#stopped.set(owner, Math.max(this.mono + ms, this.#stopped.get(owner) ?? 0));
  }

  isStopped(owner: string): boolean {
    return (this.#stopped.get(owner) ?? 0) > this.mono;
  }

  bury(owner: string): void {
    this.#events = this.#events.filter((event) => event.owner !== owner);
  }

  /** Lets the next event happen, and all that follows from it at once; false where there is none. */
  async step(): Promise<boolean> {
    const event = this.#next();
    if (!event) return false;
    this.mono = Math.max(this.mono, event.at);
    event.callback();
    await this.settle();
    return true;
  }

  /** Until nothing moves any more without time going on. */
  async settle(): Promise<void> {
    let quiet = 0;
    for (let round = 0; quiet < 2; round++) {
      if (round > ROUNDS) throw new Error("the event loop never comes to rest");
      const before = this.moves;
      await new Promise<void>((resolve) => setImmediate(resolve));
      quiet = before === this.moves && this.underway === 0 ? quiet + 1 : 0;
    }
  }

  #next(): Event | undefined {
    for (;;) {
      const first = this.#events.reduce<Event | undefined>(
        (best, each) => (best && isSooner(best, each) ? best : each),
        undefined,
      );
      if (!first) return undefined;
      const until = this.#stopped.get(first.owner) ?? 0;
      if (first.at < until) {
        first.at = until;
        continue;
      }
      this.#events.splice(this.#events.indexOf(first), 1);
      return first;
    }
  }
}

const isSooner = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.nth < b.nth);
