import type { Clock } from "../core/clock.ts";
import { isoTime } from "../core/clock.ts";
import { Failure } from "../core/errors.ts";

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 300_000;

/** The breaker of one server: the first fault costs nothing, each further one in a row a longer pause before the next start. */
export class Trouble {
  readonly #server: string;
  readonly #clock: Clock;
  #faults = 0;
  #until = 0;
  #last: string | undefined;

  constructor(server: string, clock: Clock) {
    this.#server = server;
    this.#clock = clock;
  }

  get last(): string | undefined {
    return this.#last;
  }

  /** Until when it is left alone; undefined where it may be started. */
  get until(): number | undefined {
    return this.#until > this.#clock.now() ? this.#until : undefined;
  }

  count(why: string): void {
    this.#last = why;
    this.#faults++;
    if (this.#faults < 2) return;
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** (this.#faults - 2), LONGEST_PAUSE_MS);
    this.#until = this.#clock.now() + pause;
  }

  /** It has done what was asked of it. */
  over(): void {
    this.#faults = 0;
    this.#until = 0;
  }

  /** Throws where it is left alone. */
  check(): void {
    const { until } = this;
    if (until === undefined) return;
    throw new Failure(
      "CIRCUIT_OPEN",
      `the tool server "${this.#server}" failed ${this.#faults} times in a row and is left alone until ${isoTime(until)}; the last time: ${this.#last}`,
      { retry_after_ms: until - this.#clock.now(), hint: `Look at \`mcp_servers.${this.#server}\` and at the log.` },
    );
  }
}
