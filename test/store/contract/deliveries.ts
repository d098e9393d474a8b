import { describe, expect, test } from "vitest";
import type { Delivery, Subscription } from "../../../src/core/event.ts";
import type { RunStore } from "../../../src/core/store.ts";
import type { OpenStore } from "../contract.ts";
import { claim, end, event, newRun, played, ROOM } from "../kit.ts";

const ALL: Subscription = { name: "all", on: { type: "order.*" }, run: "writer" };
const OTHERS: Subscription = { name: "others", on: { type: "order.*" }, run: "critic" };
const LETTERS: Subscription = { name: "letters", on: { type: "delivery.dead" }, run: "writer" };

const ids = (due: readonly Delivery[]): string[] => due.map((delivery) => delivery.event.id);

async function dueOf(store: RunStore, name = "all"): Promise<readonly Delivery[]> {
  return (await store.due([name], 10)).due;
}

async function mustFirst(store: RunStore): Promise<Delivery> {
  const [first] = await dueOf(store);
  if (!first) throw new Error("nothing is due");
  return first;
}

/** Begins the first delivery that is due as a run, and tells how to end it. */
async function begin(store: RunStore) {
  const delivery = await mustFirst(store);
  const key = `event/${delivery.event.number}/${delivery.subscription}`;
  const fence = await played(store, { idempotency: { key, hash: "h" } });
  await store.delivered(delivery, fence.run);
  return { delivery, fence };
}

const stateOf = async (store: RunStore, id: string): Promise<Delivery | undefined> =>
  (await store.deliveries({ subscription: "all", limit: 50 })).find((delivery) => delivery.event.id === id);

export function deliveriesContract(open: OpenStore): void {
  describe("a delivery", () => {
    test("is due at once, to its own subscription, until it has begun", async () => {
      const { store, other } = await open([ALL, OTHERS]);
      await store.publish(event("1"), "ann");
      expect(await other.due(["all"], 10)).toMatchObject({ due: [{ subscription: "all", state: "due", tries: 0 }] });
      expect(ids((await store.due(["all", "others", "nobody"], 10)).due)).toEqual(["1", "1"]);
      expect((await store.due(["nobody"], 10)).due).toEqual([]);
      const { fence } = await begin(store);
      expect(await dueOf(store)).toEqual([]);
      expect(await stateOf(store, "1")).toMatchObject({ state: "started", run: fence.run, tries: 1 });
    });

    test("is done when its run has ended, whatever its end", async () => {
      const { store } = await open([ALL]);
      for (const [id, status] of [["1", "succeeded"] as const, ["2", "failed"] as const, ["3", "dead"] as const]) {
        await store.publish(event(id), "local");
        const { fence } = await begin(store);
        await store.write(fence, [end(status)]);
        expect(await stateOf(store, id)).toMatchObject({ state: "done" });
      }
    });

    test("is done too where its run had ended before it was said to have begun", async () => {
      const { store } = await open([ALL]);
      await store.publish(event("1"), "local");
      const delivery = await mustFirst(store);
      const { run } = await store.create(newRun(), ROOM);
      await store.cancel(run.id);
      await store.delivered(delivery, run.id);
      expect(await stateOf(store, "1")).toMatchObject({ state: "done", run: run.id });
    });

    test("waits for the one before it of the same correlation to end, and for no other", async () => {
      const { store } = await open([ALL, OTHERS]);
      for (const [id, correlationid] of [
        ["a1", "a"],
        ["a2", "a"],
        ["b1", "b"],
        ["a3", "a"],
      ])
        await store.publish(event(id ?? "", correlationid === undefined ? {} : { correlationid }), "local");
      await store.publish(event("theirs", { correlationid: "a" }), "somebody else");
      for (const id of ["free1", "free2"]) await store.publish(event(id), "local");
      expect(ids(await dueOf(store))).toEqual(["a1", "b1", "theirs", "free1", "free2"]);
      const { fence } = await begin(store);
      expect(ids(await dueOf(store))).toEqual(["b1", "theirs", "free1", "free2"]);
      expect(ids(await dueOf(store, "others"))).toContain("a1");
      await store.write(fence, [end("failed")]);
      expect(ids(await dueOf(store))).toEqual(["a2", "b1", "theirs", "free1", "free2"]);
    });

    test("goes on waiting where its run is put back or played again", async () => {
      const { store } = await open([ALL]);
      for (const id of ["1", "2"]) await store.publish(event(id, { correlationid: "c" }), "local");
      const { fence } = await begin(store);
      await store.write(fence, [{ do: "release" }]);
      await claim(store);
      expect(await dueOf(store)).toEqual([]);
    });

    test("that could not begin is due again after its pause, and tells when", async () => {
      const { store, clock } = await open([ALL]);
      await store.publish(event("1"), "local");
      await store.missed(await mustFirst(store), { next: "again", after_ms: 4000, counted: true, error: "no agent" });
      expect(await store.due(["all"], 10)).toEqual({ due: [], next: clock.now() + 4000 });
      clock.pass(3999);
      expect(await dueOf(store)).toEqual([]);
      clock.pass(1);
      expect(await mustFirst(store)).toMatchObject({ tries: 1, error: "no agent" });
    });

    test("holds up those behind it while it waits out its pause, until it is given up", async () => {
      const { store } = await open([ALL]);
      for (const id of ["1", "2"]) await store.publish(event(id, { correlationid: "c" }), "local");
      await store.missed(await mustFirst(store), { next: "again", after_ms: 4000, counted: false, error: "full" });
      expect(await dueOf(store)).toEqual([]);
      const held = await stateOf(store, "1");
      if (held) await store.missed(held, { next: "never", error: "no agent" });
      expect(ids(await dueOf(store))).toEqual(["2"]);
    });

    test("that two processes fail to begin at once counts one try, and is given up once", async () => {
      const { store, other } = await open([ALL, LETTERS]);
      await store.publish(event("1"), "local");
      const seen = await mustFirst(store);
      const again = { next: "again", after_ms: 0, counted: true, error: "no agent" } as const;
      await Promise.all([store.missed(seen, again), other.missed(seen, again)]);
      const once = await mustFirst(store);
      expect(once.tries).toBe(1);
      const never = { next: "never", error: "no agent" } as const;
      await Promise.all([store.missed(once, never), other.missed(once, never), other.missed(seen, again)]);
      expect(await store.deliveries({ state: "dead", limit: 10 })).toMatchObject([
        { subscription: "all", state: "dead", tries: 2, error: "no agent", event: { id: "1" } },
      ]);
      expect(await store.deliveries({ subscription: "letters", limit: 10 })).toMatchObject([
        { event: { type: "delivery.dead", data: { subscription: "all", event: { id: "1" }, error: "no agent" } } },
      ]);
    });

    test("that was given up is due again where its event is published again; what was delivered is not", async () => {
      const { store } = await open([ALL, OTHERS, LETTERS]);
      await store.publish(event("1"), "local");
      await begin(store);
      const [other] = await dueOf(store, "others");
      if (other) await store.missed(other, { next: "never", error: "no agent" });
      expect(await dueOf(store, "others")).toEqual([]);
      expect(await store.publish(event("1"), "local")).toMatchObject({ existed: true, deliveries: 2 });
      expect(await dueOf(store)).toEqual([]);
      expect(await dueOf(store, "others")).toMatchObject([{ tries: 0, event: { id: "1" } }]);
    });

    test("of a dead letter about itself is not made: a subscription is not told of its own failure", async () => {
      const { store } = await open([{ ...ALL, on: { type: "*" } }]);
      await store.publish(event("1"), "local");
      await store.missed(await mustFirst(store), { next: "never", error: "no agent" });
      expect(await dueOf(store)).toEqual([]);
    });

    test("is listed by caller, state and subscription, the latest first", async () => {
      const { store } = await open([ALL, OTHERS]);
      await store.publish(event("1"), "ann");
      await store.publish(event("2"), "bob");
      expect(ids(await store.deliveries({ subscription: "all", limit: 10 }))).toEqual(["2", "1"]);
      expect(ids(await store.deliveries({ caller: "ann", limit: 10 }))).toEqual(["1", "1"]);
      expect(ids(await store.deliveries({ state: "dead", limit: 10 }))).toEqual([]);
      expect(ids(await store.deliveries({ state: "due", limit: 3 }))).toEqual(["2", "2", "1"]);
    });

    test("tells this process that something is due: when it is written, and when the one before has ended", async () => {
      const { store } = await open([ALL]);
      let heard = 0;
      store.onBus(({ due }) => {
        if (due) heard++;
      });
      await store.publish(event("1", { correlationid: "c" }), "local");
      expect(heard).toBe(1);
      const { fence } = await begin(store);
      await store.write(fence, [end("succeeded")]);
      expect(heard).toBe(2);
    });
  });
}
