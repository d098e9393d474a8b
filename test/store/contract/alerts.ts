import { describe, expect, test } from "vitest";
import type { Subscription } from "../../../src/core/event.ts";
import type { Fence, NewRun, RunStore } from "../../../src/core/store.ts";
import type { OpenStore } from "../contract.ts";
import { open as ask, end, hold, line, played, settle, used } from "../kit.ts";

const ALL: Subscription = { name: "all", on: { type: "*" }, run: "writer" };
const CENT = 10_000_000;

const told = async (store: RunStore, type: string) =>
  (await store.deliveries({ limit: 100 })).map(({ event }) => event).filter((event) => event.type === type);

/** One request at a place, with its answer. */
const asked = (store: RunStore, fence: Fence, id: number, place: string, usd: number) =>
  store
    .write(fence, [hold(id, usd, { place })])
    .then(() => store.write(fence, [settle(id, usd), line(id, { place, usage: used(usd) })]));

/** So many runs that have cost so much, most of it at `map/0/write`. */
async function usual(store: RunStore, count: number, usd: number, more: Partial<NewRun> = {}): Promise<void> {
  for (let i = 0; i < count; i++) {
    const fence = await played(store, more);
    await asked(store, fence, 1, "map/0/write", usd - 1);
    await asked(store, fence, 2, "judge", 1);
    await store.write(fence, [end("succeeded")]);
  }
}

export function alertsContract(open: OpenStore): void {
  describe("a run that costs more than three times the usual", () => {
    test("is told while it still goes on, once, with the step that has cost most over its own usual", async () => {
      const { store } = await open([ALL]);
      await usual(store, 3, 2 * CENT);
      const fence = await played(store);
      await asked(store, fence, 1, "map/0/write", 2 * CENT);
      await asked(store, fence, 2, "judge", 4 * CENT);
      expect(await told(store, "run.costly")).toEqual([]);
      await asked(store, fence, 3, "map/7/write", CENT);
      const [one, ...more] = await told(store, "run.costly");
      expect(more).toEqual([]);
      expect(one).toMatchObject({
        source: "baton",
        subject: fence.run,
        correlationid: fence.run,
        data: {
          run_id: fence.run,
          usd: 0.07,
          usual_usd: 0.02,
          earlier_runs: 3,
          step: "judge",
          at: { place: "judge", usd: 0.04, usual_usd: 1e-9 },
        },
      });
      await asked(store, fence, 4, "map/8/write", 9 * CENT);
      await store.write(fence, [end("failed")]);
      await store.again(fence.run, "failed");
      expect(await told(store, "run.costly")).toHaveLength(1);
      expect(await store.takeAlerts([])).toMatchObject([{ type: "run.costly" }]);
    });

    test("names the dearest branch of a step, and what all its branches cost together", async () => {
      const { store } = await open([ALL]);
      await usual(store, 3, 2 * CENT);
      const fence = await played(store);
      for (const [id, usd] of [1, 3, 2, 1].entries()) await asked(store, fence, id + 1, `map/${id}/write`, usd * CENT);
      const [one] = await told(store, "run.costly");
      expect(one?.data).toMatchObject({ step: "map/1/write", at: { place: "map/*/write", usd: 0.07 } });
    });

    test("is told at its end at the latest, by what its end has charged", async () => {
      const { store } = await open([ALL]);
      await usual(store, 3, 2 * CENT);
      const fence = await played(store);
      await store.write(fence, [hold(1, 9 * CENT)]);
      await store.write(fence, [end("failed")]);
      expect((await told(store, "run.costly")).map(({ subject }) => subject)).toEqual([fence.run]);
      const lost = await played(store);
      await store.write(lost, [hold(1, 9 * CENT)]);
      const [lease] = await store.leases();
      if (lease) await store.reap(lease);
      expect((await told(store, "run.costly")).map(({ subject }) => subject).toSorted()).toEqual(
        [fence.run, lost.run].toSorted(),
      );
    });

    test.each([
      ["fewer than three runs", 2, 2 * CENT, 50 * CENT],
      ["what costs a cent at most", 3, 1000, CENT],
      ["three times the usual and no more", 3, 2 * CENT, 6 * CENT],
    ])("is not told of %s", async (_, runs, each, usd) => {
      const { store } = await open([ALL]);
      await usual(store, runs, each);
      const fence = await played(store);
      await asked(store, fence, 1, "map/0/write", usd);
      await store.write(fence, [end("succeeded")]);
      expect(await told(store, "run.costly")).toEqual([]);
    });

    test("is measured by what it runs: a saved workflow by itself, and by what is usual now", async () => {
      const { store } = await open([ALL]);
      const dear = { pattern: "fan_out" };
      await usual(store, 3, 2 * CENT);
      await usual(store, 3, 20 * CENT, dear);
      const fence = await played(store, dear);
      await asked(store, fence, 1, "map/0/write", 40 * CENT);
      expect(await told(store, "run.costly")).toEqual([]);
      const early = await played(store);
      await usual(store, 9, 10 * CENT);
      const isTold = async () => (await told(store, "run.costly")).some(({ subject }) => subject === early.run);
      await asked(store, early, 1, "map/0/write", 20 * CENT);
      expect(await isTold()).toBe(false);
      await asked(store, early, 2, "map/1/write", 20 * CENT);
      expect(await isTold()).toBe(true);
    });
  });

  describe("a wait for somebody that is about to expire", () => {
    const until = (opened_at: number, ms: number, more: object = {}) =>
      ask("gate", { opened_at, expires_at: opened_at + ms, ...more });

    test.each([
      ["in the last fifth of its term", 600_000, 480_000],
      ["an hour before at the earliest", 864_000_000, 860_400_000],
    ])("is told once, %s, though its run is put down and others look as well", async (_, term, at) => {
      const { store, other, clock } = await open([ALL]);
      const fence = await played(store);
      const terms = { default: { how: "rejected" } } as const;
      await store.write(fence, [until(clock.now(), term, { terms }), ask("door"), ask("bell", { kind: "timer" })]);
      await store.write(fence, [{ do: "park", places: ["gate"] }]);
      const ends = new Date(clock.now() + term).toISOString();
      clock.pass(at - 1);
      await store.wake();
      expect(await told(store, "approval.expiring")).toEqual([]);
      clock.pass(1);
      await Promise.all([store.wake(), other.wake()]);
      await store.wake();
      expect(await told(store, "approval.expiring")).toMatchObject([
        { subject: fence.run, data: { step: "gate", until: ends, default: "rejected" } },
      ]);
      expect(await store.get(fence.run)).toMatchObject({ status: "waiting" });
      expect((await store.takeAlerts([])).map(({ type }) => type)).toContain("approval.expiring");
    });

    test.each([
      ["was decided before", 600_000, 500_000, true],
      ["is over already", 600_000, 700_000, false],
      ["is over within seconds", 9000, 8000, false],
    ])("is not told where it %s", async (_, term, at, decided) => {
      const { store, clock } = await open([ALL]);
      const fence = await played(store);
      await store.write(fence, [until(clock.now(), term)]);
      if (decided) await store.decide(fence.run, "gate", { how: "approved" }, "ann");
      clock.pass(at);
      await store.wake();
      expect(await told(store, "approval.expiring")).toEqual([]);
    });

    test("is not told where it waits for time or an event", async () => {
      const { store, clock } = await open([ALL]);
      const fence = await played(store);
      const event = { type: "order.paid" };
      await store.write(fence, [until(clock.now(), 600_000, { kind: "timer" })]);
      await store.write(fence, [until(clock.now(), 600_000, { kind: "event", place: "paid", event })]);
      clock.pass(500_000);
      await store.wake();
      expect(await told(store, "approval.expiring")).toEqual([]);
    });
  });

  describe("who has stopped a run", () => {
    test("is kept with it, the last who has changed something, and told with its end", async () => {
      const { store, other } = await open([ALL]);
      const fence = await played(store);
      await store.write(fence, [ask("gate")]);
      await store.write(fence, [{ do: "park", places: ["gate"] }]);
      await store.pause(fence.run, "ann");
      await store.pause(fence.run, "bob");
      expect((await other.get(fence.run))?.control).toMatchObject({ action: "pause", by: "ann" });
      await store.resume(fence.run, "bob");
      await store.resume(fence.run, "ann");
      expect((await other.get(fence.run))?.control).toMatchObject({ action: "resume", by: "bob" });
      await store.cancel(fence.run, "eve");
      await store.cancel(fence.run, "ann");
      expect((await other.get(fence.run))?.control).toMatchObject({ action: "cancel", by: "eve" });
      expect(await told(store, "run.cancelled")).toMatchObject([{ data: { by: "eve" } }]);
    });

    test("is not known where nobody says who they are", async () => {
      const { store } = await open([ALL]);
      const fence = await played(store);
      await store.cancel(fence.run);
      await store.write(fence, [end("succeeded")]);
      expect(await store.get(fence.run)).not.toHaveProperty("control");
      const [event] = await told(store, "run.cancelled");
      expect(event?.data).not.toHaveProperty("by");
    });
  });
}
