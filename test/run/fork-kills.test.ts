import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Fork } from "../../src/core/changes.ts";
import type { RunContext } from "../../src/core/pattern.ts";
import { patternOf, Scene } from "./scene.ts";

let scene: Scene;
let looked: string[];

beforeEach(async () => {
  looked = [];
  scene = await Scene.open();
  scene.deeds = [
    {
      name: "look",
      perform: async (what) => {
        looked.push(String(what));
        return `seen ${what}`;
      },
    },
  ];
});
afterEach(() => scene.close());

const ask = async (ctx: RunContext, prompt: string, name: string): Promise<string> =>
  (await ctx.call("ann", { prompt, name })).output;

/** Calls, reads of the world, a quorum and a pattern inside, some before and some after what a fork changes. */
const inner = patternOf("inner", async (ctx) => [await ask(ctx, "in a", "a"), await ask(ctx, "in b", "b")]);
const story = patternOf("story", async (ctx) => {
  const first = [await ask(ctx, "first", "first"), await ctx.act("early", { does: "look", input: "early" })];
  const branches = await ctx.map(
    ["x", "y", "z"],
    async (name, branch) => [
      await ask(branch, `${name} one`, "one"),
      await branch.act("look", { does: "look", input: name }),
      await ask(branch, `${name} two`, "two"),
    ],
    { join: { kind: "quorum", count: 2 } },
  );
  const inside = await ctx.run(inner, {});
  return [first, branches.map(({ ok }) => ok), inside, await ctx.act("late", { does: "look", input: "late" })];
});

async function source(): Promise<{ id: string; upto: number }> {
  scene.say = ({ prompt }) => ({ say: `told ${prompt}`, ms: prompt.startsWith("x") ? 30 : 5 });
  scene.learn(inner);
  const id = await scene.start(story);
  const server = await scene.serve();
  await scene.ended(id);
  server.die();
  const { lines } = await scene.store.memory(id);
  return { id, upto: Math.max(...lines.map(({ seq }) => seq)) };
}

describe("a fork whose server dies", () => {
  test("after any of its commits ends as it would have, and asks nothing that it has reused", async () => {
    const { id, upto } = await source();
    const fork: Fork = {
      upto,
      steps: { "map/1/two": { prompt: "y otherwise" }, "inner/b": { prompt: "b otherwise" } },
    };
    const whole = JSON.stringify(await scene.store.memory(id));
    for (let kill = 1; ; kill++) {
      scene.asked.length = 0;
      looked.length = 0;
      const forked = await scene.start(story, { source: id, fork, seed: id });
      let died = false;
      const server = await scene.serve((each, count) => {
        if (count !== kill) return;
        died = true;
        each.die();
      });
      if (died) await scene.serve();
      const run = await scene.ended(forked);
      expect(run, `killed at ${kill}`).toMatchObject({ status: "succeeded" });
      expect(run.output).toEqual([
        ["told first", "seen early"],
        [false, true, true],
        ["told in a", "told b otherwise"],
        "seen late",
      ]);
      expect([...new Set(scene.prompts())]).toEqual(["y otherwise", "b otherwise"]);
      expect([...new Set(looked)], "z stands after y").toEqual(["z", "late"]);
      expect(await scene.faults(forked)).toEqual([]);
      if (!died && kill > 3) break;
      server.die();
    }
    expect(JSON.stringify(await scene.store.memory(id))).toBe(whole);
  });
});
