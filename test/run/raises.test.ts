import { afterEach, beforeEach, expect, test } from "vitest";
import { patternOf, Scene } from "./scene.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await Scene.open();
});
afterEach(() => scene.close());

const twice = patternOf("twice", async (ctx) => {
  const { output } = await ctx.call("ann", { prompt: "first" });
  return [output, (await ctx.call("ann", { prompt: "second" })).output];
});

test.each([1, 2, 3, 4, 5])(
  "a budget that is raised with the commit number %i of a run that runs out of it is found in time",
  async (nr) => {
    const id = await scene.start(twice, { caps: { calls: 1, explicit: true }, on_budget: "ask" });
    await scene.serve((_, count) => {
      if (count === nr) void scene.store.raise(id, { calls: 2 }, "eve");
    });
    expect(await scene.ended(id)).toMatchObject({ status: "succeeded", output: ["fine", "fine"] });
    expect(await scene.faults(id)).toEqual([]);
  },
);
