import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, expect, test } from "vitest";
import { patternOf, Scene } from "./scene.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await Scene.open();
});
afterEach(() => scene.close());

const RUNS = 10_000;
const ALLOWED_BYTES = 20_000_000;

test("ten thousand runs that wait for somebody cost less than 20 MB of memory, and no slot", {
  timeout: 600_000,
}, async () => {
  const pattern = patternOf("holder", async (ctx) => {
    const ballast = Array.from({ length: 5000 }, (_, i) => i + 0.5);
    const { how } = await ctx.wait("gate", {
      kind: "approval",
      show: "Pay 5.",
      action: { name: "pay", arguments: { sum: 5 } },
      within_seconds: 86_400,
      escalate: { after_seconds: 43_200 },
    });
    return [how, ballast.length];
  });
  const waiting = async () => (await scene.store.stats({ status: ["waiting"] })).counts.waiting;
  const first = await scene.start(pattern);
  await scene.serve();
  await scene.until(() => scene.is(first, "waiting"));
  const before = heap();
  for (let i = 1; i < RUNS; i += 100) {
    const batch = Math.min(100, RUNS - i);
    for (let j = 0; j < batch; j++) await scene.start(pattern);
    await scene.until(async () => (await waiting()) === i + batch);
  }
  await scene.pass(5000);
  expect(await waiting()).toBe(RUNS);
  expect(heap() - before).toBeLessThan(ALLOWED_BYTES);
  await scene.store.decide(first, "gate", { how: "approved" }, "ann");
  expect(await scene.ended(first)).toMatchObject({ status: "succeeded", output: ["approved", 5000] });
});

/** What is in use once all that nobody needs is gone. */
function heap(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let i = 0; i < 3; i++) collect();
  return process.memoryUsage().heapUsed;
}
