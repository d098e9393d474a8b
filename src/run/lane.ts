import PQueue from "p-queue";
import type { Clock } from "../core/clock.ts";
import type { Provider } from "../core/provider.ts";

const MINUTE_MS = 60_000;

/** What a provider can take: calls at once, and requests and tokens a minute. */
export type Capacity = Pick<Provider, "concurrency" | "rpm" | "tpm">;

/** One request's part of a provider's minute. */
export interface Turn {
  readonly at: number;
  readonly tokens: number;
}

/** The way to one provider: no more calls at once or a minute than it takes, and none while it asks to be left alone. */
export class Lane {
  readonly #capacity: Capacity;
  readonly #clock: Clock;
  readonly #queue: PQueue;
  /** The turns of the last minute, oldest first. */
  #turns: Turn[] = [];
  readonly #sleepers = new Set<() => void>();
  #pausedUntil = 0;
  #fullUntil = 0;

  constructor(capacity: Capacity, clock: Clock) {
    this.#capacity = capacity;
    this.#clock = clock;
    this.#queue = new PQueue({ concurrency: capacity.concurrency });
  }

  /** How many calls at once it takes at the most, from all processes. */
  get capacity(): number {
    return this.#capacity.concurrency;
  }

  /** How many calls wait for a slot here. */
  get waiting(): number {
    return this.#queue.size;
  }

  /** It is not to be tried before somebody has looked again. */
  get isShut(): boolean {
    return this.#queue.isPaused;
  }

  /** How many of its slots are for this process now; nothing said: all of them. */
  allow(most = this.#capacity.concurrency): void {
    if (most <= 0 || this.#clock.mono() < this.#fullUntil) return this.#queue.pause();
    this.#queue.concurrency = Math.min(most, this.#capacity.concurrency);
    if (this.#queue.isPaused) this.#queue.start();
  }

  /** All its slots are taken, by whomever, or all its turns of this minute: nothing begins until it is allowed again. */
  full(ms = 0): void {
    this.#fullUntil = this.#clock.mono() + ms;
    this.#queue.pause();
  }

  /** Milliseconds for which the provider has asked to be left alone. */
  get rest(): number {
    return this.#pausedUntil - this.#clock.mono();
  }

  pause(ms: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, this.#clock.mono() + ms);
  }

  /** Does its work as soon as there is room for it. */
  add(tokens: () => number, priority: number, work: (turn: Turn) => Promise<unknown>): Promise<unknown> {
    return this.#queue.add(async () => work(await this.#turn(tokens)), { priority });
  }

  /** Nothing was sent in this turn: it is somebody else's. */
  giveBack(turn: Turn): void {
    this.#turns = this.#turns.filter((each) => each !== turn);
    for (const wake of this.#sleepers) wake();
  }

  async #turn(reckon: () => number): Promise<Turn> {
    const tokens = this.#capacity.tpm === undefined ? 0 : reckon();
    for (let wait = this.#wait(tokens); wait > 0; wait = this.#wait(tokens)) await this.#sleep(wait);
    const turn = { at: this.#clock.mono(), tokens };
    if (this.#capacity.rpm !== undefined || this.#capacity.tpm !== undefined) this.#turns.push(turn);
    return turn;
  }

  #wait(tokens: number): number {
    const { rpm = Number.POSITIVE_INFINITY, tpm = Number.POSITIVE_INFINITY } = this.#capacity;
    const since = this.#clock.mono() - MINUTE_MS;
    this.#turns = this.#turns.filter(({ at }) => at > since);
    const [oldest] = this.#turns;
    const used = this.#turns.reduce((sum, turn) => sum + turn.tokens, 0);
    const full = oldest && (this.#turns.length >= rpm || used + tokens > tpm);
    return Math.max(this.rest, full ? oldest.at - since : 0);
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        stop();
        this.#sleepers.delete(wake);
        resolve();
      };
      const stop = this.#clock.after(ms, wake);
      this.#sleepers.add(wake);
    });
  }
}
