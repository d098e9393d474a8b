import { describe, expect, test } from "vitest";
import type { Delivery, Subscription } from "../../../src/core/event.ts";
import type { RunStore } from "../../../src/core/store.ts";
import type { OpenStore } from "../contract.ts";
import { open as ask, claim, end, event, line, newRun, played, ROOM } from "../kit.ts";

const EVERYTHING: Subscription = { name: "all", on: { type: "*" }, run: "writer" };
const to = (name: string, on: Subscription["on"]): Subscription => ({ name, on, run: "writer" });

/** All that was told to whoever listens to everything, the oldest first. */
async function told(store: RunStore): Promise<readonly Delivery["event"][]> {
  const deliveries = await store.deliveries({ subscription: "all", limit: 100 });
  return deliveries.map((delivery) => delivery.event).toReversed();
}

export function eventsContract(open: OpenStore): void {
  describe("an event", () => {
    test("is the same event when it is published again, and is not delivered again", async () => {
      const { store, other } = await open([EVERYTHING]);
      const first = await store.publish(event("1"), "local");
      expect(first).toMatchObject({
        existed: false,
        deliveries: 1,
        event: { id: "1", caller: "local", data: { id: "1" } },
      });
      const again = await other.publish(event("1", { time: "2027-01-01T00:00:00Z" }), "local");
      expect(again).toEqual({ event: first.event, existed: true, deliveries: 1, woke: [] });
      expect(await store.deliveries({ limit: 10 })).toHaveLength(1);
    });

    test("that two processes publish at once is published once", async () => {
      const { store, other } = await open([EVERYTHING]);
      const both = await Promise.all([store.publish(event("1"), "local"), other.publish(event("1"), "local")]);
      expect(both.map(({ existed }) => existed).toSorted()).toEqual([false, true]);
      expect(await store.deliveries({ limit: 10 })).toHaveLength(1);
    });

    test("is refused where its id has said something else before, and the first stands", async () => {
      const { store } = await open([EVERYTHING]);
      await store.publish(event("1"), "local");
      for (const other of [{ data: 2 }, { type: "order.sent" }, { subject: "s" }, { correlationid: "c" }])
        await expect(store.publish(event("1", other), "local")).rejects.toMatchObject({ code: "KEY_REUSED" });
      expect(await told(store)).toMatchObject([{ id: "1", data: { id: "1" } }]);
    });

    test("of one caller does not stand in the way of another's with the same id", async () => {
      const { store } = await open();
      await store.publish(event("1"), "ann");
      expect(await store.publish(event("1", { data: 2 }), "bob")).toMatchObject({ existed: false });
    });

    test("keeps its order, and long data as they are", async () => {
      const { store } = await open([EVERYTHING]);
      const data = { text: "long ".repeat(1000), odd: "\u0000\ud800" };
      for (const id of ["b", "a", "c"])
        await store.publish(event(id, { data, subject: "s", correlationid: id }), "local");
      const events = await told(store);
      expect(events.map(({ id, number }) => [id, number])).toEqual([
        ["b", 1],
        ["a", 2],
        ["c", 3],
      ]);
      expect(events[1]).toMatchObject({ data, subject: "s", correlationid: "a", source: "/shop", type: "order.paid" });
    });

    test("goes to every subscription that means it: by type, by its beginning, by a condition, by correlation", async () => {
      const { store } = await open([
        to("exact", { type: "order.paid" }),
        to("beginning", { type: "order.*" }),
        to("other", { type: "order" }),
        to("rich", { type: "*", where: "event.data.total > 100.0" }),
        to("poor", { type: "*", where: "event.data.total < 100.0" }),
        to("untold", { type: "*", where: "event.data.nothing.at.all == 1.0" }),
        to("wrong", { type: "*", where: "event.data.total >" }),
        to("mine", { type: "*", correlation_id: "c1" }),
        to("theirs", { type: "*", correlation_id: "c2" }),
      ]);
      const { deliveries } = await store.publish(event("1", { data: { total: 120 }, correlationid: "c1" }), "local");
      const names = (await store.deliveries({ limit: 20 })).map(({ subscription }) => subscription);
      expect(names.toSorted()).toEqual(["beginning", "exact", "mine", "rich"]);
      expect(deliveries).toBe(4);
    });
  });

  describe("Baton's own events", () => {
    test("tell how every run has ended, once each", async () => {
      const { store } = await open([EVERYTHING]);
      for (const status of ["succeeded", "failed", "dead"] as const) {
        const fence = await played(store, { labels: ["nightly"], caller: "ann" });
        const error = {
          code: "CIRCUIT_OPEN",
          kind: "transient",
          message: "spared",
          retryable: true,
          step: "a",
        } as const;
        await store.write(fence, [end(status, status === "succeeded" ? {} : { error })]);
      }
      const { run } = await store.create(newRun({ caller: "ann" }), ROOM);
      await store.cancel(run.id);
      await store.cancel(run.id);
      const events = await told(store);
      expect(events.map(({ type }) => type)).toEqual(["run.succeeded", "run.failed", "run.dead", "run.cancelled"]);
      expect(events.every(({ source, caller }) => source === "baton" && caller === "ann")).toBe(true);
      expect(events[1]?.data).toMatchObject({
        pattern: "run_pipeline",
        labels: ["nightly"],
        status: "failed",
        generation: 1,
        error: { code: "CIRCUIT_OPEN", step: "a" },
      });
      expect(events[3]).toMatchObject({ subject: run.id, correlationid: run.id, data: { run_id: run.id } });
    });

    test("tell again of a run that is played again and ends again", async () => {
      const { store } = await open([EVERYTHING]);
      const fence = await played(store);
      await store.write(fence, [end("dead")]);
      await store.again(fence.run, "dead");
      const claimed = await claim(store);
      await store.write({ run: fence.run, epoch: claimed?.run.epoch ?? 0 }, [end("dead")]);
      const generations = (await told(store)).map(({ data }) => (data as { generation: number }).generation);
      expect(generations).toEqual([1, 2]);
    });

    test("tell of a run that was cancelled while its player was gone", async () => {
      const { store } = await open([EVERYTHING]);
      const { run, epoch } = await played(store);
      await store.cancel(run);
      const lease = (await store.leases()).find((each) => each.run === run);
      await store.reap({ run, epoch, beat: lease?.beat ?? 0 });
      expect((await told(store)).map(({ type }) => type)).toEqual(["run.cancelled"]);
    });

    test("tell of steps that have failed and of questions to people, and of nothing else inside a run", async () => {
      const { store } = await open([EVERYTHING]);
      const fence = await played(store);
      const error = { code: "REFUSED", kind: "semantic", message: "no", retryable: false } as const;
      await store.write(fence, [
        line(1),
        line(2, { state: "failed", error, value: undefined, place: "map/0/critic" }),
        line(3, { state: "failed", error, kind: "join", place: "map" }),
        ask("gate", { approval: "a1" }),
        ask("pause", { kind: "timer" }),
        ask("~budget.1", { kind: "budget" }),
      ]);
      const events = await told(store);
      expect(events.map(({ type }) => type)).toEqual(["step.failed", "approval.requested", "approval.requested"]);
      expect(events[0]?.data).toMatchObject({
        run_id: fence.run,
        step: "map/0/critic",
        agent: "writer@1a2b",
        code: "REFUSED",
      });
      expect(events[1]?.data).toMatchObject({ step: "gate", kind: "approval", approval: "a1" });
    });

    test("are not there where what they would tell was not written", async () => {
      const { store } = await open([EVERYTHING]);
      const fence = await played(store);
      expect(await store.write({ ...fence, epoch: fence.epoch - 1 }, [end("dead")])).toBeUndefined();
      expect(await told(store)).toEqual([]);
    });
  });

  describe("a run that an event has begun", () => {
    const begun = (store: RunStore, number: number, subscription: string) =>
      played(store, { idempotency: { key: `event/${number}/${subscription}`, hash: "h" } });

    test("does not tell its own subscription of itself, but every other one", async () => {
      const { store } = await open([to("loop", { type: "run.*" }), EVERYTHING]);
      const { event: cause } = await store.publish(event("1", { type: "run.pretended" }), "local");
      await store.write(await begun(store, cause.number, "loop"), [end("succeeded")]);
      const deliveries = await store.deliveries({ limit: 10 });
      expect(deliveries.map(({ subscription, event: { type } }) => `${subscription} ${type}`).toSorted()).toEqual([
        "all run.pretended",
        "all run.succeeded",
        "loop run.pretended",
      ]);
    });

    test("is the tenth of a chain at the most: what it tells begins nothing more", async () => {
      const links = Array.from({ length: 15 }, (_, i) => to(`s${i}`, { type: "run.*" }));
      const { store } = await open(links);
      const first = await store.publish(event("1", { type: "run.pretended" }), "local");
      expect(first.deliveries).toBe(15);
      let number = first.event.number;
      let length = 0;
      for (const { name } of links) {
        await store.write(await begun(store, number, name), [end("succeeded")]);
        const [latest] = await store.deliveries({ limit: 1 });
        if (!latest || latest.event.number === number) break;
        number = latest.event.number;
        length++;
      }
      expect(length).toBe(9);
    });
  });
}
