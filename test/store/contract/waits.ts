import { describe, expect, test } from "vitest";
import type { Decision, RunCaps } from "../../../src/core/store.ts";
import type { OpenStore } from "../contract.ts";
import { open as ask, claim, doing, end, hold, line, played } from "../kit.ts";

const yes: Decision = { how: "approved", note: "fine" };
const no: Decision = { how: "rejected" };

export function waitsContract(open: OpenStore): void {
  describe("a wait", () => {
    test("is settled only for what was shown", async () => {
      const { store } = await open();
      const fence = await played(store);
      await store.write(fence, [ask("gate", { approval: "a1" })]);
      const stale = store.decide(fence.run, "gate", { how: "approved", approval: "b2" }, "ann");
      await expect(stale).rejects.toMatchObject({ code: "STALE_APPROVAL" });
      const fresh = await store.decide(fence.run, "gate", { how: "approved", approval: "a1" }, "ann");
      expect(fresh).toMatchObject({ state: "answered", answer: { how: "approved" } });
    });

    test("is settled once: the first decides, the others are told who was first", async () => {
      const { store, other } = await open();
      const fence = await played(store);
      await store.write(fence, [ask("gate")]);
      const told = await Promise.allSettled([
        store.decide(fence.run, "gate", yes, "ann"),
        other.decide(fence.run, "gate", no, "bob"),
      ]);
      const won = told.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
      const lost = told.flatMap((each) => (each.status === "rejected" ? [each.reason] : []));
      expect(won).toHaveLength(1);
      expect(won[0]).toMatchObject({ place: "gate", state: "answered" });
      expect(lost[0]).toMatchObject({ code: "ILLEGAL_CHANGE" });
      expect(lost[0].message).toContain(won[0]?.decided_by);
      expect((await store.news(fence.run)).waits).toEqual(won);
    });

    test("is one of several, and must be named", async () => {
      const { store } = await open();
      const fence = await played(store);
      await store.write(fence, [ask("map/1/approval"), ask("map/2/approval")]);
      const wrong = store.decide(fence.run, "approval", yes, "ann");
      await expect(wrong).rejects.toMatchObject({ code: "NOT_FOUND" });
      await expect(wrong).rejects.toHaveProperty("options.hint", expect.stringContaining("map/2/approval"));
      await store.decide(fence.run, "map/1/approval", yes, "ann");
      const { waits } = await store.news(fence.run);
      expect(waits.map(({ place, state }) => [place, state])).toEqual([
        ["map/1/approval", "answered"],
        ["map/2/approval", "open"],
      ]);
      await expect(store.decide("r_none", "gate", yes, "ann")).rejects.toMatchObject({ code: "NOT_FOUND" });
    });

    test("cannot be answered when its time is over, though nobody has swept yet", async () => {
      const { store, clock } = await open();
      const fence = await played(store);
      await store.write(fence, [ask("gate", { expires_at: clock.now() + 1000 })]);
      clock.pass(1000);
      await expect(store.decide(fence.run, "gate", yes, "ann")).rejects.toThrow(/its time was over/);
    });

    test("that was answered cannot run out of time any more", async () => {
      const { store, clock } = await open();
      const fence = await played(store);
      await store.write(fence, [ask("gate", { expires_at: clock.now() + 1000 })]);
      await store.decide(fence.run, "gate", yes, "ann");
      await store.write(fence, [{ do: "expire", place: "gate" }]);
      expect((await store.news(fence.run)).waits).toMatchObject([
        { state: "answered", answer: yes, decided_by: "ann" },
      ]);
    });

    test("that has run out of time cannot be answered", async () => {
      const { store } = await open();
      const fence = await played(store);
      await store.write(fence, [ask("gate")]);
      await store.write(fence, [{ do: "expire", place: "gate" }]);
      await expect(store.decide(fence.run, "gate", yes, "ann")).rejects.toMatchObject({ code: "ILLEGAL_CHANGE" });
    });

    test("of a branch that lost is withdrawn, and asked again only where it is opened again", async () => {
      const { store } = await open();
      const fence = await played(store);
      await store.write(fence, [ask("map/1/gate"), ask("map/2/gate")]);
      await store.write(fence, [{ do: "close", under: ["map/2"] }]);
      await expect(store.decide(fence.run, "map/2/gate", yes, "ann")).rejects.toThrow(/no longer asked/);
      await store.write(fence, [ask("map/2/gate"), ask("map/1/gate")]);
      expect((await store.progress(fence.run)).waiting).toHaveLength(2);
    });
  });

  describe("a parked run", () => {
    test("wakes by its answer, and keeps its place in the queue", async () => {
      const { store } = await open();
      const fence = await played(store, { preferred: "w_1" });
      await store.write(fence, [line(1), ask("gate")]);
      expect(await doing(store, fence, { do: "park", places: ["gate"] })).toEqual({ did: "parked", ok: true });
      expect(await store.get(fence.run)).toMatchObject({ status: "waiting" });
      expect(await store.write(fence, [line(2)])).toBeUndefined();
      expect(await claim(store)).toBeUndefined();
      expect(await store.leases()).toEqual([]);
      await store.decide(fence.run, "gate", { how: "answered", value: { n: 1 } }, "ann");
      const claimed = await claim(store, "w_2");
      expect(claimed?.run).toMatchObject({ id: fence.run, crashes: 0 });
      expect(claimed?.memory.waits).toMatchObject([
        { state: "answered", answer: { how: "answered", value: { n: 1 } } },
      ]);
    });

    test("is not put down where one of its waits is settled already", async () => {
      const { store, other } = await open();
      const fence = await played(store);
      await store.write(fence, [ask("a"), ask("b")]);
      const [, parked] = await Promise.all([
        other.decide(fence.run, "a", yes, "ann"),
        other.news(fence.run).then(() => doing(store, fence, { do: "park", places: ["a", "b"] })),
      ]);
      expect(parked).toEqual({ did: "parked", ok: false });
      expect(await store.get(fence.run)).toMatchObject({ status: "running" });
    });

    test("is not put down where its end is asked for, or a time is over", async () => {
      const { store, clock } = await open();
      const a = await played(store);
      await store.write(a, [ask("gate")]);
      await store.cancel(a.run);
      expect(await doing(store, a, { do: "park", places: ["gate"] })).toEqual({ did: "parked", ok: false });
      const b = await played(store);
      await store.write(b, [ask("gate", { expires_at: clock.now() + 10 })]);
      clock.pass(10);
      expect(await doing(store, b, { do: "park", places: ["gate"] })).toEqual({ did: "parked", ok: false });
      expect((await store.news(b.run)).waits).toMatchObject([{ state: "expired" }]);
    });

    test("wakes at the earliest time of its waits", async () => {
      const { store, clock } = await open();
      const fence = await played(store);
      await store.write(fence, [
        ask("a", { expires_at: clock.now() + 5000 }),
        ask("b", { expires_at: clock.now() + 1000 }),
      ]);
      await doing(store, fence, { do: "park", places: ["a", "b"] });
      expect(await store.wake()).toEqual({ woken: 0, next: clock.now() + 1000 });
      clock.pass(1000);
      expect(await store.wake()).toEqual({ woken: 1 });
      const claimed = await claim(store);
      expect(claimed?.memory.waits.map(({ place, state }) => [place, state])).toEqual([
        ["a", "open"],
        ["b", "expired"],
      ]);
    });

    test.each(["before", "with", "after"] as const)(
      "does not lose an answer that comes %s the parking",
      async (when) => {
        const { store, other } = await open();
        const fence = await played(store);
        await store.write(fence, [ask("gate")]);
        const decide = () => other.decide(fence.run, "gate", yes, "ann");
        if (when === "before") await decide();
        const parking = doing(store, fence, { do: "park", places: ["gate"] });
        if (when === "with") await decide();
        const parked = await parking;
        if (when === "after") await decide();
        expect(parked).toEqual({
          did: "parked",
          ok: when === "after" || (await store.get(fence.run))?.status === "queued",
        });
        expect((await store.get(fence.run))?.status).toBe(parked?.did === "parked" && parked.ok ? "queued" : "running");
      },
    );

    test("is cancelled at once", async () => {
      const { store } = await open();
      const fence = await played(store);
      await store.write(fence, [ask("gate")]);
      await doing(store, fence, { do: "park", places: ["gate"] });
      expect(await store.cancel(fence.run)).toMatchObject({ status: "cancelled" });
      await expect(store.decide(fence.run, "gate", yes, "ann")).rejects.toThrow(/no longer asked/);
    });
  });

  describe("a raised budget", () => {
    test("sets what is named, and wakes the run that waits for it", async () => {
      const { store } = await open();
      const fence = await played(store, { caps: { usd: 10, calls: 5, explicit: false } });
      expect(await doing(store, fence, hold(1, 20))).toMatchObject({ did: "refused" });
      await store.write(fence, [ask("budget", { kind: "budget" })]);
      await doing(store, fence, { do: "park", places: ["budget"] });
      const raised = await store.raise(fence.run, { usd: 50, seconds: 9 }, "ann");
      expect(raised).toMatchObject({ status: "queued", caps: { usd: 50, calls: 5, seconds: 9, explicit: true } });
      expect((await store.raise(fence.run, { usd: 50 }, "ann")).caps.usd).toBe(50);
      const claimed = await claim(store);
      expect(claimed?.memory.waits).toMatchObject([{ kind: "budget", state: "answered", decided_by: "ann" }]);
      expect(await doing(store, { run: fence.run, epoch: claimed!.run.epoch }, hold(1, 20))).toMatchObject({
        did: "held",
      });
    });

    test("that comes before its run is put down for want of it keeps it from being put down, and nobody is asked", async () => {
      const { store, other } = await open();
      const before = { calls: 1, explicit: true };
      const fence = await played(store, { caps: before });
      const wait = { generation: 1, place: "~budget.1", kind: "budget", opened_at: 1 } as const;
      const park = (caps: RunCaps) => ({ do: "park", places: [], asks: { wait, caps } }) as const;
      await other.raise(fence.run, { calls: 2 }, "ann");
      expect(await doing(store, fence, park(before))).toEqual({ did: "parked", ok: false });
      expect(await store.news(fence.run)).toMatchObject({ waits: [] });
      expect(await doing(store, fence, park({ ...before, calls: 2 }))).toEqual({ did: "parked", ok: true });
      expect((await store.progress(fence.run)).waiting).toMatchObject([{ place: "~budget.1", state: "open" }]);
      expect(await store.raise(fence.run, { calls: 3 }, "ann")).toMatchObject({ status: "queued" });
    });

    test("does not wake a run that waits for a cap above its own, which other caps of that kind do", async () => {
      const { store, other, clock } = await open();
      const caps = { calls: 1, explicit: true };
      const fence = await played(store, { caps });
      const wait = { generation: 1, place: "~budget.1", kind: "budget", opened_at: 1 } as const;
      const show = { scope: "day", unit: "calls", cap: 5 };
      const asks = { wait: { ...wait, show, expires_at: clock.now() + 9000 }, caps };
      expect(await doing(store, fence, { do: "park", places: [], asks })).toEqual({ did: "parked", ok: true });
      expect(await store.raise(fence.run, { calls: 9 }, "ann")).toMatchObject({ status: "waiting" });
      expect(await other.recap({ day: { calls: 5 }, caller: {} })).toBe(0);
      expect(await other.recap({ day: { calls: 6 }, caller: {} })).toBe(1);
      expect(await store.get(fence.run)).toMatchObject({ status: "queued" });
      expect(await other.recap({ day: {}, caller: {} })).toBe(0);
    });

    test("is refused where it can no longer matter", async () => {
      const { store } = await open();
      const fence = await played(store);
      await doing(store, fence, end("succeeded"));
      await expect(store.raise(fence.run, { usd: 1 }, "ann")).rejects.toMatchObject({ code: "ILLEGAL_CHANGE" });
      await expect(store.raise("r_none", { usd: 1 }, "ann")).rejects.toMatchObject({ code: "NOT_FOUND" });
    });
  });
}
