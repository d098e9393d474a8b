import { describe, expect, test } from "vitest";
import type { Subscription } from "../../../src/core/event.ts";
import type { RunStore } from "../../../src/core/store.ts";
import type { OpenStore } from "../contract.ts";
import { open as ask, claim, doing, played } from "../kit.ts";

const ESCALATED: Subscription = { name: "all", on: { type: "approval.escalated" }, run: "writer" };
const told = async (store: RunStore) =>
  (await store.deliveries({ limit: 100 })).map(({ event: { type, data } }) => ({ type, data }));

export function approvalsContract(open: OpenStore): void {
  describe("what a decision is held to", () => {
    const terms = {
      action: { name: "pay", arguments: { to: "Ada", sum: 5, why: "w".repeat(500) } },
      definition: "payments@1",
      high_risk: true,
      schema: { type: "object" },
      default: { how: "rejected" },
    } as const;

    test("is kept with the wait, for whoever looks and for whoever plays the run next", async () => {
      const { store, other } = await open();
      const fence = await played(store);
      await store.write(fence, [ask("gate", { terms, approval: "a1" })]);
      expect((await other.progress(fence.run)).waiting).toMatchObject([{ place: "gate", terms }]);
      await doing(store, fence, { do: "park", places: ["gate"] });
      await other.decide(fence.run, "gate", { how: "approved", value: { sum: 4 }, edited: true }, "ann");
      const claimed = await claim(store, "w_2");
      expect(claimed?.memory.waits).toMatchObject([{ terms, answer: { how: "approved", edited: true } }]);
    });

    test("and who decided what is told to whoever comes second", async () => {
      const { store, other } = await open();
      const fence = await played(store);
      await store.write(fence, [ask("gate"), ask("door")]);
      await store.decide(fence.run, "gate", { how: "rejected" }, "ann");
      await store.decide(fence.run, "door", { how: "approved", value: 1, edited: true }, "bob");
      const second = (place: string) => other.decide(fence.run, place, { how: "approved" }, "eve");
      await expect(second("gate")).rejects.toThrow(/already rejected by ann/);
      await expect(second("door")).rejects.toThrow(/already approved with changes by bob/);
    });
  });

  describe("a wait that is to be told again", () => {
    const later = (at: number, more: object = {}) =>
      ask("gate", { escalate_at: at, terms: { escalate: { after_seconds: 60, note: "call Ada" } }, ...more });

    test("is told once its time has come, and once only, though its run is put down and others look as well", async () => {
      const { store, other, clock } = await open([ESCALATED]);
      const fence = await played(store);
      await store.write(fence, [later(clock.now() + 60_000)]);
      await doing(store, fence, { do: "park", places: ["gate"] });
      clock.pass(59_999);
      await store.wake();
      expect((await store.progress(fence.run)).waiting[0]?.escalated_at).toBeUndefined();
      clock.pass(1);
      await Promise.all([store.wake(), other.wake()]);
      await store.wake();
      expect((await store.progress(fence.run)).waiting[0]?.escalated_at).toBe(clock.now());
      expect(await store.get(fence.run)).toMatchObject({ status: "waiting" });
      expect(await told(store)).toMatchObject([
        { type: "approval.escalated", data: { run_id: fence.run, step: "gate", note: "call Ada" } },
      ]);
    });

    test("is not told where it was decided before, or can no longer be", async () => {
      const { store, clock } = await open([ESCALATED]);
      const fence = await played(store);
      const at = clock.now() + 1000;
      await store.write(fence, [later(at), later(at, { place: "door", expires_at: at })]);
      await store.decide(fence.run, "gate", { how: "approved" }, "ann");
      clock.pass(2000);
      await store.wake();
      expect(await told(store)).toEqual([]);
    });
  });
}
