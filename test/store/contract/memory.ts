import { describe, expect, test } from "vitest";
import type { OpenStore } from "../contract.ts";
import { claim, doing, end, hold, line, lineOf, open as openWait, played, settle, used } from "../kit.ts";

export function memoryContract(open: OpenStore): void {
  describe("what a run remembers", () => {
    test("is what it was told, to the letter", async () => {
      const { store } = await open();
      const fence = await played(store);
      const values = [
        "short",
        "long ".repeat(1000),
        "",
        "@looks like a reference",
        "#another",
        "nul \0 and half a character \ud83d",
        `${"long with nul \0 ".repeat(100)}\ud83d`,
        null,
        0,
        false,
        ["@a", "#b", { c: "[" }],
        { deep: { text: "x".repeat(3000) } },
        undefined,
      ];
      const lines = values.map((value, i) => {
        const { value: _, ...plain } = lineOf(i + 1);
        return value === undefined ? plain : { ...plain, value };
      });
      await store.write(
        fence,
        lines.map((each) => ({ do: "line", line: each })),
      );
      expect((await store.memory(fence.run)).lines).toEqual(lines);
    });

    test("holds failures, attempts and waits as well", async () => {
      const { store } = await open();
      const fence = await played(store);
      const error = { code: "OVERLOADED", kind: "transient", message: "busy".repeat(100), retryable: true } as const;
      const input = {
        system: "You write. ".repeat(50),
        messages: [
          { role: "user", content: "Question" },
          { role: "assistant", content: "Answer ".repeat(50) },
          { role: "user", content: "Again" },
        ],
        shape: { type: "object" },
        shape_version: "v1",
      } as const;
      const wish = hold(1, 50, { place: "map/2/critic" });
      if (wish.do === "hold") Object.assign(wish.hold.attempt, { input, agent: "ann@home@9f", rung: 1, turn: 1 });
      await store.write(fence, [wish]);
      await store.write(fence, [settle(1, 20, { result: "failed", error, mode: "json", first_ms: 3 })]);
      await store.write(fence, [openWait("gate", { show: { plan: ["a"] }, approval: "hash", expires_at: 9e12 })]);
      const { attempts, waits } = await store.memory(fence.run);
      expect(attempts).toEqual([
        {
          id: 1,
          generation: 1,
          place: "map/2/critic",
          epoch: fence.epoch,
          rung: 1,
          turn: 1,
          agent: "ann@home@9f",
          model: "stub/small",
          state: "settled",
          result: "failed",
          reserve: { usd: 50, tokens: 10 },
          max_output_tokens: 5,
          clamped: false,
          usage: used(20),
          estimated: false,
          overrun: false,
          cached_answer: false,
          error,
          input,
          reply: "Answer 1",
          mode: "json",
          at: Date.UTC(2026, 0, 1),
          first_ms: 3,
          ms: 12,
        },
      ]);
      expect(waits).toMatchObject([{ place: "gate", state: "open", show: { plan: ["a"] }, approval: "hash" }]);
    });

    test("is written all together or not at all", async () => {
      const { store } = await open();
      const fence = await played(store);
      await store.write(fence, [line(1)]);
      const clash = line(3, { place: "step1" });
      await expect(store.write(fence, [line(2), clash])).rejects.toThrow(/told something else at step1/);
      expect((await store.memory(fence.run)).lines).toHaveLength(1);
    });

    test("is not harmed by a neighbour's failure in the same turn", async () => {
      const { store } = await open();
      const a = await played(store);
      const b = await played(store);
      await store.write(a, [line(1)]);
      const [before, failed, after] = await Promise.allSettled([
        store.write(b, [line(1)]),
        store.write(a, [line(9, { place: "step1" })]),
        store.write(b, [line(2)]),
      ]);
      expect([before.status, failed.status, after.status]).toEqual(["fulfilled", "rejected", "fulfilled"]);
      expect((await store.memory(b.run)).lines.map(({ seq }) => seq)).toEqual([1, 2]);
    });

    test("takes the same line twice without harm", async () => {
      const { store } = await open();
      const fence = await played(store);
      await store.write(fence, [line(1)]);
      expect(await store.write(fence, [line(1)])).toEqual([{ did: "done" }]);
      expect((await store.memory(fence.run)).lines).toHaveLength(1);
    });

    test("keeps the order of what is written in one turn", async () => {
      const { store } = await open();
      const fence = await played(store);
      await Promise.all(Array.from({ length: 50 }, (_, i) => doing(store, fence, line(i + 1))));
      await Promise.all(
        Array.from({ length: 20 }, (_, i) => doing(store, fence, { do: "progress", text: `${i + 1} of 20` })),
      );
      expect((await store.memory(fence.run)).lines.map(({ seq }) => seq)).toEqual(
        Array.from({ length: 50 }, (_, i) => i + 1),
      );
      expect((await store.get(fence.run))?.progress).toBe("20 of 20");
    });

    test("says what was about to change the world and has no outcome", async () => {
      const { store } = await open();
      const fence = await played(store);
      const claims = ["pay/~claim", "pay/~claim.2", "post/~claim"].map((place, i) =>
        line(i + 1, { place, kind: "choice" }),
      );
      await store.write(fence, claims);
      expect((await store.progress(fence.run)).untold).toEqual(["pay", "post"]);
      await store.write(fence, [line(4, { place: "pay", kind: "choice" })]);
      expect((await store.progress(fence.run)).untold).toEqual(["post"]);
      await store.write(fence, [line(5, { place: "post", kind: "choice" })]);
      expect((await store.progress(fence.run)).untold).toBeUndefined();
    });

    test("says how far a run is", async () => {
      const { store } = await open();
      const fence = await played(store);
      const error = { code: "REFUSED", kind: "semantic", message: "no", retryable: false } as const;
      await store.write(fence, [line(1), line(2, { state: "failed", error }), hold(3, 1), openWait("gate")]);
      expect(await store.progress(fence.run)).toMatchObject({
        done: 1,
        running: ["step3"],
        failed: ["step2"],
        waiting: [{ place: "gate", kind: "approval" }],
      });
    });
  });

  describe("an ended run", () => {
    test("holds nothing, waits for nothing and takes no more", async () => {
      const { store } = await open();
      const fence = await played(store);
      await store.write(fence, [hold(1, 30), openWait("gate")]);
      const ending = { output: { text: "x".repeat(1000) }, degraded: ["one branch is missing"] };
      expect(await doing(store, fence, end("succeeded", ending))).toEqual({ did: "ended", status: "succeeded" });
      expect(await store.get(fence.run)).toMatchObject({
        ...ending,
        status: "succeeded",
        held: 0,
        usage: { usd: 30, partial: true },
      });
      const { attempts, waits } = await store.memory(fence.run);
      expect(attempts).toMatchObject([{ state: "settled", result: "aborted", estimated: true }]);
      expect(waits).toMatchObject([{ state: "withdrawn" }]);
      expect(await store.write(fence, [line(1)])).toBeUndefined();
      expect(await claim(store)).toBeUndefined();
    });

    test("teaches what runs of its kind cost, each step under one name for all branches", async () => {
      const { store, clock } = await open();
      for (let i = 0; i < 2; i++) {
        const fence = await played(store);
        await store.write(fence, [hold(1, 30), hold(2, 30)]);
        await store.write(fence, [settle(1, 10), settle(2, 20)]);
        const branch = (seq: number, usd: number) =>
          line(seq, { place: `map/${seq}/critic`, usage: used(usd), ms: 5 * seq });
        await store.write(fence, [branch(1, 10), branch(2, 20)]);
        clock.pass(100);
        await doing(store, fence, end("succeeded"));
      }
      const failing = await played(store);
      await doing(store, failing, end("failed"));
      expect(await store.baselines("pattern:run_pipeline")).toEqual([
        { subject: "pattern:run_pipeline", place: "", runs: 2, usd: 60, ms: 200 },
        { subject: "pattern:run_pipeline", place: "map/*/critic", runs: 4, usd: 60, ms: 30 },
      ]);
    });
  });
}
