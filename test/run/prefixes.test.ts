import { afterEach, beforeEach, expect, test } from "vitest";
import { Failure } from "../../src/core/errors.ts";
import { CATALOGUE } from "./cast.ts";
import { patternOf, Scene } from "./scene.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await Scene.open();
});
afterEach(() => scene.close());

const HEAD = "What all of them are told. ".repeat(300);
const items = [1, 2, 3, 4, 5].map((nth) => `${HEAD} Now do number ${nth}.`);
const asksAll = (prompts: readonly string[]) =>
  patternOf("asksAll", async (ctx) => {
    const settled = await ctx.map(prompts, (prompt, branch) => branch.call("ann", { prompt }), {
      join: { kind: "settle" },
    });
    return settled.map(({ ok }) => ok);
  });

/** How many had been asked when the first answer began to come. */
async function askedBeforeFirst(prompts: readonly string[], say: Scene["say"] = () => ({ say: "fine", ms: 40 })) {
  let before = 0;
  scene.say = (asked) => {
    before++;
    return say(asked);
  };
  const id = await scene.start(asksAll(prompts), {
    catalogue: { ...CATALOGUE, limits: { ...CATALOGUE.limits, calls: 16 } },
  });
  await scene.serve();
  await scene.until(() => before > 0);
  await scene.pass(20);
  const first = before;
  return { first, run: await scene.ended(id) };
}

test("of many prompts with one long beginning one goes ahead, and the others follow when it is being answered", async () => {
  const { first, run } = await askedBeforeFirst(items);
  expect(first).toBe(1);
  expect(run.output).toEqual([true, true, true, true, true]);
  expect(scene.asked.map(({ request }) => request.cache)).toEqual(Array(5).fill(expect.any(Number)));
  expect(Number(scene.asked[0]?.request.cache)).toBeGreaterThanOrEqual(HEAD.length);
});

test("prompts that begin alike for a few words only do not wait for each other", async () => {
  const { first } = await askedBeforeFirst(["Tell me of 1", "Tell me of 2", "Tell me of 3"]);
  expect(first).toBe(3);
  expect(scene.asked[0]?.request.cache).toBeUndefined();
});

test("where the one that goes ahead fails, another goes ahead, and nobody waits for ever", async () => {
  let nth = 0;
  const { run } = await askedBeforeFirst(items, () =>
    nth++ === 0 ? new Failure("BAD_REQUEST", "no", { billed: "nothing" }) : "fine",
  );
  expect((run.output as boolean[]).filter(Boolean)).toHaveLength(4);
});
