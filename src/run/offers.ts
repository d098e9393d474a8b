import { isStep, mayHaveLedTo } from "../core/fork.ts";
import { placesApart } from "../core/place.ts";
import type { Line } from "../core/store.ts";
import type { Remembered } from "./memory.ts";

/** A step that reads or changes the world, or waits for somebody: its place, and how it learns what becomes of an offer. */
export interface Choosy {
  readonly place: string;
  reuse(line: Line): void;
  anew(): void;
}

/**
 * What a fork's source offers to steps that depend on more than their question. They are decided at the front, where
 * it is known what is asked anew: each is reused only if nothing that may have led to it is.
 */
export class Offers {
  readonly #memory: Remembered;
  readonly #open = new Map<Choosy, Line>();

  constructor(memory: Remembered) {
    this.#memory = memory;
  }

  put(choosy: Choosy, line: Line): void {
    this.#open.set(choosy, line);
  }

  withdraw(choosy: Choosy): void {
    this.#open.delete(choosy);
  }

  /** Decides the first of them; false where there is none. `asked` are the places that stand at the gate. */
  decide(asked: readonly string[]): boolean {
    const [first] = [...this.#open].sort(([a], [b]) => inOrder(a.place, b.place));
    if (!first) return false;
    const [choosy, line] = first;
    this.#open.delete(choosy);
    const fresh = [...asked, ...this.#fresh()];
    if (fresh.some((place) => mayHaveLedTo(place, choosy.place))) choosy.anew();
    else choosy.reuse(line);
    return true;
  }

  /** Where this run has asked for itself. */
  *#fresh(): Generator<string> {
    for (const line of this.#memory.lines())
      if (line.generation > 0 && !line.reused && (isStep(line) || line.kind === "time")) yield line.place;
  }
}

function inOrder(a: string, b: string): number {
  const apart = placesApart(a, b);
  return typeof apart === "object" ? apart[0] - apart[1] : 0;
}
