import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Failure } from "../../src/core/errors.ts";
import type { RunContext } from "../../src/core/pattern.ts";
import { patternOf, Scene } from "./scene.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await Scene.open();
});
afterEach(() => scene.close());

const ask = async (ctx: RunContext, prompt: string): Promise<string> => (await ctx.call("ann", { prompt })).output;
const isOpen = async (id: string, place: string): Promise<boolean> => {
  const { waits } = await scene.store.memory(id);
  return waits.some((wait) => wait.place === place && wait.state === "open");
};

describe("a wait", () => {
  test("in one of two branches is let go alone, and must be named", async () => {
    const id = await scene.start(
      patternOf("payments", (ctx) =>
        ctx.map([10, 99_999], async (sum, branch) => {
          const { how } = await branch.wait("approval", { kind: "approval", show: { sum } });
          return how === "approved" ? ask(branch, `pay ${sum}`) : "not paid";
        }),
      ),
    );
    await scene.serve();
    await scene.until(() => scene.is(id, "waiting"));
    const unnamed = await scene.store.decide(id, "approval", { how: "approved" }, "eve").catch((error) => error);
    expect(unnamed).toBeInstanceOf(Failure);
    expect(unnamed.options.hint).toContain('"map/0/approval", "map/1/approval"');
    await scene.store.decide(id, "map/0/approval", { how: "approved" }, "eve");
    await scene.until(() => scene.prompts().includes("pay 10"));
    await scene.until(() => scene.is(id, "waiting"));
    expect(await isOpen(id, "map/1/approval")).toBe(true);
    expect(scene.prompts()).toEqual(["pay 10"]);
    await scene.store.decide(id, "map/1/approval", { how: "rejected" }, "eve");
    expect(await scene.ended(id)).toMatchObject({ status: "succeeded" });
    expect(scene.prompts()).toEqual(["pay 10"]);
    expect(await scene.faults(id)).toEqual([]);
  });

  test("that is answered at any moment between opening and parking wakes its run", async () => {
    for (let late = 0; late < 60; late += 3) {
      scene.say = () => ({ say: "fine", ms: 40 });
      const id = await scene.start(
        patternOf("both", (ctx) =>
          ctx.map(["wait", "call"], async (what, branch) =>
            what === "wait" ? (await branch.wait("ask", { kind: "answer" })).how : ask(branch, "work"),
          ),
        ),
      );
      const server = await scene.serve();
      await scene.until(() => isOpen(id, "map/0/ask"));
      await scene.pass(late);
      await scene.store.decide(id, "map/0/ask", { how: "answered", value: late }, "eve");
      expect(await scene.ended(id)).toMatchObject({ status: "succeeded" });
      await server.drain(0);
    }
  });

  test("that is over takes no answer, though nobody has looked at it since", async () => {
    const id = await scene.start(
      patternOf("late", async (ctx) => (await ctx.wait("ask", { kind: "answer", within_seconds: 2 })).how),
    );
    const server = await scene.serve();
    await scene.until(() => scene.is(id, "waiting"));
    server.die();
    await scene.pass(2500);
    const late = await scene.store.decide(id, "ask", { how: "answered", value: 1 }, "eve").catch((error) => error);
    expect(late).toMatchObject({ code: "ILLEGAL_CHANGE" });
    await scene.serve();
    expect(await scene.ended(id)).toMatchObject({ status: "succeeded", output: "expired" });
  });

  test("of a branch that has lost is taken back, and does not hold up its run", async () => {
    const id = await scene.start(
      patternOf("first", async (ctx) => {
        const branch = async (what: string, inner: RunContext) =>
          what === "wait" ? (await inner.wait("ask", { kind: "answer" })).how : ask(inner, "work");
        return (await ctx.map(["wait", "call"], branch, { join: { kind: "first" } })).map(({ ok }) => ok);
      }),
    );
    await scene.serve();
    expect(await scene.ended(id)).toMatchObject({ status: "succeeded", output: [false, true] });
    const { waits } = await scene.store.memory(id);
    expect(waits).toMatchObject([{ place: "map/0/ask", state: "withdrawn" }]);
  });

  test("does not count as a crash: ten of them, and then a failing model, leave a run alive", async () => {
    scene.say = ({ nth }) => (nth === 1 ? new Failure("OVERLOADED", "busy", { billed: "nothing" }) : "fine");
    const id = await scene.start(
      patternOf("patient", async (ctx) => {
        for (let i = 0; i < 10; i++) await ctx.wait("ask", { kind: "approval" });
        return ask(ctx, "at last");
      }),
    );
    await scene.serve();
    for (let i = 1; i <= 10; i++) {
      await scene.until(() => scene.is(id, "waiting"));
      await scene.store.decide(id, i === 1 ? "ask" : `ask.${i}`, { how: "approved" }, "eve");
    }
    expect(await scene.ended(id)).toMatchObject({ status: "succeeded", output: "fine", crashes: 0 });
    expect(await scene.faults(id)).toEqual([]);
  });

  test("costs no memory once its run is put down", { timeout: 120_000 }, async () => {
    const collect = collector();
    const holder = patternOf("holder", async (ctx) => {
      const ballast = Array.from({ length: 20_000 }, (_, i) => i + 0.5);
      const { how } = await ctx.wait("ask", { kind: "approval" });
      return [how, ballast.length];
    });
    await scene.start(holder);
    await scene.serve();
    await scene.until(async () => (await scene.store.stats({})).counts.waiting === 1);
    const before = heapAfter(collect);
    for (let i = 0; i < 1000; i++) await scene.start(holder);
    await scene.until(async () => (await scene.store.stats({})).counts.waiting === 1001);
    await scene.pass(5000);
    expect(heapAfter(collect) - before).toBeLessThan(30_000_000);
  });
});

/** The garbage collector, on demand. */
function collector(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
}

function heapAfter(collect: () => void): number {
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}
