import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { BatonEvent } from "../../../src/core/event.ts";
import type { Fence, RunStore, Wait } from "../../../src/core/store.ts";
import type { OpenStore } from "../contract.ts";
import { claim, doing, end, event, line, openFor, open as openWait, played } from "../kit.ts";

const PAID = { type: "order.paid" } as const;

const waitAt = async (store: RunStore, run: string, place: string): Promise<Wait | undefined> =>
  (await store.news(run)).waits.find((wait) => wait.place === place);

/** The id of the event that has answered a wait. */
const takenBy = (wait: Wait | undefined): string | undefined =>
  (wait?.answer as { value?: BatonEvent } | undefined)?.value?.id;

const ACTS = ["open", "publish", "publish elsewhere", "publish the first again"] as const;
type Act = (typeof ACTS)[number];

const isPublish = (act: Act | undefined): boolean => act !== "open";

/** Is this the first that is heard of its event? */
const isFresh = (acts: readonly Act[], i: number): boolean =>
  isPublish(acts[i]) && (acts[i] !== "publish the first again" || acts.findIndex(isPublish) === i);

interface Stage {
  readonly stores: readonly [RunStore, RunStore];
  readonly fence: Fence;
  readonly caller: string;
  readonly atOnce: boolean;
}

/** Publishes and opens waits in this order; the number of an act names its event or wait. */
async function perform(acts: readonly Act[], { stores: [here, elsewhere], fence, caller, atOnce }: Stage) {
  const doings: Promise<unknown>[] = [];
  const first = String(acts.findIndex(isPublish));
  for (const [i, act] of acts.entries()) {
    const store = act === "publish elsewhere" ? elsewhere : here;
    const published = event(act === "publish the first again" ? first : `${i}`);
    const wait = openFor(`w${i}`, PAID, { opened_at: i });
    doings.push(act === "open" ? here.write(fence, [wait]) : store.publish(published, caller));
    if (!atOnce) await doings.at(-1);
  }
  await Promise.all(doings);
}

export function eventWaitsContract(open: OpenStore): void {
  describe("a wait for an event", () => {
    test("is answered by the event, and its run goes back to the queue, in whatever process it is published", async () => {
      const { store, other } = await open();
      const fence = await played(store);
      const opened = await doing(store, fence, openFor("paid", PAID));
      expect(opened).toMatchObject({ did: "opened", wait: { state: "open", event: PAID } });
      await store.write(fence, [{ do: "park", places: ["paid"] }]);
      const published = await other.publish(event("1", { correlationid: "c" }), "local");
      expect(published.woke).toEqual([fence.run]);
      expect(await store.get(fence.run)).toMatchObject({ status: "queued" });
      expect(await waitAt(store, fence.run, "paid")).toMatchObject({
        state: "answered",
        decided_by: "event",
        answer: { how: "answered", value: event("1", { correlationid: "c" }) },
      });
      expect((await claim(store))?.memory.waits).toMatchObject([{ place: "paid", state: "answered" }]);
    });

    test("is answered only by what it means: type, condition, correlation, and its own caller", async () => {
      const { store } = await open();
      const fence = await played(store);
      const filter = { type: "order.*", where: "event.data.total > 100.0", correlation_id: "c1" };
      await store.write(fence, [openFor("big", filter)]);
      const fits = { data: { total: 120 }, correlationid: "c1" };
      await store.publish(event("1", { ...fits, type: "bill.paid" }), "local");
      await store.publish(event("2", { ...fits, data: { total: 20 } }), "local");
      await store.publish(event("3", { ...fits, data: {} }), "local");
      await store.publish(event("4", { ...fits, correlationid: "c2" }), "local");
      await store.publish(event("5", fits), "somebody else");
      expect(await waitAt(store, fence.run, "big")).toMatchObject({ state: "open" });
      expect(await store.publish(event("6", fits), "local")).toMatchObject({ woke: [fence.run] });
      expect(takenBy(await waitAt(store, fence.run, "big"))).toBe("6");
    });

    test("takes an event that came before it, if the run had begun by then", async () => {
      const { store, other } = await open();
      await store.publish(event("too early"), "local");
      const fence = await played(store);
      await store.publish(event("other", { type: "bill.paid" }), "local");
      await store.publish(event("somebody's"), "somebody else");
      for (const id of ["1", "2"]) await other.publish(event(id), "local");
      const first = await doing(store, fence, openFor("first", PAID));
      expect(first).toMatchObject({ did: "opened", wait: { state: "answered", answer: { how: "answered" } } });
      const second = await doing(store, fence, openFor("second", { type: "order.*" }));
      const third = await doing(store, fence, openFor("third", PAID));
      expect([first, second].map((each) => each?.did === "opened" && takenBy(each.wait))).toEqual(["1", "2"]);
      expect(third).toMatchObject({ wait: { state: "open" } });
    });

    test("finds its event behind many that are not meant", async () => {
      const { store } = await open();
      const fence = await played(store);
      const many = Array.from({ length: 250 }, (_, i) => store.publish(event(`${i}`, { data: { i } }), "local"));
      await Promise.all(many);
      const opened = await doing(store, fence, openFor("late", { ...PAID, where: "event.data.i == 230.0" }));
      expect(opened?.did === "opened" && takenBy(opened.wait)).toBe("230");
    });

    test("of one run takes an event alone: the one that was opened first; those of other runs take it too", async () => {
      const { store, clock } = await open();
      const [a, b] = [await played(store), await played(store)];
      await store.write(a, [openFor("late", PAID, { opened_at: clock.now() + 5 })]);
      await store.write(a, [openFor("soon", PAID, { opened_at: clock.now() })]);
      await store.write(b, [openFor("only", PAID)]);
      const { woke } = await store.publish(event("1"), "local");
      expect(woke.toSorted()).toEqual([a.run, b.run].toSorted());
      expect(takenBy(await waitAt(store, a.run, "soon"))).toBe("1");
      expect(await waitAt(store, a.run, "late")).toMatchObject({ state: "open" });
      await store.publish(event("2"), "local");
      expect(takenBy(await waitAt(store, a.run, "late"))).toBe("2");
    });

    test("whose time is over takes nothing, nor does one that was taken back", async () => {
      const { store, clock } = await open();
      const fence = await played(store);
      await store.write(fence, [
        openFor("short", PAID, { expires_at: clock.now() + 1000 }),
        openFor("map/1/lost", PAID),
      ]);
      await store.write(fence, [{ do: "close", under: ["map/1"] }]);
      clock.pass(1000);
      expect(await store.publish(event("1"), "local")).toMatchObject({ woke: [] });
    });

    test("keeps its run from being put down where the event has come between", async () => {
      const { store } = await open();
      const fence = await played(store);
      await store.write(fence, [openFor("paid", PAID)]);
      await store.publish(event("1"), "local");
      expect(await doing(store, fence, { do: "park", places: ["paid"] })).toEqual({ did: "parked", ok: false });
    });

    test("is reached by the end of another run of its caller, in the commit that ends it", async () => {
      const { store } = await open();
      const waiting = await played(store);
      const watched = await played(store);
      const foreign = await played(store, { caller: "somebody else" });
      await store.write(waiting, [openFor("end", { type: "run.*", correlation_id: watched.run })]);
      await store.write(waiting, [{ do: "park", places: ["end"] }]);
      await store.write(foreign, [end("succeeded")]);
      expect(await store.get(waiting.run)).toMatchObject({ status: "waiting" });
      await store.write(watched, [end("succeeded")]);
      expect(await store.get(waiting.run)).toMatchObject({ status: "queued" });
    });

    test("tells this process whom an event has woken", async () => {
      const { store } = await open();
      const fence = await played(store);
      const heard: string[] = [];
      const deafen = store.onBus(({ woke }) => heard.push(...woke));
      await store.write(fence, [openFor("paid", PAID)]);
      await store.publish(event("1"), "local");
      deafen();
      expect(heard).toEqual([fence.run]);
    });

    test("gets its event again where a retry asks it again", async () => {
      const { store } = await open();
      const fence = await played(store);
      await store.write(fence, [openFor("step/paid", PAID)]);
      await store.publish(event("1"), "local");
      const error = { code: "REFUSED", kind: "semantic", message: "no", retryable: false } as const;
      await store.write(fence, [line(1, { place: "step", state: "failed", error, value: undefined })]);
      await store.write(fence, [end("failed", { error: { ...error, step: "step/paid" } })]);
      await store.again(fence.run, "failed", "step");
      const claimed = await claim(store);
      const again = { run: fence.run, epoch: claimed?.run.epoch ?? 0 };
      const kept = claimed?.memory.waits ?? [];
      const opened = await doing(store, again, openFor("step/paid", PAID, { generation: 2 }));
      expect([...kept.map(takenBy), opened?.did === "opened" && takenBy(opened.wait)]).toContain("1");
    });

    test("loses no event and takes none twice, however publishing and waiting take turns", async () => {
      const { store, other } = await open();
      const acts = fc.array(fc.constantFrom(...ACTS), { maxLength: 30 });
      let callers = 0;
      await fc.assert(
        fc.asyncProperty(acts, fc.boolean(), async (acts, atOnce) => {
          const caller = `c${++callers}`;
          const fence = await played(store, { caller });
          await perform(acts, { stores: [store, other], fence, caller, atOnce });
          const { waits } = await store.news(fence.run);
          const taken = waits.toSorted((a, b) => a.opened_at - b.opened_at).flatMap((wait) => takenBy(wait) ?? []);
          const published = acts.map((_, i) => `${i}`).filter((_, i) => isFresh(acts, i));
          expect(new Set(taken).size).toBe(taken.length);
          expect(taken).toHaveLength(Math.min(waits.length, published.length));
          if (!atOnce) expect(taken).toEqual(published.slice(0, taken.length));
        }),
        { numRuns: 100 },
      );
    });
  });

  describe("a wait for a person", () => {
    test("is opened as before, and takes no event", async () => {
      const { store } = await open();
      const fence = await played(store);
      expect(await doing(store, fence, openWait("gate"))).toEqual({ did: "done" });
      expect(await store.publish(event("1"), "local")).toMatchObject({ woke: [] });
    });
  });
}
