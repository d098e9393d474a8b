import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { OpenStore } from "../contract.ts";
import { doing, hold, played, settle, used } from "../kit.ts";
import { caller, day, STEP, standing, World } from "./world.ts";

export function moneyContract(open: OpenStore): void {
  describe("money", () => {
    test("is held in the run and in all above it before a request, and spent after it", async () => {
      const { store } = await open();
      const fence = await played(store, { caps: { usd: 1000, explicit: true } });
      const nodes = [day({ usd: 1000 }), caller({ usd: 500 })];
      expect(await doing(store, fence, hold(1, 100, { nodes }))).toEqual({
        did: "held",
        output: 5,
        usd: 100,
        tokens: 10,
        clamped: false,
      });
      expect((await store.get(fence.run))?.held).toBe(100);
      const ids = [`run:${fence.run}`, day({}).id, caller({}).id];
      for (const { spent, held } of await store.nodes(ids)) {
        expect({ spent, held }).toEqual({
          spent: { usd: 0, tokens: 0, calls: 0 },
          held: { usd: 100, tokens: 10, calls: 1 },
        });
      }
      await doing(store, fence, settle(1, 40));
      for (const { spent, held } of await store.nodes(ids)) {
        expect({ spent, held }).toEqual({
          spent: { usd: 40, tokens: 5, calls: 1 },
          held: { usd: 0, tokens: 0, calls: 0 },
        });
      }
      expect(await store.get(fence.run)).toMatchObject({ held: 0, usage: used(40) });
    });

    test("that others hold is waited for; what cannot fit without them is refused, and nothing is written", async () => {
      const { store } = await open();
      const fence = await played(store, { caps: { usd: 100, explicit: true } });
      await doing(store, fence, hold(1, 60));
      expect(await doing(store, fence, hold(2, 60))).toEqual({ did: "wait" });
      expect(await doing(store, fence, hold(2, 101))).toMatchObject({
        did: "refused",
        scope: "run",
        unit: "usd",
        asked: 101,
        held: 60,
        spent: 0,
        cap: 100,
      });
      expect((await store.memory(fence.run)).attempts).toHaveLength(1);
      await doing(store, fence, settle(1, 40));
      expect(await doing(store, fence, hold(2, 60))).toMatchObject({ did: "held" });
    });

    test("of one turn is counted hold by hold", async () => {
      const { store } = await open();
      const fence = await played(store, { caps: { usd: 100, explicit: true } });
      expect(
        (await store.write(fence, [hold(1, 60), hold(2, 60), settle(1, 10), hold(3, 60)]))?.map((w) => w.did),
      ).toEqual(["held", "wait", "done", "held"]);
      const more = await Promise.all([4, 5, 6].map((id) => doing(store, fence, hold(id, 15))));
      expect(more.map((each) => each?.did)).toEqual(["held", "held", "wait"]);
    });

    test("set aside is kept for who may use it", async () => {
      const { store } = await open();
      const fence = await played(store, { caps: { usd: 100, explicit: true } });
      const aside = { usd: 50, tokens: 0, calls: 0 };
      expect(await doing(store, fence, hold(1, 60, { aside }))).toMatchObject({ did: "refused", held: 50 });
      expect(await doing(store, fence, hold(1, 60))).toMatchObject({ did: "held" });
    });

    test("is capped by the step, the caller and the day as well", async () => {
      const { store } = await open();
      const fence = await played(store);
      const step = {
        id: "step",
        scope: "step" as const,
        caps: { calls: 1 },
        spent: { usd: 0, tokens: 0, calls: 1 },
        held: { usd: 0, tokens: 0, calls: 0 },
      };
      expect(await doing(store, fence, hold(1, 1, { steps: [step] }))).toMatchObject({ did: "refused", scope: "step" });
      expect(await doing(store, fence, hold(1, 9, { nodes: [day({}), caller({ usd: 8 })] }))).toMatchObject({
        scope: "caller",
      });
      expect(await doing(store, fence, hold(1, 9, { nodes: [day({ tokens: 9 }), caller({})] }))).toMatchObject({
        scope: "day",
      });
    });

    test("is charged above its reserve where a vendor bills more, and marked", async () => {
      const { store } = await open();
      const fence = await played(store);
      await store.write(fence, [hold(1, 10)]);
      await store.write(fence, [settle(1, 25)]);
      expect((await store.memory(fence.run)).attempts).toMatchObject([{ overrun: true, usage: { usd: 25 } }]);
      expect(await standing(store, `run:${fence.run}`)).toEqual({ spent: 25, held: 0 });
    });

    test("is not needed for an answer out of the cache", async () => {
      const { store } = await open();
      const fence = await played(store, { caps: { calls: 0, explicit: true } });
      const wish = hold(1, 100, { nodes: [day({ usd: 0 })] });
      if (wish.do === "hold") Object.assign(wish.hold.attempt, { cached_answer: true });
      expect(await doing(store, fence, wish)).toMatchObject({ did: "held", usd: 0, tokens: 0 });
      const usage = { ...used(0), input: 0, output: 0, calls: 0 };
      await store.write(fence, [settle(1, 0, { usage })]);
      expect(await store.get(fence.run)).toMatchObject({ held: 0, usage: { usd: 0, calls: 0 } });
    });

    test("held in branches that lost is charged at its reserve, and theirs alone", async () => {
      const { store } = await open();
      const fence = await played(store);
      const at = (id: number, place: string) => hold(id, 10 * id, { place });
      await store.write(fence, [at(1, "map/1/a"), at(2, "map/2/a"), at(3, "map/22/a")]);
      await store.write(fence, [{ do: "close", under: ["map/2"] }]);
      expect((await store.memory(fence.run)).attempts).toMatchObject([
        { state: "held" },
        {
          state: "settled",
          result: "aborted",
          estimated: true,
          usage: { usd: 20, input: 5, output: 5, calls: 1, partial: true },
        },
        { state: "held" },
      ]);
      expect(await standing(store, `run:${fence.run}`)).toEqual({ spent: 20, held: 40 });
    });

    test("of the dead is charged at its reserve, where nobody can play their runs as well", async () => {
      const { store } = await open();
      const fence = await played(store);
      await store.write(fence, [hold(1, 10, { nodes: [day({})] }), hold(2, 20, { nodes: [day({})] })]);
      await store.write(fence, [settle(1, 4)]);
      await store.reap((await store.leases())[0]!);
      expect((await store.memory(fence.run)).attempts).toMatchObject([
        { result: "ok", estimated: false },
        { result: "lost", estimated: true, usage: { usd: 20, partial: true } },
      ]);
      expect(await standing(store, day({}).id)).toEqual({ spent: 24, held: 0 });
    });

    test("charged by estimate is corrected once, by the one who sent the request, even after the run was taken from him", async () => {
      const { store } = await open();
      const fence = await played(store);
      const nodes = [day({}, "day:before-midnight")];
      await store.write(fence, [hold(1, 50, { nodes, place: "a" }), hold(2, 60, { nodes, place: "b" })]);
      await store.reap((await store.leases())[0]!);
      expect(await store.write(fence, [settle(1, 7), line1("a")])).toBeUndefined();
      expect(await standing(store, nodes[0]!.id)).toEqual({ spent: 67, held: 0 });
      await store.correct(fence.run, 2, used(8));
      await store.correct(fence.run, 2, used(1));
      await store.correct(fence.run, 1, used(1));
      expect(await standing(store, nodes[0]!.id)).toEqual({ spent: 15, held: 0 });
      expect(await store.get(fence.run)).toMatchObject({ usage: { usd: 15, input: 6, output: 4, calls: 2 } });
      expect((await store.get(fence.run))?.usage.partial).toBeUndefined();
      const { attempts, lines } = await store.memory(fence.run);
      expect(attempts).toMatchObject([
        { result: "lost", estimated: false },
        { result: "lost", estimated: false },
      ]);
      expect(attempts[0]?.reply).toBeUndefined();
      expect(lines).toEqual([]);
    });

    test("that was truly billed is not corrected", async () => {
      const { store } = await open();
      const fence = await played(store);
      await store.write(fence, [hold(1, 50), settle(1, 30)]);
      await store.correct(fence.run, 1, used(1));
      await store.write(fence, [settle(1, 1)]);
      expect(await standing(store, `run:${fence.run}`)).toEqual({ spent: 30, held: 0 });
    });

    test("held twice by one attempt, since its first commit's outcome was unknown, is held once", async () => {
      const { store } = await open();
      const fence = await played(store);
      const told = await doing(store, fence, hold(1, 50));
      expect(await doing(store, fence, hold(1, 50))).toEqual(told);
      expect(await standing(store, `run:${fence.run}`)).toEqual({ spent: 0, held: 50 });
    });

    test("admits exactly as many calls as the cap affords, however wide they are asked", async () => {
      const { store } = await open();
      const [cap, reserve, cost] = [1000, 90, 20];
      const fence = await played(store, { caps: { usd: cap, explicit: true } });
      let asking = Array.from({ length: 64 }, (_, i) => i + 1);
      const refused: number[] = [];
      let made = 0;
      while (asking.length > 0) {
        const told = await Promise.all(asking.map((id) => doing(store, fence, hold(id, reserve))));
        const held = asking.filter((_, i) => told[i]?.did === "held");
        refused.push(...asking.filter((_, i) => told[i]?.did === "refused"));
        asking = asking.filter((_, i) => told[i]?.did === "wait");
        made += held.length;
        for (const id of held) await store.write(fence, [settle(id, cost)]);
      }
      expect(made).toBe(Math.floor((cap - reserve) / cost) + 1);
      expect(made + refused.length).toBe(64);
    });

    test("never exceeds a cap, and is never lost, in any order of holds, ends, crashes and corrections", {
      timeout: 120_000,
    }, async () => {
      const { store } = await open();
      let round = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(STEP, { minLength: 5, maxLength: 40 }), async (steps) => {
          const world = new World(store, `${round++}`);
          await world.begin();
          for (const step of steps) {
            await world.take(step);
            await world.check();
          }
        }),
        { numRuns: 30 },
      );
    });
  });
}

const line1 = (place: string) =>
  ({
    do: "line",
    line: { generation: 1, place, seq: 1, kind: "call", print: "p", state: "done", ms: 1, at: 1 },
  }) as const;
