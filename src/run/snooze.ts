import type { Wait } from "../core/store.ts";
import type { Playing, Waiter } from "./playing.ts";

/** A long pause that a restart survives: a row in the store, and nothing in memory once the run is put down. */
export class Snooze implements Waiter {
  readonly place: string;
  readonly #play: Playing;
  readonly #until: number;
  readonly #wake: () => void;
  #ended = false;

  constructor(play: Playing, place: string, until: number, wake: () => void) {
    this.#play = play;
    this.place = place;
    this.#until = until;
    this.#wake = wake;
  }

  begin(): void {
    if (this.#play.memory.wait(this.place)?.state === "open") {
      this.#play.waiting.set(this.place, this);
      return this.#play.idle();
    }
    const { generation } = this.#play.run;
    const opened_at = this.#play.stage.clock.now();
    const wait = {
      generation,
      place: this.place,
      kind: "timer",
      expires_at: Math.ceil(this.#until),
      opened_at,
    } as const;
    this.#play.pending.add(this);
    void this.#play.journal.write([{ do: "open", wait }]).then(() => {
      this.#play.pending.delete(this);
      if (this.#ended) return;
      this.#play.memory.setWait({ ...wait, state: "open" });
      this.#play.waiting.set(this.place, this);
      this.#play.idle();
    });
  }

  news(wait: Wait): void {
    if (this.#ended || wait.state === "open") return;
    this.drop();
    this.#wake();
  }

  drop(): void {
    this.#ended = true;
    this.#play.waiting.delete(this.place);
    this.#play.pending.delete(this);
  }
}
