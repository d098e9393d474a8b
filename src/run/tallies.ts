import { type Amount, type Ledger, NOTHING } from "../core/budget.ts";
import type { Attempt } from "../core/store.ts";
import { minus, plus } from "./caps.ts";
import type { NestedCap } from "./frame.ts";

interface Tally {
  spent: Amount;
  held: Amount;
}

/**
 * What has been used and is held at or inside the places that have caps of their own, counted as attempts come and
 * change. A request that is about to be held counts as well, so that two of them in one commit cannot both take the rest.
 */
export class Tallies {
  readonly #under: (place: string) => readonly Attempt[];
  readonly #kept = new Map<string, Tally>();

  constructor(under: (place: string) => readonly Attempt[]) {
    this.#under = under;
  }

  /** A nested cap as it stands: it counts what was asked inside its place, over retries and generations. */
  ledger({ place, caps }: NestedCap): Ledger {
    const { spent, held } = this.#at(place);
    return { id: place, scope: "step", caps, spent, held };
  }

  #at(place: string): Tally {
    const known = this.#kept.get(place);
    if (known) return known;
    const fresh: Tally = { spent: NOTHING, held: NOTHING };
    for (const attempt of this.#under(place)) count(fresh, attempt, plus);
    this.#kept.set(place, fresh);
    return fresh;
  }

  enter(attempt: Attempt): void {
    for (const tally of this.#around(attempt.place)) count(tally, attempt, plus);
  }

  change(before: Attempt, after: Attempt): void {
    for (const tally of this.#around(before.place)) {
      count(tally, before, minus);
      count(tally, after, plus);
    }
  }

  /** Counts an amount as held under these places until it is known what became of it. */
  promise(places: readonly string[], amount: Amount): () => void {
    const tallies = places.flatMap((place) => this.#kept.get(place) ?? []);
    for (const tally of tallies) tally.held = plus(tally.held, amount);
    return () => {
      for (const tally of tallies) tally.held = minus(tally.held, amount);
    };
  }

  *#around(place: string): Generator<Tally> {
    if (this.#kept.size === 0) return;
    for (let end = place.length; end > 0; end = place.lastIndexOf("/", end - 1)) {
      const tally = this.#kept.get(place.slice(0, end));
      if (tally) yield tally;
    }
  }
}

function count(tally: Tally, { cached_answer, state, usage, reserve }: Attempt, how: typeof plus): void {
  if (cached_answer) return;
  if (state === "held") tally.held = how(tally.held, { ...reserve, calls: 1 });
  else tally.spent = how(tally.spent, { usd: usage.usd, tokens: usage.input + usage.output, calls: 1 });
}
