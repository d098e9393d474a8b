import { beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { DIALECTS, openHouse, PRICE } from "../house.ts";
import type { Reply } from "../stub/script.ts";

const SHAPE = { type: "object", properties: { title: { type: "string" } }, required: ["title"] };
const DEAR = { input: 2, cached: 0.2, cache_write: 2.5, output: 10 };

beforeAll(async () => {
  await using house = await openHouse();
  await Promise.all(DIALECTS.map((id) => house.ask(`${id}/m`)));
});

describe.each(DIALECTS)("a bill in the dialect of %s", (id) => {
  test("tells cached, cache-write and reasoning tokens apart, and prices each at its own rate", async () => {
    const usage = { input: 1000, cached: 400, cache_write: 100, output: 300, reasoning: 120 };
    await using house = await openHouse({ script: () => ({ usage }), prices: { m: DEAR } });
    const run = await house.ask(`${id}/m`);
    const usd = 500 * 2000 + 400 * 200 + 100 * 2500 + 300 * 10_000;
    expect(run.usage).toEqual({ usd, ...usage, calls: 1 });
    expect(house.vendor.report().bill).toBe(usd);
  });

  test("is rounded up to the nano-dollar, and never loses one", async () => {
    await using house = await openHouse({
      script: () => ({ usage: { input: 7, output: 3 } }),
      prices: { m: { input: 0.0001, output: 0.0003 } },
    });
    expect((await house.ask(`${id}/m`)).usage.usd).toBe(2);
  });

  test("without any usage is a bound, and says that it is one", async () => {
    await using house = await openHouse({ script: () => ({ text: "well", usage: "none" }) });
    const run = await house.ask(`${id}/m`);
    const [attempt] = await house.attempts(run.id);
    expect(run).toMatchObject({ status: "succeeded", usage: { calls: 1, partial: true } });
    expect(attempt?.estimated).toBe(true);
    expect(run.usage.usd).toBeGreaterThanOrEqual(house.vendor.report().bill);
    expect(run.usage.usd).toBeLessThanOrEqual(attempt?.reserve.usd ?? 0);
  });

  test("above its reserve is charged whole, marked, and lets no further call start", async () => {
    await using house = await openHouse({ script: () => ({ usage: { input: 100_000, output: 100_000 } }) });
    const steps = [
      { agent: `${id}/m`, name: "first" },
      { agent: `${id}/m`, name: "second" },
    ];
    const run = await house.play("run_pipeline", { task: "t", steps }, { budget: { usd: 0.3 } });
    expect(run).toMatchObject({ status: "failed", error: { code: "BUDGET_EXCEEDED" }, usage: { usd: 500_000_000 } });
    expect(await house.attempts(run.id)).toMatchObject([{ overrun: true, result: "ok" }]);
    expect(house.vendor.requests).toHaveLength(1);
  });

  test("of a broken answer and of its repair is paid, both", async () => {
    const usage = { input: 100, output: 50 };
    await using house = await openHouse({ script: () => ({ text: "no JSON at all", usage }) });
    const run = await house.play("run_agent", { task: "t", agent: `${id}/m`, output_schema: SHAPE });
    expect(run).toMatchObject({ status: "failed", error: { code: "BAD_OUTPUT" } });
    expect(run.usage).toMatchObject({ calls: 2, usd: 2 * (100_000 + 200_000), input: 200, output: 100 });
    expect(house.vendor.report().bill).toBe(run.usage.usd);
  });

  test.each([
    ["explicit in the start", { budget: { usd: 1 } }, {}],
    ["explicit for every run", {}, { run: { usd: 1 } }],
    ["explicit for a day", {}, { day: { usd: 5 } }],
    ["explicit for a caller", {}, { caller: { usd: 5 } }],
    ["explicit as a ceiling", {}, { run_max: { usd: 5 } }],
  ] as const)(
    "that nobody can foretell is refused under a cap that is %s, with the line that allows it",
    async (_, more, budgets) => {
      await using house = await openHouse({ prices: {}, settings: { budgets } });
      const run = await house.ask(`${id}/new`, more);
      expect(run).toMatchObject({ status: "failed", error: { code: "UNPRICED", kind: "permanent" } });
      expect(house.vendor.requests).toHaveLength(0);
      const line = /prices: \{.*?\} \}/.exec(run.error?.hint ?? "")?.[0];
      await using priced = await openHouse({ prices: {}, settings: { budgets, ...parse(line ?? "") } });
      expect(await priced.ask(`${id}/new`, more)).toMatchObject({ status: "succeeded" });
    },
  );

  test("that nobody can foretell runs under the built-in cap, is partial, and the other caps bind", async () => {
    await using house = await openHouse({ prices: {} });
    const run = await house.ask(`${id}/new`);
    expect(run).toMatchObject({ status: "succeeded", usage: { usd: 0, calls: 1, partial: true } });
    const agents = Array(5).fill(`${id}/new`);
    const capped = await house.play("fan_out", { task: "t", agents }, { budget: { calls: 2 } });
    expect(capped).toMatchObject({ status: "failed", error: { code: "BUDGET_EXCEEDED" }, usage: { calls: 2 } });
  });

  test("that nobody can foretell is its declared max_usd under an explicit cap", async () => {
    await using house = await openHouse({ prices: {}, settings: { providers: { [id]: { max_usd: 0.25 } } } });
    const agents = Array(5).fill(`${id}/new`);
    const run = await house.play("fan_out", { task: "t", agents }, { budget: { usd: 0.6 } });
    expect(run).toMatchObject({ status: "failed", error: { code: "BUDGET_EXCEEDED" } });
    expect(run.usage).toMatchObject({ usd: 500_000_000, calls: 2, partial: true });
    expect(house.vendor.requests).toHaveLength(2);
  });
});

test("what the provider itself says it cost is believed before our prices", async () => {
  await using house = await openHouse({ script: () => ({ usage: { input: 100, output: 100, cost: 0.0012345 } }) });
  const run = await house.ask("oa/m");
  expect(run.usage).toMatchObject({ usd: 1_234_500, input: 100, output: 100 });
  expect(house.vendor.report().bill).toBe(1_234_500);
});

test("what a provider without a known price says it cost is no guess", async () => {
  await using house = await openHouse({
    prices: {},
    script: () => ({ usage: { input: 100, output: 100, cost: 0.5 } }),
  });
  const run = await house.ask("oa/new");
  expect(run.usage).toMatchObject({ usd: 500_000_000 });
  expect(run.usage.partial).toBeUndefined();
});

test("a fallback at another price is charged at its own", async () => {
  const script = ({ model }: { model: string }): Reply =>
    model === "m" ? { status: 404 } : { usage: { input: 10, output: 10 } };
  await using house = await openHouse({
    script,
    prices: { m: PRICE, dear: DEAR },
    agents: { pair: { models: ["oa/m", "an/dear"] } },
  });
  const run = await house.ask("pair");
  expect(run.usage.usd).toBe(10 * 2000 + 10 * 10_000);
  expect((await house.attempts(run.id)).map(({ model }) => model)).toEqual(["oa/m", "an/dear"]);
});

test("a loser whom its vendor bills in full has been charged at no less", async () => {
  await using house = await openHouse({
    script: ({ model }): Reply =>
      model === "m" ? {} : { text: "slow", first_token_ms: 20_000, usage: { input: 50, output: 400 } },
    prices: { m: PRICE, slow: PRICE },
    bill_aborted: true,
  });
  const run = await house.play("fan_out", { task: "t", agents: ["oa/slow", "an/slow", "oa/m"], join: "first" });
  expect(run).toMatchObject({ status: "succeeded", usage: { calls: 3, partial: true } });
  const losers = (await house.attempts(run.id)).filter(({ result }) => result === "aborted");
  expect(losers).toHaveLength(2);
  for (const { usage, reserve, estimated } of losers) expect([usage.usd, estimated]).toEqual([reserve.usd, true]);
});
