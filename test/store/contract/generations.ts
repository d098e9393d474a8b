import { describe, expect, test } from "vitest";
import type { FailureInfo } from "../../../src/core/errors.ts";
import type { Fence, RunStore } from "../../../src/core/store.ts";
import type { OpenStore } from "../contract.ts";
import { open as ask, claim, doing, end, hold, line, played } from "../kit.ts";

const error = (step?: string): FailureInfo => ({
  code: "OVERLOADED",
  kind: "transient",
  message: "too many requests",
  retryable: true,
  ...(step !== undefined && { step }),
});

const failed = (seq: number, place: string) => line(seq, { place, state: "failed", error: error(place) });

async function keptPlaces(store: RunStore, fence: Fence, step?: string): Promise<string[]> {
  await store.again(fence.run, "failed", step);
  const claimed = await claim(store);
  expect(claimed?.run).toMatchObject({ id: fence.run, generation: 2, crashes: 0 });
  return claimed?.memory.lines.map(({ place }) => place) ?? [];
}

export function generationsContract(open: OpenStore): void {
  describe("a failed run that goes on", () => {
    test("keeps all but the step that failed and the decisions around it", async () => {
      const { store } = await open();
      const fence = await played(store);
      await store.write(fence, [
        line(1, { place: "plan" }),
        line(2, { place: "map/1/critic" }),
        failed(3, "map/2/critic"),
        failed(4, "map/3/critic"),
        line(5, { place: "map", kind: "join" }),
      ]);
      await doing(store, fence, end("failed", { error: error("map/2/critic"), output: "half" }));
      expect(await keptPlaces(store, fence)).toEqual(["plan", "map/1/critic", "map/3/critic"]);
      const run = await store.get(fence.run);
      expect(run?.error).toBeUndefined();
      expect(run?.output).toBeUndefined();
      expect(run?.ended_at).toBeUndefined();
    });

    test("asks every branch that failed again, where the failure is that of their join", async () => {
      const { store } = await open();
      const fence = await played(store);
      await store.write(fence, [
        failed(1, "other"),
        line(2, { place: "map/1/critic" }),
        failed(3, "map/2/critic"),
        line(4, { place: "map/3", kind: "time", state: "failed" }),
        line(5, { place: "map", kind: "join", state: "failed", error: error() }),
      ]);
      await doing(store, fence, end("failed", { error: error("map") }));
      expect(await keptPlaces(store, fence)).toEqual(["other", "map/1/critic"]);
    });

    test("drops every failed line where the failure was the pattern's own", async () => {
      const { store } = await open();
      const fence = await played(store);
      await store.write(fence, [
        line(1, { place: "map/1/a" }),
        failed(2, "map/2/a"),
        line(3, { place: "map", kind: "join" }),
        line(4, { place: "last" }),
      ]);
      await doing(store, fence, end("failed", { error: error() }));
      expect(await keptPlaces(store, fence)).toEqual(["map/1/a", "last"]);
    });

    test("asks the named step again", async () => {
      const { store } = await open();
      const fence = await played(store);
      await store.write(fence, [line(1, { place: "a" }), line(2, { place: "b" }), failed(3, "c")]);
      await doing(store, fence, end("failed", { error: error("c") }));
      expect(await keptPlaces(store, fence, "b")).toEqual(["a", "c"]);
    });

    test("shows in its trace what it has dropped, beside what took its place", async () => {
      const { store } = await open();
      const fence = await played(store);
      await store.write(fence, [line(1), failed(2, "step2")]);
      await doing(store, fence, end("failed", { error: error("step2") }));
      await store.again(fence.run, "failed");
      const next = { run: fence.run, epoch: (await claim(store))!.run.epoch };
      await store.write(next, [line(3, { place: "step2", generation: 2 })]);
      const { lines } = await store.memory(fence.run);
      expect(lines.map(({ place, generation, dropped }) => [place, generation, dropped ?? false])).toEqual([
        ["step1", 1, false],
        ["step2", 1, true],
        ["step2", 2, false],
      ]);
      expect(await store.progress(fence.run)).toMatchObject({ done: 2, failed: [] });
    });

    test("keeps its bill and its answers, and asks anew where nobody answered", async () => {
      const { store } = await open();
      const fence = await played(store);
      await store.write(fence, [hold(1, 30), ask("asked"), ask("answered")]);
      await store.decide(fence.run, "answered", { how: "approved" }, "ann");
      await doing(store, fence, end("failed", { error: error() }));
      await store.again(fence.run, "failed");
      const claimed = await claim(store);
      expect(claimed?.run.usage.usd).toBe(30);
      expect(claimed?.memory.waits).toMatchObject([{ place: "answered", state: "answered" }]);
      const next = { run: fence.run, epoch: claimed!.run.epoch };
      await store.write(next, [ask("asked", { generation: 2 })]);
      expect(await store.decide(fence.run, "asked", { how: "approved" }, "ann")).toMatchObject({ generation: 2 });
    });

    test("is a failed one; a dead one is requeued, and nothing else goes on", async () => {
      const { store } = await open();
      const fence = await played(store);
      await expect(store.again(fence.run, "failed")).rejects.toMatchObject({ code: "ILLEGAL_CHANGE" });
      await doing(store, fence, end("dead", { error: error() }));
      await expect(store.again(fence.run, "failed")).rejects.toMatchObject({ code: "ILLEGAL_CHANGE" });
      expect(await store.again(fence.run, "dead")).toMatchObject({ status: "queued", generation: 2 });
      await expect(store.again("r_none", "dead")).rejects.toMatchObject({ code: "NOT_FOUND" });
    });
  });
}
