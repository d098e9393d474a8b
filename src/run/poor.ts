import type { Gated } from "./playing.ts";

/** What a call that waits for money needs: in which ledgers and through which queues, and how much. */
export interface Need {
  readonly where: string;
  readonly usd: number;
  readonly tokens: number;
}

interface Waiting {
  readonly need: Need;
  /** It is asking, and nobody knows yet what it is told. */
  awake: boolean;
}

/**
 * The calls of a run that wait for money, in the order in which they asked. When some comes free, the first of each
 * kind asks again; each that is told anything else than to wait wakes two more, and what is told to wait speaks for all that need no
 * less in the same place. So none sleeps that could go, and a bill wakes few that cannot.
 */
export class Poor {
  readonly #calls = new Map<Gated, Waiting>();
  /** What was told to wait since money last came free, by where it was asked for. */
  #told = new Map<string, Need[]>();

  get size(): number {
    return this.#calls.size;
  }

  /** Does any of them sleep? Those that ask again are counted where all that ask are. */
  get anyAsleep(): boolean {
    for (const { awake } of this.#calls.values()) if (!awake) return true;
    return false;
  }

  /** A call was told to wait. One that has waited before keeps its place. */
  add(call: Gated, need: Need): void {
    this.#calls.set(call, { need, awake: false });
    const told = this.#told.get(need.where);
    if (told) told.push(need);
    else this.#told.set(need.where, [need]);
    this.#wake(need.where, 1);
  }

  /** Money has come free. */
  pour(): void {
    this.#told = new Map();
    const asking = new Set<string>();
    for (const { need, awake } of this.#calls.values()) if (awake) asking.add(need.where);
    for (const { need } of [...this.#calls.values()]) {
      if (asking.has(need.where)) continue;
      asking.add(need.where);
      this.#wake(need.where, 1);
    }
  }

  /** All of them ask again, whatever comes of it: nothing is to be had any more. */
  rouse(): void {
    const calls = [...this.#calls.keys()];
    this.#calls.clear();
    for (const call of calls) call.go();
  }

  /** A call has got its money, or waits for something else, or for nothing: it no longer speaks for those behind it. */
  passed(call: Gated): void {
    const known = this.#calls.get(call);
    if (!known?.awake) return;
    this.#calls.delete(call);
    this.#wake(known.need.where, 2);
  }

  /** A call has ended. */
  delete(call: Gated): void {
    const known = this.#calls.get(call);
    this.#calls.delete(call);
    // Whoever ends them all at once has ended the next one too by then.
    if (known?.awake) queueMicrotask(() => this.#wake(known.need.where, 2));
  }

  clear(): void {
    this.#calls.clear();
  }

  /** The next ones in order that may be told something else than those that were told to wait. */
  #wake(where: string, most: number): void {
    const told = this.#told.get(where) ?? [];
    const next: Gated[] = [];
    for (const [call, each] of this.#calls) {
      if (next.length === most) break;
      if (each.awake || each.need.where !== where || told.some((need) => isNoMore(need, each.need))) continue;
      each.awake = true;
      next.push(call);
    }
    for (const call of next) call.go();
  }
}

const isNoMore = (a: Need, b: Need): boolean => a.usd <= b.usd && a.tokens <= b.tokens;
