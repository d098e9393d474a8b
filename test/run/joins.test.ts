import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Join, RunContext } from "../../src/core/pattern.ts";
import { Dice } from "./dice.ts";
import { patternOf, Scene } from "./scene.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await Scene.open();
});
afterEach(() => scene.close());

const ask = async (ctx: RunContext, prompt: string): Promise<string> => (await ctx.call("ann", { prompt })).output;

const JOINS: Readonly<Record<string, { readonly join: Join; readonly seconds?: number }>> = {
  first: { join: { kind: "first" } },
  "a quorum": { join: { kind: "quorum", count: 2 } },
  until: { join: { kind: "until", test: (ended) => ended.length >= 2 } },
  "a limit of time": { join: { kind: "settle" }, seconds: 0.03 },
};

describe("the decision of a map", () => {
  for (const [name, options] of Object.entries(JOINS)) {
    test(`by ${name} stands at whatever commit its server dies`, { timeout: 60_000 }, async () => {
      const dice = new Dice(name.length);
      const program = patternOf("vote", async (ctx, input) => {
        const branch = async (item: string, inner: RunContext) => [
          await ask(inner, `${item} 1 ${input}`),
          await ask(inner, `${item} 2 ${input}`),
        ];
        const results = await ctx.map(["a", "b", "c"], branch, options);
        return ask(ctx, `told ${JSON.stringify(results)} ${input}`);
      });
      for (let k = 1, over = false; !over; k++) {
        const prompts = new Set<string>();
        scene.say = ({ prompt }) => {
          if (prompt.startsWith("told")) prompts.add(prompt);
          return { say: `yes ${dice.whole(0, 9)}`, ms: dice.between(1, 25) };
        };
        const id = await scene.start(program, { input: String(k) });
        let died = false;
        const first = await scene.serve((server, count) => {
          if (count === k) server.die();
          died ||= count === k;
        });
        await scene.pass(400);
        const second = await scene.serve();
        expect(await scene.ended(id)).toMatchObject({ status: "succeeded" });
        expect(prompts.size).toBe(1);
        expect(await scene.faults(id)).toEqual([]);
        first.die();
        second.die();
        over = !died;
      }
    });
  }

  test("asks no loser again after a crash", async () => {
    scene.say = ({ prompt }) => (prompt === "last" ? "silence" : { say: "fine", ms: prompt === "quick" ? 5 : 900 });
    const id = await scene.start(
      patternOf("race", async (ctx) => {
        await ctx.map(["slow", "quick"], (item, branch) => ask(branch, item), { join: { kind: "first" } });
        return ask(ctx, "last");
      }),
    );
    const server = await scene.serve();
    await scene.until(() => scene.prompts().includes("last"));
    server.die();
    scene.say = () => "fine";
    await scene.serve();
    expect(await scene.ended(id)).toMatchObject({ status: "succeeded" });
    expect(scene.prompts()).toEqual(["slow", "quick", "last", "last"]);
  });
});

describe("a branch's limit of time", () => {
  const limited = patternOf("limited", async (ctx) => {
    const branch = async (item: string, inner: RunContext) => [
      await ask(inner, `${item} 1`),
      await ask(inner, `${item} 2`),
    ];
    return (await ctx.map(["a"], branch, { join: { kind: "settle" }, seconds: 0.1 })).map(({ ok }) => ok);
  });

  test("has what is left of it after a restart", async () => {
    scene.say = ({ prompt }) => ({ say: "fine", ms: prompt === "a 1" ? 60 : 70 });
    const id = await scene.start(limited);
    const server = await scene.serve();
    await scene.until(() => scene.prompts().includes("a 2"));
    server.die();
    await scene.pass(2000);
    await scene.serve();
    expect(await scene.ended(id)).toMatchObject({ status: "succeeded", output: [false] });
    expect(await scene.faults(id)).toEqual([]);
  });

  test("does not count while its run is put down or nobody plays it", async () => {
    const id = await scene.start(
      patternOf("parked", async (ctx) => {
        const branch = async (_: string, inner: RunContext) => {
          await ask(inner, "before");
          await inner.wait("ask", { kind: "approval" });
          return ask(inner, "after");
        };
        return (await ctx.map(["a"], branch, { join: { kind: "settle" }, seconds: 0.1 })).map(({ ok }) => ok);
      }),
    );
    await scene.serve();
    await scene.until(() => scene.is(id, "waiting"));
    await scene.pass(5000);
    await scene.store.decide(id, "map/0/ask", { how: "approved" }, "eve");
    expect(await scene.ended(id)).toMatchObject({ status: "succeeded", output: [true] });
  });

  test("ends what it has in flight, which is charged at its reserve", async () => {
    scene.say = () => "silence";
    const id = await scene.start(limited);
    await scene.serve();
    expect(await scene.ended(id)).toMatchObject({ status: "succeeded", output: [false], held: 0 });
    expect(scene.aborted).toBe(1);
    const { attempts } = await scene.store.memory(id);
    expect(attempts).toMatchObject([{ result: "aborted", estimated: true, usage: { usd: attempts[0]?.reserve.usd } }]);
  });
});
