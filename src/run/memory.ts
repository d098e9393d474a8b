import { isUnder } from "../core/place.ts";
import type { Attempt, Line, Memory, Wait } from "../core/store.ts";
import { Tallies } from "./tallies.ts";

/** What a run remembers, as its player reads it and adds to it. */
export class Remembered {
  readonly generation: number;
  readonly #lines = new Map<string, Line>();
  readonly #attempts = new Map<number, Attempt>();
  readonly #byPlace = new Map<string, Attempt[]>();
  readonly #byAgent = new Map<string, number>();
  readonly #waits = new Map<string, Wait>();
  /** What has been used and is held under the places that have caps of their own. */
  readonly tallies = new Tallies((place) => this.attemptsUnder(place));
  #seq = 0;
  #ids = 0;

  constructor(memory: Memory, generation: number) {
    this.generation = generation;
    for (const line of memory.lines) this.addLine(line);
    for (const attempt of memory.attempts) this.addAttempt(attempt);
    for (const wait of memory.waits) this.#waits.set(wait.place, wait);
  }

  nextSeq = (): number => ++this.#seq;
  nextAttempt = (): number => ++this.#ids;

  line(place: string): Line | undefined {
    return this.#lines.get(place);
  }

  get length(): number {
    return this.#lines.size;
  }

  lines(): Iterable<Line> {
    return this.#lines.values();
  }

  /** The lines of this generation, in order. */
  ownLines(): readonly Line[] {
    return [...this.#lines.values()]
      .filter(({ generation }) => generation === this.generation)
      .sort((a, b) => a.seq - b.seq);
  }

  /** A later generation's line hides an older one at its place. */
  addLine(line: Line): void {
    this.#seq = Math.max(this.#seq, line.seq);
    const known = this.#lines.get(line.place);
    if (!known || known.generation <= line.generation) this.#lines.set(line.place, line);
  }

  addAttempt(attempt: Attempt): void {
    this.#ids = Math.max(this.#ids, attempt.id);
    this.#attempts.set(attempt.id, attempt);
    this.tallies.enter(attempt);
    const here = this.#byPlace.get(attempt.place);
    if (here) here.push(attempt);
    else this.#byPlace.set(attempt.place, [attempt]);
    this.#byAgent.set(attempt.agent, (this.#byAgent.get(attempt.agent) ?? 0) + 1);
  }

  changeAttempt(place: string, id: number, change: Partial<Attempt>): void {
    const here = this.#byPlace.get(place);
    const index = here?.findIndex((attempt) => attempt.id === id) ?? -1;
    const old = here?.[index];
    if (!here || !old) return;
    const fresh = { ...old, ...change };
    here[index] = fresh;
    this.#attempts.set(id, fresh);
    this.tallies.change(old, fresh);
  }

  /** The settled attempts at a place in this generation, in order. */
  attempts(place: string): readonly Attempt[] {
    const here = this.#byPlace.get(place) ?? [];
    return here.filter((attempt) => attempt.generation === this.generation && attempt.state === "settled");
  }

  /** All attempts of this run at or inside a place, whatever their generation: a cap spans them all. */
  attemptsUnder(place: string): readonly Attempt[] {
    return [...this.#attempts.values()].filter((attempt) => isUnder(attempt.place, place));
  }

  askedOf(agent: string): number {
    return this.#byAgent.get(agent) ?? 0;
  }

  /** The places whose answers came from the cache, so that one entry is not taken twice. */
  cachedPlaces(): readonly string[] {
    return [...this.#attempts.values()].flatMap(({ cached_answer, place }) => (cached_answer ? place : []));
  }

  wait(place: string): Wait | undefined {
    return this.#waits.get(place);
  }

  waits(): Iterable<Wait> {
    return this.#waits.values();
  }

  /** Where a call sleeps next: the pause that is open, or one that has not been. */
  nextPause(place: string): string {
    for (let n = 1; ; n++) {
      const pause = `${place}/~retry.${n}`;
      const known = this.#waits.get(pause);
      if (known?.generation !== this.generation || known.state === "open" || known.state === "withdrawn") return pause;
    }
  }

  setWait(wait: Wait): void {
    this.#waits.set(wait.place, wait);
  }
}
