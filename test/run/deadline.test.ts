import { beforeAll, describe, expect, test } from "vitest";
import { DIALECTS, eventually, openHouse, PRICE } from "../house.ts";
import type { Reply } from "../stub/script.ts";

const TRICKLE: Reply = { chunks: 2000, chunk_ms: 20, text: "a word ".repeat(2000) };
const SECONDS = { budget: { seconds: 2 } };

beforeAll(async () => {
  await using house = await openHouse();
  await Promise.all(DIALECTS.map((id) => house.ask(`${id}/m`)));
});

describe.concurrent("when the seconds of a run are over", () => {
  test.each(DIALECTS)("what is in flight is aborted, charged, and the run fails (%s)", async (id) => {
    await using house = await openHouse({ script: () => TRICKLE });
    const run = await house.ask(`${id}/m`, SECONDS);
    expect(run).toMatchObject({ status: "failed", error: { code: "DEADLINE_EXCEEDED", kind: "limit" }, held: 0 });
    expect(run.usage.usd).toBe((await house.attempts(run.id))[0]?.reserve.usd);
    await eventually(() => house.vendor.requests[0]?.state === "aborted");
    expect(house.vendor.requests).toHaveLength(1);
  });

  test("a retry without more of them asks nothing and costs nothing", async () => {
    await using house = await openHouse({ script: () => TRICKLE });
    const run = await house.ask("oa/m", SECONDS);
    await eventually(() => house.vendor.report().open === 0);
    await house.store.again(run.id, "failed");
    house.engine.nudge(run.id);
    const again = await house.engine.wait(run.id, 20_000);
    expect(again).toMatchObject({ status: "failed", error: { code: "DEADLINE_EXCEEDED" }, usage: run.usage });
    expect(house.vendor.requests).toHaveLength(1);
  });

  test("what was done is kept, and nothing further is asked", async () => {
    await using house = await openHouse({
      script: [{ when: { model: "slow" }, reply: TRICKLE }, { reply: { text: "done" } }],
      prices: { m: PRICE, slow: PRICE },
    });
    const agents = ["oa/m", "an/slow", "an/m", "oa/slow"];
    const run = await house.play("fan_out", { task: "t", agents, aggregator: "oa/m" }, SECONDS);
    expect(run).toMatchObject({ status: "failed", error: { code: "DEADLINE_EXCEEDED" } });
    const { branches } = run.output as { branches: { status: string }[] };
    expect(branches.map(({ status }) => status)).toEqual(["succeeded", "timed_out", "succeeded", "timed_out"]);
    expect(run.degraded.length).toBeGreaterThan(0);
    expect(house.vendor.requests).toHaveLength(4);
    await eventually(() => house.vendor.report().open === 0);
  });

  test("a pipeline keeps the steps before", async () => {
    await using house = await openHouse({
      script: [{ when: { model: "slow" }, reply: { fault: "hang" } }, { reply: { text: "done" } }],
      prices: { m: PRICE, slow: PRICE },
    });
    const steps = [
      { agent: "oa/m", name: "first" },
      { agent: "oa/slow", name: "second", on_error: "skip", fallback: ["oa/m"] },
      { agent: "oa/m", name: "third" },
    ];
    const run = await house.play("run_pipeline", { task: "t", steps }, SECONDS);
    expect(run).toMatchObject({ status: "failed", error: { code: "DEADLINE_EXCEEDED" }, output: { output: "done" } });
    expect(house.vendor.requests).toHaveLength(2);
  });

  test("a run that would take a part succeeds with it, and says what it lacks", async () => {
    await using house = await openHouse({
      script: [{ when: { model: "slow" }, reply: { fault: "hang" } }, { reply: { text: "done" } }],
      prices: { m: PRICE, slow: PRICE },
    });
    const input = { task: "t", agents: ["oa/m", "oa/slow"] };
    const run = await house.play("fan_out", input, { ...SECONDS, on_budget: "partial" });
    expect(run).toMatchObject({ status: "succeeded" });
    expect(run.degraded.join()).toMatch(/2 seconds are over/);
  });

  test("nobody is asked for more: it fails, even where money would be asked for", async () => {
    await using house = await openHouse({ script: () => ({ fault: "hang" }) });
    const run = await house.ask("oa/m", { ...SECONDS, on_budget: "ask" });
    expect(run).toMatchObject({ status: "failed", error: { code: "DEADLINE_EXCEEDED" } });
  });

  test("a call that sleeps before its next attempt does not sleep on", async () => {
    await using house = await openHouse({
      script: () => ({ status: 503, headers: { "retry-after": "60" } }),
      settings: { retry: { max_ms: 100_000 } },
    });
    const run = await house.ask("oa/m", SECONDS);
    expect(run).toMatchObject({ status: "failed", error: { code: "DEADLINE_EXCEEDED" } });
    expect(house.vendor.requests).toHaveLength(1);
  });

  test("a call that waits for its turn is not asked any more", async () => {
    await using house = await openHouse({
      script: () => ({ fault: "hang" }),
      settings: { providers: { oa: { concurrency: 1 } } },
    });
    const run = await house.play("fan_out", { task: "t", items: [1, 2, 3, 4], agent: "oa/m" }, SECONDS);
    expect(run).toMatchObject({ status: "failed", error: { code: "DEADLINE_EXCEEDED" } });
    expect(house.vendor.requests).toHaveLength(1);
  });

  test("waiting for a provider that asked to be left alone does not count", async () => {
    const limited = { status: 429, headers: { "retry-after": "2" } };
    await using house = await openHouse({ script: [{ calls: 1, reply: limited }] });
    const run = await house.ask("oa/m", { budget: { seconds: 1.5 } });
    expect(run).toMatchObject({ status: "succeeded", usage: { calls: 2 } });
    expect(run.held_ms).toBeLessThan(1500);
  });

  test("a retry has what is left of them, which is nothing, until they are raised", async () => {
    await using house = await openHouse({ script: [{ calls: 1, reply: { fault: "hang" } }] });
    const { id } = await house.ask("oa/m", SECONDS);
    expect(await house.retry(id)).toMatchObject({ status: "failed", error: { code: "DEADLINE_EXCEEDED" } });
    await house.store.raise(id, { seconds: 60 }, "test");
    expect(await house.retry(id)).toMatchObject({ status: "succeeded" });
  });
});

test("the seconds of a step end the step and not the run", async () => {
  await using house = await openHouse({
    script: [{ when: { model: "slow" }, reply: { fault: "hang" } }],
    prices: { m: PRICE, slow: PRICE },
  });
  const steps = [
    { agent: "oa/slow", name: "slow", budget: { seconds: 0.5 }, on_error: "skip" },
    { agent: "oa/m", name: "next" },
  ];
  const run = await house.play("run_pipeline", { task: "t", steps });
  expect(run).toMatchObject({ status: "succeeded" });
  expect(run.degraded.join()).toMatch(/"slow" was skipped/);
});
