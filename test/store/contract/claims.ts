import { describe, expect, test } from "vitest";
import type { WorkerIdentity } from "../../../src/core/store.ts";
import type { OpenStore } from "../contract.ts";
import { CATALOGUE, claim, doing, end, HAS, hold, line, newRun, PLAY, played, ROOM, settle } from "../kit.ts";

const worker = (id: string): WorkerIdentity => ({ id, pid: 1, host: "h", boot: "b", lock: `/locks/${id}` });

export function claimsContract(open: OpenStore): void {
  describe("a claim", () => {
    test("gives each run to one worker only", async () => {
      const { store, other } = await open();
      for (let i = 0; i < 20; i++) await store.create(newRun(), ROOM);
      const asked = Array.from({ length: 30 }, (_, i) => claim(i % 2 ? store : other, `w_${i}`));
      const got = (await Promise.all(asked)).flatMap((claimed) => (claimed ? [claimed.run.id] : []));
      expect(got).toHaveLength(20);
      expect(new Set(got).size).toBe(20);
    });

    test("brings the catalogue that the run has pinned and an empty memory", async () => {
      const { store } = await open();
      await store.create(newRun(), ROOM);
      const claimed = await claim(store);
      expect(claimed).toMatchObject({ catalogue: CATALOGUE, memory: { lines: [], attempts: [], waits: [] } });
      expect(claimed?.run).toMatchObject({ status: "running", epoch: 1, owner: "w_1", generation: 1 });
    });

    test("takes only what the worker can play", async () => {
      const { store } = await open();
      await store.create(newRun({ needs: ["provider:rare"] }), ROOM);
      await store.create(newRun({ pattern: "debate" }), ROOM);
      await store.create(newRun({ pattern_version: 2 }), ROOM);
      expect(await claim(store)).toBeUndefined();
      const rare = await store.claim("w_1", ["provider:rare"], PLAY);
      expect(rare?.run.needs).toEqual(["provider:rare"]);
    });

    test("takes the worker's own runs first, then the greater priority, then the older; waiting counts", async () => {
      const { store, clock } = await open();
      const make = async (more: object) => (await store.create(newRun(more), ROOM)).run.id;
      const old = await make({});
      clock.pass(59_000);
      const young = await make({});
      const urgent = await make({ priority: 1, pattern: "fan_out" });
      const own = await make({ preferred: "w_1", priority: -5 });
      clock.pass(2000);
      const late = await make({ priority: 1 });
      const order: (string | undefined)[] = [];
      for (let i = 0; i < 5; i++) order.push((await claim(store))?.run.id);
      expect(order).toEqual([own, urgent, old, late, young]);
    });

    test("leaves a run that prefers another worker to nobody in particular", async () => {
      const { store } = await open();
      const { run } = await store.create(newRun({ preferred: "w_gone" }), ROOM);
      expect((await claim(store))?.run.id).toBe(run.id);
    });
  });

  describe("a lease", () => {
    test("names its owner, and moves with every write", async () => {
      const { store, other } = await open();
      await store.enlist(worker("w_1"));
      const fence = await played(store);
      const [before] = await other.leases();
      expect(before).toMatchObject({ ...fence, owner: worker("w_1") });
      await doing(store, fence, { do: "beat" });
      const [after] = await other.leases();
      expect(after?.beat).toBeGreaterThan(before?.beat ?? 0);
      await store.dismiss("w_1");
      expect((await other.leases())[0]?.owner).toBeUndefined();
    });

    test("is not taken from an owner who has moved since he was seen", async () => {
      const { store, other } = await open();
      const fence = await played(store);
      const [seen] = await other.leases();
      await doing(store, fence, { do: "beat" });
      expect(await other.reap(seen!)).toBe(false);
      expect(await doing(store, fence, { do: "beat" })).toEqual({ did: "done" });
    });

    test("is taken once from a silent owner, whose later writes are refused whole", async () => {
      const { store, other } = await open();
      const fence = await played(store);
      await store.write(fence, [line(1)]);
      const [seen] = await other.leases();
      expect(await Promise.all([other.reap(seen!), store.reap(seen!)])).toEqual(expect.arrayContaining([true, false]));
      expect(await store.write(fence, [line(2), end("succeeded")])).toBeUndefined();
      const again = await claim(other, "w_2");
      expect(again?.run).toMatchObject({ id: fence.run, crashes: 1, owner: "w_2" });
      expect(again?.run.epoch).toBeGreaterThan(fence.epoch);
      expect(again?.memory.lines.map(({ place }) => place)).toEqual(["step1"]);
      expect(await store.write(fence, [line(2)])).toBeUndefined();
    });

    test("of a run whose end was asked for is not taken up again", async () => {
      const { store, other } = await open();
      const fence = await played(store);
      await store.cancel(fence.run);
      await other.reap((await other.leases())[0]!);
      const run = await store.get(fence.run);
      expect(run).toMatchObject({ status: "cancelled", error: { code: "CANCELLED" } });
      expect(run?.ended_at).toBeDefined();
    });

    test("is no crash when it is given back", async () => {
      const { store } = await open();
      const fence = await played(store, { preferred: "w_1" });
      await store.write(fence, [hold(1, 10)]);
      await doing(store, fence, { do: "release" });
      const claimed = await claim(store, "w_2");
      expect(claimed?.run).toMatchObject({ id: fence.run, crashes: 0, held: 0 });
      expect(claimed?.memory.attempts).toMatchObject([{ state: "settled", estimated: true, usage: { usd: 10 } }]);
    });
  });

  describe("the time a run is played", () => {
    test("grows with each write of its player, by no more than a lease, and not while nobody plays it", async () => {
      const { store, clock } = await open();
      const fence = await played(store);
      clock.pass(3000);
      await doing(store, fence, { do: "beat" });
      clock.jump(86_400_000);
      clock.pass(1000);
      await doing(store, fence, { do: "release" });
      expect((await store.get(fence.run))?.held_ms).toBe(4000);
      clock.pass(60_000);
      const claimed = await claim(store);
      const next = { run: fence.run, epoch: claimed!.run.epoch };
      await doing(store, next, { do: "beat" });
      expect((await store.get(fence.run))?.held_ms).toBe(4000);
      clock.pass(3_600_000);
      await doing(store, next, { do: "beat" });
      expect((await store.get(fence.run))?.held_ms).toBe(14_000);
    });
  });

  describe("news", () => {
    test("of others are seen by a number that changes, and of one's own by who listens", async () => {
      const { store, other } = await open();
      const { run } = await store.create(newRun(), ROOM);
      const told: string[] = [];
      const stop = store.onChange((runs) => told.push(...runs));
      const before = [store.others(), other.others()];
      expect([store.others(), other.others()]).toEqual(before);
      const fence = { run: run.id, epoch: (await store.claim("w_1", HAS, PLAY))!.run.epoch };
      expect([store.others() === before[0], other.others() === before[1]]).toEqual([true, false]);
      await other.write(fence, [settle(1, 1)]);
      await other.write(fence, [{ do: "beat" }]);
      expect(store.others()).not.toBe(before[0]);
      expect(told).toEqual([run.id]);
      stop();
      await doing(store, fence, end("succeeded"));
      expect(told).toEqual([run.id]);
    });
  });
}
