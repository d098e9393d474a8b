import type { Log } from "../core/log.ts";
import { cut } from "../core/texts.ts";
import { Lines } from "./lines.ts";

const LONGEST_LINE = 65_536;
const MOST_LOGGED = 1000;
const LOGGED_CHARACTERS = 500;
const KEPT_LINES = 5;
const KEPT_CHARACTERS = 300;

/** What a program says on stderr: some of it is logged, its last lines are kept to tell why it died, the rest is gone. */
export class LastWords {
  readonly #server: string;
  readonly #log: Log;
  readonly #scrub: (text: string) => string;
  #lines = new Lines(LONGEST_LINE);
  #logged = 0;
  #kept: string[] = [];

  constructor(server: string, log: Log, scrub: (text: string) => string) {
    this.#server = server;
    this.#log = log;
    this.#scrub = scrub;
  }

  push(piece: Buffer): void {
    const lines = this.#lines.push(piece);
    if (!lines) this.#lines = new Lines(LONGEST_LINE);
    for (const line of lines ?? ["(a line that is too long)"]) this.#hear(line.trim());
  }

  get text(): string {
    return cut(this.#kept.join(" | "), KEPT_CHARACTERS);
  }

  #hear(line: string): void {
    if (line === "") return;
    // What is neither kept nor logged costs no more than its reading.
    const isLogged = this.#logged < MOST_LOGGED;
    const said = this.#scrub(line.slice(0, LOGGED_CHARACTERS));
    this.#kept = [...this.#kept.slice(1 - KEPT_LINES), said];
    if (!isLogged) return;
    this.#logged++;
    this.#log.debug({ server: this.#server, stderr: said }, "a tool server said");
    if (this.#logged === MOST_LOGGED)
      this.#log.debug({ server: this.#server }, "a tool server says too much; the rest is not logged");
  }
}
