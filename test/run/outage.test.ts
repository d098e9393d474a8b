import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Failure } from "../../src/core/errors.ts";
import type { RunContext } from "../../src/core/pattern.ts";
import { eventually, openHouse } from "../house.ts";
import { BREAKER } from "./cast.ts";
import { patternOf, Scene } from "./scene.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await Scene.open();
});
afterEach(() => scene.close());

const ask = async (ctx: RunContext, agent: string, prompt = agent) => (await ctx.call(agent, { prompt })).output;
const oneCall = (agent: string) => patternOf(`ask-${agent}`, (ctx) => ask(ctx, agent));
const outOfReach = new Failure("NETWORK", "nobody answers", { billed: "nothing" });
const badKey = new Failure("UNAUTHORIZED", "the key is not taken", { billed: "nothing" });

describe("a provider that is switched off", () => {
  test("is not asked: a call goes to its next model, and one that has none fails", async () => {
    await scene.store.switchOff("tin", "eve");
    const ids = [await scene.start(oneCall("bob")), await scene.start(oneCall("ann"))];
    await scene.serve();
    expect(await scene.ended(ids[0] ?? "")).toMatchObject({ status: "succeeded" });
    expect(await scene.ended(ids[1] ?? "")).toMatchObject({
      status: "failed",
      error: { code: "CIRCUIT_OPEN", message: expect.stringMatching(/^tin was switched off by eve at /) },
    });
    expect(scene.asked.map(({ model }) => model)).toEqual(["oak/large"]);
  });

  test("is noticed by a server that runs, and is asked again as soon as it is switched on", async () => {
    const server = await scene.serve();
    scene.learn(oneCall("ann"));
    await scene.store.switchOff("tin", "eve");
    await scene.until(() => server.engine?.health().some(({ state }) => state === "off") ?? false);
    expect(server.engine?.health()).toMatchObject([{ subject: "tin", state: "off" }]);
    expect(await scene.store.switchOn("tin")).toBe(true);
    await scene.until(() => server.engine?.health().length === 0);
    expect(await scene.store.switchOn("tin")).toBe(false);
  });
});

describe("an agent that is switched off", () => {
  test("is not asked, and others are, though they have the same models", async () => {
    await scene.store.switchOff("agent:ann", "eve");
    const id = await scene.start(
      patternOf("both", async (ctx) => {
        const settled = await ctx.map(["ann", "bob"], (agent, branch) => ask(branch, agent), {
          join: { kind: "settle" },
        });
        return settled.map((one) => (one.ok ? one.value : one.error.code));
      }),
    );
    await scene.serve();
    expect(await scene.ended(id)).toMatchObject({ output: ["CIRCUIT_OPEN", "fine"] });
  });
});

describe("with on_outage: wait a run", () => {
  beforeEach(() => {
    scene.onOutage = "wait";
  });

  test("whose provider is switched off is put down, and goes on when it is switched on", async () => {
    await scene.store.switchOff("tin", "eve");
    const id = await scene.start(oneCall("ann"));
    await scene.serve();
    await scene.until(() => scene.is(id, "waiting"));
    expect((await scene.store.progress(id)).waiting).toMatchObject([
      { kind: "timer", show: { outage: expect.stringContaining("tin was switched off by eve") } },
    ]);
    await scene.pass(3000);
    expect(await scene.is(id, "waiting")).toBe(true);
    await scene.store.switchOn("tin");
    expect(await scene.ended(id)).toMatchObject({ status: "succeeded", output: "fine" });
    expect(scene.asked).toHaveLength(1);
    expect(await scene.faults(id)).toEqual([]);
  });

  test("goes on with what others of its branches do, and with the one that waits when its time has come", async () => {
    await scene.store.switchOff("agent:ann", "eve");
    scene.say = ({ prompt }) => ({ say: "fine", ms: prompt === "bob" ? 90 : 1 });
    const id = await scene.start(
      patternOf("both", async (ctx) => {
        const settled = await ctx.map(["ann", "bob"], (agent, branch) => ask(branch, agent), {
          join: { kind: "settle" },
        });
        return settled.map((one) => (one.ok ? one.value : one.error.code));
      }),
    );
    await scene.serve();
    await scene.until(() => scene.asked.length === 1);
    await scene.store.switchOn("agent:ann");
    expect(await scene.ended(id)).toMatchObject({ output: ["fine", "fine"] });
  });

  test.each([
    ["cannot be reached", outOfReach],
    ["does not take our key", badKey],
  ])("whose provider %s asks again after cool-downs that grow, across a restart, until it is there", async (_, why) => {
    scene.say = () => why;
    const id = await scene.start(oneCall("ann"));
    const server = await scene.serve();
    await scene.until(() => scene.is(id, "waiting"));
    server.die();
    await scene.serve();
    await scene.pass(2000);
    const asked = scene.asked.length;
    expect(asked).toBeGreaterThan(1);
    await scene.pass(2000);
    expect(scene.asked.length - asked).toBeLessThan(3);
    scene.say = () => "fine";
    expect(await scene.ended(id)).toMatchObject({ status: "succeeded", output: "fine" });
    expect(await scene.faults(id)).toEqual(["r1: 1:ann failed more often than it may"]);
  });

  test("waits for one cool-down at first, however often it has been tried before", async () => {
    scene.say = () => outOfReach;
    const id = await scene.start(oneCall("ann"));
    await scene.serve();
    await scene.until(() => scene.is(id, "waiting"));
    const { waits, attempts } = await scene.store.memory(id);
    expect(attempts.length).toBeGreaterThan(1);
    const { at = 0, ms = 0 } = attempts.at(-1) ?? {};
    expect((waits[0]?.expires_at ?? 0) - (at + ms)).toBeLessThanOrEqual(BREAKER.cooldown_seconds * 1000 + 1);
  });

  test("fails all the same where waiting does not help", async () => {
    scene.say = () => new Failure("BAD_REQUEST", "no", { billed: "nothing" });
    const id = await scene.start(oneCall("ann"));
    await scene.serve();
    expect(await scene.ended(id)).toMatchObject({ status: "failed", error: { code: "BAD_REQUEST" } });
  });

  test("can be cancelled while it waits", async () => {
    await scene.store.switchOff("tin", "eve");
    const id = await scene.start(oneCall("ann"));
    await scene.serve();
    await scene.until(() => scene.is(id, "waiting"));
    expect(await scene.store.cancel(id)).toMatchObject({ status: "cancelled" });
  });
});

test("the setting reaches the runs, and the envelope's wait says why", async () => {
  await using house = await openHouse({ settings: { on_outage: "wait" } });
  await house.store.switchOff("oa", "eve");
  await eventually(() => house.engine.health().length > 0 || house.engine.awaken() !== undefined);
  const { id } = await house.start("run_agent", { task: "t", agent: "oa/m" });
  await house.becomes(id, "waiting");
  await house.store.switchOn("oa");
  expect(await house.ended(id)).toMatchObject({ status: "succeeded" });
});
