import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { RunContext } from "../../src/core/pattern.ts";
import { ONE_CALL, patternOf, Scene } from "./scene.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await Scene.open();
});
afterEach(() => scene.close());

const ask = async (ctx: RunContext, prompt: string, agent = "ann"): Promise<string> =>
  (await ctx.call(agent, { prompt })).output;

/** Plays a run until its server dies in the middle of the request that says this. */
async function dieWhileAsking(prompt: string): Promise<void> {
  const { say } = scene;
  scene.say = (asked) => (asked.prompt === prompt ? "silence" : say(asked));
  const server = await scene.serve();
  await scene.until(() => scene.prompts().includes(prompt));
  server.die();
  scene.say = say;
}

describe("a run that is taken up again", () => {
  test("stops before any call where its program no longer asks what is remembered", async () => {
    const id = await scene.start(
      patternOf("story", async (ctx) => [await ask(ctx, "one"), await ask(ctx, "two"), await ask(ctx, "three")]),
    );
    await dieWhileAsking("three");
    scene.learn(patternOf("story", async (ctx) => [await ask(ctx, "one"), await ctx.call("bob", { prompt: "x" })]));
    await scene.serve();
    const run = await scene.ended(id);
    expect(run).toMatchObject({ status: "dead", error: { code: "DIVERGED", step: "ann.2" } });
    expect(scene.prompts()).toEqual(["one", "two", "three"]);
  });

  test("stops before any call where its program asks something else at a place", async () => {
    let word = "one";
    const id = await scene.start(
      patternOf("story", async (ctx) => [await ask(ctx, word), await ask(ctx, "two"), await ask(ctx, "three")]),
    );
    await dieWhileAsking("two");
    word = "another";
    await scene.serve();
    expect(await scene.ended(id)).toMatchObject({ status: "dead", error: { code: "DIVERGED", step: "ann" } });
    expect(scene.prompts()).toEqual(["one", "two"]);
  });

  test("is not stopped by what a lost branch or one out of time remembers", async () => {
    scene.say = ({ prompt }) => {
      if (prompt === "slow") return { say: "late", ms: 80 };
      return { say: "ok", ms: prompt === "quick" ? 10 : 1 };
    };
    const id = await scene.start(
      patternOf("race", async (ctx) => {
        const branch = async (prompt: string, inner: RunContext) => [
          await ask(inner, "first"),
          await ask(inner, prompt),
        ];
        const raced = await ctx.map(["slow", "quick"], branch, { join: { kind: "first" } });
        const timed = await ctx.map(["slow", "quick"], branch, { join: { kind: "settle" }, seconds: 0.05 });
        return [raced.map(({ ok }) => ok), timed.map(({ ok }) => ok), await ask(ctx, "last")];
      }),
    );
    await dieWhileAsking("last");
    const before = scene.asked.length;
    await scene.serve();
    expect(await scene.ended(id)).toMatchObject({ status: "succeeded", output: [[false, true], [false, true], "ok"] });
    expect(scene.prompts().slice(before)).toEqual(["last"]);
    expect(await scene.faults(id)).toEqual([]);
  });

  test("does not enter a pattern inside it that is done", async () => {
    let entered = 0;
    const inner = patternOf("inner", async (ctx) => {
      entered++;
      ctx.degrade("one voice was missing");
      return { said: await ask(ctx, "inside") };
    });
    const id = await scene.start(
      patternOf("outer", async (ctx) => [await ctx.run(inner, {}), await ask(ctx, "outside")]),
    );
    await dieWhileAsking("outside");
    expect(entered).toBe(1);
    await scene.serve();
    expect(await scene.ended(id)).toMatchObject({
      status: "succeeded",
      output: [{ said: "fine" }, "fine"],
      degraded: ["one voice was missing"],
    });
    expect(entered).toBe(1);
    expect(scene.prompts()).toEqual(["inside", "outside", "outside"]);
  });

  test("reads what it saw of time, cost and chance as it was", async () => {
    const seen: string[] = [];
    scene.say = () => ({ say: "ok", ms: 17 });
    const id = await scene.start(
      patternOf("looks", async (ctx) => {
        await ask(ctx, "one");
        seen.push(JSON.stringify([ctx.elapsed(), ctx.spent(), ctx.random(), ctx.random()]));
        return ask(ctx, "two");
      }),
    );
    await dieWhileAsking("two");
    await scene.pass(5000);
    await scene.serve();
    await scene.ended(id);
    expect(seen).toHaveLength(2);
    expect(seen[1]).toBe(seen[0]);
    expect(JSON.parse(String(seen[0]))[0]).toBe(17);
  });
});

describe("a pattern that catches everything", () => {
  /** Swallows whatever it is told, and begins again. */
  const stubborn = patternOf("stubborn", async (ctx) => {
    const told: string[] = [];
    for (let i = 0; i < 20; i++) told.push(await ask(ctx, `try ${i}`).catch((error) => error.code));
    return told;
  });

  test("does not go on beyond its budget", async () => {
    const id = await scene.start(stubborn, { caps: { explicit: true, calls: 3 } });
    await scene.serve();
    const run = await scene.ended(id);
    expect(run).toMatchObject({ status: "failed", error: { code: "BUDGET_EXCEEDED" }, usage: { calls: 3 } });
    expect(scene.asked).toHaveLength(3);
    expect(await scene.faults(id)).toEqual([]);
  });

  test("does not notice that it is cancelled", async () => {
    scene.say = ({ prompt }) => (prompt === "try 2" ? "silence" : "fine");
    const id = await scene.start(stubborn);
    await scene.serve();
    await scene.until(() => scene.prompts().includes("try 2"));
    await scene.store.cancel(id);
    expect(await scene.ended(id)).toMatchObject({ status: "cancelled" });
    await scene.pass(500);
    expect(scene.asked).toHaveLength(3);
    expect(scene.aborted).toBe(1);
  });

  test("does not notice that it is put down, and goes on where it was", async () => {
    const id = await scene.start(
      patternOf("parks", async (ctx) => {
        const decided = await ctx.wait("ask", { kind: "approval" }).catch(() => "caught");
        return [decided, await ask(ctx, "after").catch(() => "caught")];
      }),
    );
    await scene.serve();
    await scene.until(() => scene.is(id, "waiting"));
    await scene.store.decide(id, "ask", { how: "approved" }, "eve");
    expect(await scene.ended(id)).toMatchObject({ status: "succeeded", output: [{ how: "approved" }, "fine"] });
  });

  test("cannot do two things at once", async () => {
    const id = await scene.start(
      patternOf("greedy", async (ctx) => {
        try {
          return await Promise.all([ask(ctx, "one"), ask(ctx, "two")]);
        } catch {
          return "caught";
        }
      }),
    );
    await scene.serve();
    expect(await scene.ended(id)).toMatchObject({ status: "dead", error: { code: "OVERLAPPED" } });
    expect((await scene.run(id)).usage.usd).toBeLessThanOrEqual(ONE_CALL * 4);
  });
});
