import { afterEach, beforeEach, expect, test } from "vitest";
import type { RunContext } from "../../src/core/pattern.ts";
import { ONE_CALL, patternOf, Scene } from "./scene.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await Scene.open();
});
afterEach(() => scene.close());

/** So many side by side, each asked at its own length. */
const wide = (count: number, prompt: (nr: number) => string) =>
  patternOf(`wide-${count}`, async (ctx: RunContext) => {
    const items = Array.from({ length: count }, (_, nr) => nr);
    const settled = await ctx.map(items, (nr, branch) => branch.call("ann", { prompt: prompt(nr) }), {
      join: { kind: "settle" },
    });
    return settled.filter(({ ok }) => ok).length;
  });

/** What one call of these reserves. */
async function reserve(prompt: string): Promise<number> {
  const id = await scene.start(patternOf("one", (ctx) => ctx.call("ann", { prompt })));
  const server = await scene.serve();
  await scene.ended(id);
  server.die();
  return (await scene.store.memory(id)).attempts[0]?.reserve.usd ?? 0;
}

test.each([
  ["alike", 64, () => "x".repeat(100)],
  ["alike", 500, () => "x".repeat(100)],

  ["of many sizes", 64, (nr: number) => "x".repeat(((nr * 37) % 64) + 40)],
  ["of many sizes", 500, (nr: number) => "x".repeat(((nr * 37) % 64) + 40)],
] as const)(
  "calls that wait for money, %s, %i of them, are not all asked again whenever some comes free",
  async (_, count, prompt) => {
    const largest = await reserve("x".repeat(103));
    const usd = largest * 3 + 20 * ONE_CALL;
    const began = scene.writes;
    const id = await scene.start(wide(count, prompt), { caps: { usd, explicit: true }, on_budget: "partial" });
    await scene.serve();
    const run = await scene.ended(id);
    expect(run.usage.usd).toBeLessThanOrEqual(usd);
    // What is refused at last is refused because it does not fit, and not because nobody woke it.
    expect(run.usage.usd).toBeGreaterThan(usd - largest);
    expect(await scene.faults(id)).toEqual([]);
    expect(scene.writes - began).toBeLessThan(4 * count + 10 * run.usage.calls);
  },
  60_000,
);
