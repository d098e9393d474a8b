import type { Wait } from "../core/store.ts";
import type { Playing, Waiter } from "./playing.ts";

/**
 * A long pause that a restart survives: a row in the store, and nothing in memory once the run is put down. With a
 * reason it waits for somebody to be there, and is over as soon as anything is switched on again.
 */
export class Snooze implements Waiter {
  readonly place: string;
  readonly #play: Playing;
  readonly #until: number;
  readonly #why: string | undefined;
  readonly #wake: () => void;
  #ended = false;

  constructor(play: Playing, place: string, until: number, wake: () => void, why?: string) {
    this.#play = play;
    this.place = place;
    this.#until = until;
    this.#wake = wake;
    this.#why = why;
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
      ...(this.#why !== undefined && { show: { outage: this.#why } }),
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
