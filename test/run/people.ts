import { Failure } from "../../src/core/errors.ts";
import type { Decision, RunStore } from "../../src/core/store.ts";
import type { Audit, OpenWait, Standing } from "./audit.ts";
import type { Dice } from "./dice.ts";
import type { Time } from "./time.ts";

/** How often a person ends a run, pauses it, or tries a failed one again. */
export interface Temper {
  readonly cancels: number;
  readonly retries: number;
  readonly pauses: number;
}

const MOST_RAISES = 4;
/** Later nobody stops any more, so that a run that hangs is seen to hang. */
const STOP_UNTIL_MS = 1500;
const MOST_RETRIES = 2;

/** Those who decide, raise budgets, cancel, pause and try again, at times of their own. */
export class People {
  readonly #store: RunStore;
  readonly #audit: Audit;
  readonly #time: Time;
  readonly #dice: Dice;
  readonly #temper: Temper;
  readonly #raised = new Map<string, number>();
  readonly #retried = new Map<string, number>();

  constructor(store: RunStore, audit: Audit, time: Time, dice: Dice, temper: Temper) {
    this.#store = store;
    this.#audit = audit;
    this.#time = time;
    this.#dice = dice;
    this.#temper = temper;
  }

  come(): void {
    this.#time.after(this.#dice.between(10, 60), "people", () => {
      this.#time.underway++;
      void this.#look()
        .catch((error: unknown) => {
          if (!(error instanceof Failure)) throw error;
        })
        .finally(() => {
          this.#time.underway--;
          this.#time.moves++;
        });
      this.come();
    });
  }

  /** Does anybody still mean to do something with a run that has ended? */
  isLeft({ id, status, code }: Standing): boolean {
    if (status !== "failed" && status !== "dead") return true;
    return (this.#retried.get(id) ?? 0) >= this.#patience(code);
  }

  async #look(): Promise<void> {
    const dice = this.#dice;
    for (const wait of this.#audit.waits()) if (dice.falls(0.35)) await this.#settle(wait);
    for (const standing of this.#audit.standings()) {
      const stops = this.#time.mono < STOP_UNTIL_MS;
      if (stops && dice.falls(this.#temper.cancels)) await this.#store.cancel(standing.id);
      else if (standing.paused ? dice.falls(0.3) : stops && dice.falls(this.#temper.pauses))
        await this.#pause(standing);
      else if (!this.isLeft(standing)) await this.#again(standing);
    }
  }

  async #pause({ id, paused }: Standing): Promise<void> {
    await (paused ? this.#store.resume(id) : this.#store.pause(id));
  }

  async #settle({ run, place, kind }: OpenWait): Promise<void> {
    if (kind === "timer" || kind === "event") return;
    if (kind === "budget") return this.#raise(run);
    await this.#store.decide(run, place, this.#decision(kind), "somebody");
  }

  #decision(kind: string): Decision {
    if (kind === "answer") return { how: "answered", value: this.#dice.whole(0, 9) };
    return { how: this.#dice.pick(["approved", "rejected"] as const) };
  }

  async #raise(id: string): Promise<void> {
    const raises = (this.#raised.get(id) ?? 0) + 1;
    this.#raised.set(id, raises);
    if (raises > MOST_RAISES) {
      await this.#store.cancel(id);
      return;
    }
    const run = await this.#store.get(id);
    const { usd, tokens, calls } = run?.caps ?? {};
    const more = {
      ...(usd !== undefined && { usd: usd * 2 + 500_000 }),
      ...(tokens !== undefined && { tokens: tokens * 2 }),
      ...(calls !== undefined && { calls: calls + 5 }),
    };
    await this.#store.raise(id, more, "somebody");
  }

  async #again({ id, status }: Standing): Promise<void> {
    this.#retried.set(id, (this.#retried.get(id) ?? 0) + 1);
    await this.#store.again(id, status === "dead" ? "dead" : "failed");
  }

  #patience(code: string | null): number {
    if (code === "CRASH_LOOP") return MOST_RETRIES;
    return Math.round(this.#temper.retries);
  }
}
