import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { RunContext } from "../../src/core/pattern.ts";
import { CATALOGUE, LEASE_MS, LIMITS } from "./cast.ts";
import { patternOf, Scene } from "./scene.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await Scene.open();
});
afterEach(() => scene.close());

const ask = async (ctx: RunContext, prompt: string): Promise<string> => (await ctx.call("ann", { prompt })).output;
/** Its agent may take its time. */
const patient = { ...CATALOGUE, limits: { ...LIMITS, first_token_seconds: 10, idle_seconds: 10, call_seconds: 10 } };
const asking = patternOf("asking", (ctx, input) => ask(ctx, String(input)));

describe("a server that was stopped for longer than its lease", () => {
  test("keeps no slot for the runs that it has lost", async () => {
    const ids = [];
    for (let i = 0; i < LIMITS.calls; i++) ids.push(await scene.start(asking, { input: `run ${i}` }));
    await scene.serve((server, count) => {
      if (count === 2) scene.time.stop(server.id, 5 * LEASE_MS);
    });
    const heir = await scene.serve();
    for (const id of ids) expect(await scene.ended(id)).toMatchObject({ status: "succeeded", crashes: 1 });
    heir.die();
    await scene.pass(10 * LEASE_MS);
    const last = await scene.start(asking, { input: "the last" });
    expect(await scene.ended(last)).toMatchObject({ status: "succeeded" });
    expect(scene.asked).toHaveLength(LIMITS.calls + 1);
  });

  test("has asked what another asks again: one answer counts, both are paid", async () => {
    scene.say = ({ nth }) => ({ say: `answer ${nth}`, ms: nth === 1 ? 150 : 10 });
    const id = await scene.start(asking, { input: "what?", catalogue: patient });
    const server = await scene.serve();
    await scene.until(() => scene.asked.length === 1);
    scene.time.stop(server.id, 5 * LEASE_MS);
    await scene.serve();
    expect(await scene.ended(id)).toMatchObject({ status: "succeeded", output: "answer 2" });
    const reserved = (await scene.run(id)).usage.usd;
    await scene.pass(10 * LEASE_MS);
    const { attempts, lines } = await scene.store.memory(id);
    expect(lines).toHaveLength(1);
    expect(attempts).toMatchObject([
      { result: "lost", estimated: false },
      { result: "ok", estimated: false },
    ]);
    const run = await scene.run(id);
    expect(run.usage.usd).toBe(attempts.reduce((sum, { usage }) => sum + usage.usd, 0));
    expect(run.usage.usd).toBeLessThan(reserved);
    expect(await scene.faults(id)).toEqual([]);
  });
});
