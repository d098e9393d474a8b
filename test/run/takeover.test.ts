import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { RunContext } from "../../src/core/pattern.ts";
import { LEASE_MS, LIMITS } from "./cast.ts";
import { ONE_CALL, patternOf, Scene } from "./scene.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await Scene.open();
});
afterEach(() => scene.close());

const ask = async (ctx: RunContext, prompt: string): Promise<string> => (await ctx.call("ann", { prompt })).output;
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
    const id = await scene.start(asking, { input: "what?" });
    const server = await scene.serve();
    await scene.until(() => scene.asked.length === 1);
    scene.time.stop(server.id, 5 * LEASE_MS);
    await scene.serve();
    expect(await scene.ended(id)).toMatchObject({ status: "succeeded", output: "answer 2" });
    await scene.pass(10 * LEASE_MS);
    const { attempts, lines } = await scene.store.memory(id);
    expect(lines).toHaveLength(1);
    expect(attempts).toMatchObject([
      { result: "lost", estimated: true, usage: { usd: attempts[0]?.reserve.usd } },
      { result: "ok", estimated: false, usage: { usd: ONE_CALL } },
    ]);
    expect(await scene.faults(id)).toEqual([]);
  });
});
