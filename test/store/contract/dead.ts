import { describe, expect, test } from "vitest";
import type { Subscription } from "../../../src/core/event.ts";
import type { OpenStore } from "../contract.ts";
import { claim, end, event, line, played } from "../kit.ts";

const ALL: Subscription = { name: "all", on: { type: "order.*" }, run: "writer" };

export function deadContract(open: OpenStore): void {
  describe("a dead run that is dropped", () => {
    test("stays dead with all that it remembers, and keeps when it was dropped first", async () => {
      const { store, clock } = await open();
      const fence = await played(store);
      await store.write(fence, [line(1, { place: "plan" }), end("dead")]);
      const { dropped_at } = await store.drop(fence.run);
      expect(dropped_at).toBe(clock.now());
      clock.pass(1000);
      expect(await store.drop(fence.run)).toMatchObject({ status: "dead", dropped_at });
      expect((await store.memory(fence.run)).lines).toHaveLength(1);
    });

    test("is as if it had never been dropped once it is requeued", async () => {
      const { store } = await open();
      const fence = await played(store);
      await store.write(fence, [end("dead")]);
      await store.drop(fence.run);
      expect((await store.again(fence.run, "dead")).dropped_at).toBeUndefined();
      expect((await claim(store))?.run.id).toBe(fence.run);
    });

    test("was dead before: no other is dropped", async () => {
      const { store } = await open();
      const fence = await played(store);
      await expect(store.drop(fence.run)).rejects.toMatchObject({ code: "ILLEGAL_CHANGE" });
      await store.write(fence, [end("failed")]);
      await expect(store.drop(fence.run)).rejects.toMatchObject({ code: "ILLEGAL_CHANGE" });
      await expect(store.drop("r_none")).rejects.toMatchObject({ code: "NOT_FOUND" });
    });
  });

  describe("a dead delivery", () => {
    test.each([
      ["again", "due"],
      ["drop", "dropped"],
    ] as const)("that is to be settled with %s is %s, once", async (how, state) => {
      const { store, other } = await open([ALL]);
      await store.publish(event("1"), "local");
      const [delivery] = (await store.due(["all"], 10)).due;
      if (!delivery) throw new Error("nothing is due");
      expect(await store.settleDead(delivery, how)).toBe(false);
      await store.missed(delivery, { next: "never", error: "UNKNOWN_WORKFLOW: gone" });
      expect(await other.settleDead(delivery, how)).toBe(true);
      expect(await store.settleDead(delivery, how)).toBe(false);
      expect(await store.deliveries({ subscription: "all", limit: 10 })).toMatchObject([{ state }]);
      expect((await store.due(["all"], 10)).due).toHaveLength(how === "again" ? 1 : 0);
    });
  });
}
