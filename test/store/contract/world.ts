import fc from "fast-check";
import { expect } from "vitest";
import type { Caps } from "../../../src/core/budget.ts";
import type { Fence, Hold, RunStore } from "../../../src/core/store.ts";
import { claim, doing, hold, played, settle, used } from "../kit.ts";

export const day = (caps: Caps, id = "day:2026-01-01") => ({ id, scope: "day" as const, caps });
export const caller = (caps: Caps, id = "caller:local:2026-01-01") => ({ id, scope: "caller" as const, caps });

/** What a node of the budget has spent and holds, in nano-USD. */
export async function standing(store: RunStore, id: string) {
  const [node] = await store.nodes([id]);
  return { spent: node?.spent.usd, held: node?.held.usd };
}

export const STEP = fc.record({
  run: fc.nat(2),
  what: fc.constantFrom("hold", "hold", "hold", "settle", "settle", "late", "close", "reap", "correct"),
  branch: fc.nat(3),
  usd: fc.integer({ min: 1, max: 60 }),
  which: fc.nat(20),
});
type Step = typeof STEP extends fc.Arbitrary<infer T> ? T : never;

const CAPS = { run: 150, caller: 220, day: 250 };

/** Three runs under one caller's and one day's cap, played at random by players who crash. */
export class World {
  readonly #store: RunStore;
  readonly #nodes: Hold["nodes"];
  readonly #fences: Fence[] = [];
  readonly #old: { fence: Fence; id: number; reserve: number }[] = [];
  readonly #held: { fence: Fence; id: number; reserve: number }[] = [];
  #ids = 0;

  constructor(store: RunStore, name: string) {
    this.#store = store;
    this.#nodes = [day({ usd: CAPS.day }, `day:${name}`), caller({ usd: CAPS.caller }, `caller:${name}`)];
  }

  async begin(): Promise<void> {
    for (let i = 0; i < 3; i++) {
      this.#fences.push(await played(this.#store, { caps: { usd: CAPS.run, explicit: true } }));
    }
  }

  async take({ run, what, branch, usd, which }: Step): Promise<void> {
    const fence = this.#fences[run]!;
    const of = <T>(list: readonly T[]): T | undefined => list[which % Math.max(1, list.length)];
    if (what === "hold") {
      const id = ++this.#ids;
      const told = await doing(this.#store, fence, hold(id, usd, { nodes: this.#nodes, place: `map/${branch}/a` }));
      if (told?.did === "held") this.#held.push({ fence, id, reserve: usd });
    }
    const held = of(this.#held);
    if (what === "settle" && held) {
      await this.#store.write(held.fence, [settle(held.id, Math.min(usd, held.reserve))]);
      this.#held.splice(this.#held.indexOf(held), 1);
    }
    const old = of(this.#old);
    if (what === "late" && old) await this.#store.write(old.fence, [settle(old.id, Math.min(usd, old.reserve))]);
    if (what === "correct" && old) await this.#store.correct(old.fence.run, old.id, used(Math.min(usd, old.reserve)));
    if (what === "close") await this.#store.write(fence, [{ do: "close", under: [`map/${branch}`] }]);
    if (what === "reap") await this.#crash(run);
  }

  async #crash(index: number): Promise<void> {
    const { run } = this.#fences[index]!;
    const lease = (await this.#store.leases()).find((each) => each.run === run);
    if (!lease || !(await this.#store.reap(lease))) throw new Error("not reaped");
    for (const each of this.#held.filter(({ fence }) => fence.run === run)) {
      this.#old.push(each);
      this.#held.splice(this.#held.indexOf(each), 1);
    }
    const claimed = await claim(this.#store);
    this.#fences[index] = { run, epoch: claimed!.run.epoch };
  }

  /** Counters are what the attempts add up to, and no cap is passed. */
  async check(): Promise<void> {
    const total = { spent: 0, held: 0 };
    for (const { run } of this.#fences) {
      const { attempts } = await this.#store.memory(run);
      const sum = { spent: 0, held: 0 };
      for (const { state, reserve, usage } of attempts) {
        sum.spent += usage.usd;
        if (state === "held") sum.held += reserve.usd;
      }
      expect(await standing(this.#store, `run:${run}`)).toEqual(sum);
      expect(sum.spent + sum.held).toBeLessThanOrEqual(CAPS.run);
      total.spent += sum.spent;
      total.held += sum.held;
    }
    for (const { id } of this.#nodes) expect(await standing(this.#store, id)).toEqual(total);
    expect(total.spent + total.held).toBeLessThanOrEqual(CAPS.caller);
  }
}
