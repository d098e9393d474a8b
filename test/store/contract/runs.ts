import { describe, expect, test } from "vitest";
import { FREE } from "../../../src/core/money.ts";
import type { OpenStore } from "../contract.ts";
import { CATALOGUE, claim, doing, end, newRun, played, ROOM } from "../kit.ts";

export function runsContract(open: OpenStore): void {
  describe("a run in the store", () => {
    test("reads back as it was written", async () => {
      const { store, clock } = await open();
      const wish = newRun({
        input: { task: "x".repeat(5000), deep: { nul: "a\0b", half: "\ud83d", list: [1, null, "é"] } },
        caps: { usd: 1_000_000_000, tokens: 5, calls: 3, seconds: 60, explicit: true },
        labels: ["a", 'b "c"'],
        priority: 2,
        rehearsal: { faults: [{ calls: "1-2", code: "overloaded" }] },
        needs: ["provider:z", "provider:a", "provider:z"],
      });
      const { run, existed } = await store.create(wish, ROOM);
      expect(existed).toBe(false);
      const { catalogue, needs, idempotency, preferred, ...same } = wish;
      expect(run).toMatchObject({
        ...same,
        status: "queued",
        needs: ["provider:a", "provider:z"],
        created_at: clock.now(),
      });
      expect(await store.get(wish.id)).toEqual(run);
      expect(await store.get("r_none")).toBeUndefined();
    });

    test("pins its catalogue by content", async () => {
      const { store } = await open();
      const priced = { ...CATALOGUE, prices: { "stub/small": FREE } };
      const { run: a } = await store.create(newRun(), ROOM);
      const { run: b } = await store.create(newRun({ catalogue: priced }), ROOM);
      const { run: c } = await store.create(newRun(), ROOM);
      expect(a.catalogue).toBe(c.catalogue);
      expect(await store.catalogue(b.catalogue)).toEqual(priced);
      expect(await store.catalogue(a.catalogue)).toEqual(CATALOGUE);
      expect(await store.catalogue("nothing")).toBeUndefined();
    });

    test("is the same run for the same key, also when two ask at once", async () => {
      const { store, other } = await open();
      const keyed = (hash: string) => newRun({ idempotency: { key: "k", hash } });
      const started = await Promise.all([store, other, store, other].map((each) => each.create(keyed("h"), ROOM)));
      expect(new Set(started.map(({ run }) => run.id)).size).toBe(1);
      expect(started.filter(({ existed }) => !existed)).toHaveLength(1);
      await expect(store.create(keyed("other input"), ROOM)).rejects.toMatchObject({ code: "KEY_REUSED" });
      const elsewhere = await store.create({ ...keyed("other input"), caller: "ann" }, ROOM);
      expect(elsewhere.existed).toBe(false);
    });

    test("is refused where the queue is full, with when to come back, and the same key still finds its run", async () => {
      const { store } = await open();
      const keyed = newRun({ idempotency: { key: "k", hash: "h" } });
      await store.create(keyed, { queued: 1 });
      const refused = store.create(newRun(), { queued: 1 });
      await expect(refused).rejects.toMatchObject({ code: "QUEUE_FULL" });
      await expect(refused).rejects.toThrow(/come back in \d+ ms/);
      expect((await store.create({ ...newRun(), idempotency: keyed.idempotency! }, { queued: 1 })).existed).toBe(true);
      expect((await store.list({ limit: 10 })).runs).toHaveLength(1);
    });

    test("is cancelled at once while nobody plays it", async () => {
      const { store } = await open();
      const { run } = await store.create(newRun(), ROOM);
      const cancelled = await store.cancel(run.id);
      expect(cancelled).toMatchObject({ status: "cancelled", error: { code: "CANCELLED" } });
      expect(cancelled.ended_at).toBeDefined();
      expect(await claim(store)).toBeUndefined();
      await expect(store.cancel("r_none")).rejects.toMatchObject({ code: "NOT_FOUND" });
    });

    test("is told to end while somebody plays it, and then ends as cancelled whatever its player says", async () => {
      const { store, other } = await open();
      const fence = await played(store);
      expect(await other.cancel(fence.run)).toMatchObject({ status: "running", cancelling: true });
      expect(await store.news(fence.run)).toMatchObject({ cancelling: true });
      expect(await doing(store, fence, end("succeeded", { output: "late" }))).toEqual({
        did: "ended",
        status: "cancelled",
      });
      expect(await store.get(fence.run)).toMatchObject({ status: "cancelled", error: { code: "CANCELLED" } });
    });

    test("stays what it is when it is cancelled after its end", async () => {
      const { store } = await open();
      const fence = await played(store);
      await doing(store, fence, end("succeeded", { output: { text: "done" } }));
      expect(await store.cancel(fence.run)).toMatchObject({ status: "succeeded", output: { text: "done" } });
    });
  });

  describe("a list of runs", () => {
    test("comes page by page, the latest first, without gaps or repeats", async () => {
      const { store, clock } = await open();
      const ids: string[] = [];
      for (let i = 0; i < 7; i++) {
        const { run } = await store.create(newRun(), ROOM);
        ids.unshift(run.id);
        if (i % 2) clock.pass(1);
      }
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await store.list({ limit: 3, ...(cursor && { cursor }) });
        seen.push(...page.runs.map(({ id }) => id));
        cursor = page.next;
      } while (cursor);
      expect(new Set(seen).size).toBe(7);
      expect(seen.toSorted()).toEqual(ids.toSorted());
    });

    test("is narrowed by what is asked for", async () => {
      const { store, clock } = await open();
      const make = async (more: object) => (await store.create(newRun(more), ROOM)).run.id;
      const long = await make({ input: { task: `${"so ".repeat(200)} 100%_Sure` } });
      const labelled = await make({ labels: ["weekly"], pattern: "fan_out" });
      clock.pass(1000);
      const anns = await make({ caller: "ann" });
      await store.cancel(anns);
      const ids = async (filter: object) => (await store.list({ limit: 10, ...filter })).runs.map(({ id }) => id);
      expect(await ids({ query: "100%_sure" })).toEqual([long]);
      expect(await ids({ query: "100__sure" })).toEqual([]);
      expect(await ids({ label: "weekly" })).toEqual([labelled]);
      expect(await ids({ pattern: "fan_out" })).toEqual([labelled]);
      expect(await ids({ caller: "ann", status: ["cancelled", "dead"] })).toEqual([anns]);
      expect(await ids({ since: clock.now() })).toEqual([anns]);
      expect(await ids({ status: [] })).toEqual([]);
    });

    test("is counted, with how long its runs took", async () => {
      const { store, clock } = await open();
      expect(await store.stats({})).toMatchObject({ usd: 0, counts: { queued: 0 } });
      for (let ms = 1; ms <= 100; ms++) {
        const fence = await played(store);
        clock.pass(ms);
        await doing(store, fence, end("succeeded"));
      }
      await store.create(newRun(), ROOM);
      const stats = await store.stats({});
      expect(stats).toMatchObject({ counts: { succeeded: 100, queued: 1, dead: 0 }, p50: 50, p95: 95, p99: 99 });
    });
  });
}
