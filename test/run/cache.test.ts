import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { DIALECTS, newHome, openHouse } from "../house.ts";
import { startVendor } from "../stub/vendor.ts";

const ON = { cache: { ttl: 3600 } };
const SHAPE = { type: "object", properties: { title: { type: "string" } }, required: ["title"] };

beforeAll(async () => {
  await using house = await openHouse();
  await Promise.all(DIALECTS.map((id) => house.ask(`${id}/m`)));
});

describe("the answer cache", () => {
  test("is off where nobody asks for it", async () => {
    await using house = await openHouse();
    await house.ask("oa/m");
    expect(await house.ask("oa/m")).toMatchObject({ usage: { calls: 1 } });
    expect(house.vendor.requests).toHaveLength(2);
  });

  test.each([
    ["the settings", ON, {}],
    ["the agent", {}, ON],
  ] as const)(
    "switched on by %s gives the second run its answer for nothing, and marks it",
    async (_, settings, own) => {
      await using house = await openHouse({ settings, agents: { asked: { models: ["oa/m"], own } } });
      const first = await house.ask("asked");
      const second = await house.ask("asked");
      expect(second).toMatchObject({
        status: "succeeded",
        output: first.output,
        usage: { usd: 0, calls: 0, input: 0 },
      });
      expect(await house.attempts(second.id)).toMatchObject([
        { cached_answer: true, result: "ok", reserve: { usd: 0 } },
      ]);
      expect(house.vendor.requests).toHaveLength(1);
    },
  );

  test("switched on by a step is asked for that step alone", async () => {
    await using house = await openHouse();
    const input = { task: "t", steps: [{ agent: "oa/m", cache: { ttl: 60 } }, { agent: "an/m" }] };
    await house.play("run_pipeline", input);
    expect(await house.play("run_pipeline", input)).toMatchObject({ status: "succeeded", usage: { calls: 1 } });
    expect(house.vendor.requests.map(({ dialect }) => dialect)).toEqual(["openai", "anthropic", "anthropic"]);
  });

  test("answers under a budget that allows no call at all", async () => {
    await using house = await openHouse({ settings: ON });
    await house.ask("oa/m");
    const run = await house.ask("oa/m", { budget: { usd: 0, calls: 0, tokens: 0 } });
    expect(run).toMatchObject({ status: "succeeded" });
  });

  test("answers only the very same question", async () => {
    await using house = await openHouse({
      settings: ON,
      agents: { one: { models: ["oa/m"], told: "Be brief." }, two: { models: ["oa/m"], told: "Be long." } },
    });
    await house.ask("one");
    await house.ask("two");
    await house.play("run_agent", { task: "What is a relay?", agent: "one" });
    await house.ask("an/m");
    expect(house.vendor.requests).toHaveLength(4);
  });

  test("answers nobody else's question", async () => {
    await using house = await openHouse({ settings: ON });
    await house.ask("oa/m", { caller: "ann" });
    expect(await house.ask("oa/m", { caller: "bob" })).toMatchObject({ usage: { calls: 1 } });
    expect(await house.ask("oa/m", { caller: "ann" })).toMatchObject({ usage: { calls: 0 } });
    expect(house.vendor.requests).toHaveLength(2);
  });

  test("forgets when its time is over", async () => {
    await using house = await openHouse({ settings: { cache: { ttl: 0.4 } } });
    await house.ask("oa/m");
    await sleep(600);
    await house.ask("oa/m");
    expect(house.vendor.requests).toHaveLength(2);
  });

  test("outlives the server", async () => {
    const home = await newHome();
    const vendor = await startVendor();
    const before = await openHouse({ home, vendor, settings: ON });
    await before.ask("oa/m");
    await before.close();
    await using after = await openHouse({ home, vendor, settings: ON });
    expect(await after.ask("oa/m")).toMatchObject({ status: "succeeded", usage: { calls: 0 } });
    await vendor.close();
  });

  test("gives one run an answer once, so that its samples stay its own", async () => {
    await using house = await openHouse({ settings: ON });
    await house.ask("oa/m");
    const run = await house.play("fan_out", { task: "What is a baton?", agents: Array(3).fill("oa/m") });
    expect(run).toMatchObject({ status: "succeeded", usage: { calls: 2 } });
    expect((await house.attempts(run.id)).filter(({ cached_answer }) => cached_answer)).toHaveLength(1);
  });

  test("is never asked for a vote", async () => {
    const yes = { json: { choice: "yes", confidence: 1, reason: "r" } };
    await using house = await openHouse({ script: () => yes, settings: ON });
    const input = { question: "Is it?", options: ["yes", "no"], voters: ["oa/m", "an/m", "oa/m"] };
    await house.play("consensus_vote", input);
    expect(await house.play("consensus_vote", input)).toMatchObject({ usage: { calls: 3 } });
    expect(house.vendor.requests).toHaveLength(6);
  });

  test("is not asked for the second round of a step", async () => {
    await using house = await openHouse({
      script: [{ calls: "1-2", reply: { text: "bad" } }, { reply: { text: "good" } }],
      settings: ON,
    });
    const input = { task: "t", steps: [{ agent: "oa/m", gate: { when: 'output == "good"' }, max_rounds: 2 }] };
    expect(await house.play("run_pipeline", input)).toMatchObject({ status: "failed" });
    expect(await house.play("run_pipeline", input)).toMatchObject({ status: "succeeded", usage: { calls: 1 } });
    expect(house.vendor.requests).toHaveLength(3);
  });

  test("is not asked when a failed run is retried", async () => {
    await using house = await openHouse({
      script: [{ calls: 1, reply: { text: "bad" } }, { reply: { text: "good" } }],
      settings: ON,
    });
    const input = { task: "t", steps: [{ agent: "oa/m", gate: { when: 'output == "good"' } }] };
    const { id } = await house.play("run_pipeline", input);
    expect(await house.retry(id)).toMatchObject({ status: "succeeded", usage: { calls: 2 } });
  });

  test("does not keep an answer that was of no use", async () => {
    await using house = await openHouse({
      script: [{ calls: 1, reply: { text: "no JSON" } }, { reply: { json: { title: "t" } } }],
      settings: ON,
    });
    const input = { task: "t", agent: "oa/m", output_schema: SHAPE };
    expect(await house.play("run_agent", input)).toMatchObject({ status: "succeeded", usage: { calls: 2 } });
    expect(await house.play("run_agent", input)).toMatchObject({ status: "succeeded" });
    expect(house.vendor.requests.length).toBeLessThanOrEqual(3);
  });
});
