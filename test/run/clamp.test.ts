import { beforeAll, describe, expect, test } from "vitest";
import { toUsd } from "../../src/core/money.ts";
import { DIALECTS, type House, openHouse } from "../house.ts";
import type { Asked, Reply } from "../stub/script.ts";

const LIMITS = { max_output_tokens: 100, min_output_tokens: 50 };
const INPUT = 1000;
const OUTPUT = 4000;

const most = ({ body }: Asked) => Number(body["max_tokens"] ?? body["max_completion_tokens"]);

/** Says so many tokens, or as many as it may. */
const says =
  (tokens: number) =>
  (asked: Asked): Reply => ({
    text: "word",
    usage: { input: 5, output: Math.min(tokens, most(asked)) },
    stop: tokens > most(asked) ? "length" : "end",
  });

const ofHouse = (tokens: number) => openHouse({ script: says(tokens), settings: { limits: LIMITS } });

/** What the input of the usual question reserves, in nano-dollars and in tokens. */
async function inputReserve(house: House, agent: string) {
  const run = await house.ask(agent);
  const [attempt] = await house.attempts(run.id);
  house.vendor.forget();
  const { usd = 0, tokens = 0 } = attempt?.reserve ?? {};
  return { usd: usd - 100 * OUTPUT, tokens: tokens - 100 };
}

beforeAll(async () => {
  await using house = await openHouse();
  await Promise.all(DIALECTS.map((id) => house.ask(`${id}/m`)));
});

describe.each(DIALECTS)("an output in the dialect of %s", (id) => {
  const agent = `${id}/m`;
  const asked = (house: House) =>
    house.vendor.requests.map(({ body }) => body?.["max_tokens"] ?? body?.["max_completion_tokens"]);

  test("is clamped to what is left of the money", async () => {
    await using house = await ofHouse(10);
    const input = await inputReserve(house, agent);
    const run = await house.ask(agent, { budget: { usd: toUsd(input.usd + 70 * OUTPUT) } });
    expect(run).toMatchObject({ status: "succeeded", usage: { usd: 5 * INPUT + 10 * OUTPUT } });
    expect(asked(house)).toEqual([70]);
    expect(await house.attempts(run.id)).toMatchObject([{ clamped: true, max_output_tokens: 70 }]);
  });

  test("is clamped to what is left of the tokens", async () => {
    await using house = await ofHouse(10);
    const input = await inputReserve(house, agent);
    expect(await house.ask(agent, { budget: { tokens: input.tokens + 65 } })).toMatchObject({ status: "succeeded" });
    expect(asked(house)).toEqual([65]);
  });

  test("is never clamped below what is still useful: the call is refused, and nothing is sent", async () => {
    await using house = await ofHouse(10);
    const input = await inputReserve(house, agent);
    const least = input.usd + 50 * OUTPUT;
    const run = await house.ask(agent, { budget: { usd: toUsd(least - 1) } });
    expect(run).toMatchObject({
      status: "failed",
      error: { code: "BUDGET_EXCEEDED", scope: "run" },
      usage: { calls: 0 },
    });
    expect(asked(house)).toEqual([]);
    expect(await house.ask(agent, { budget: { usd: toUsd(least) } })).toMatchObject({ status: "succeeded" });
    expect(asked(house)).toEqual([50]);
  });

  test("that our clamp cut off is out of budget, is paid, and is not mended", async () => {
    await using house = await ofHouse(90);
    const input = await inputReserve(house, agent);
    const cap = input.usd + 70 * OUTPUT;
    const run = await house.ask(agent, { budget: { usd: toUsd(cap) } });
    expect(run).toMatchObject({ status: "failed", error: { code: "BUDGET_EXCEEDED", kind: "limit" } });
    expect(run.error?.message).toMatch(/cut off/);
    expect(run.usage.usd).toBe(5 * INPUT + 70 * OUTPUT);
    expect(asked(house)).toEqual([70]);
  });

  test("that our clamp cut off is asked for again once somebody has raised the budget", async () => {
    await using house = await ofHouse(90);
    const input = await inputReserve(house, agent);
    const waiting = await house.ask(agent, { budget: { usd: toUsd(input.usd + 70 * OUTPUT) }, on_budget: "ask" });
    expect(waiting.status).toBe("waiting");
    expect(await house.raise(waiting.id, 0.1)).toMatchObject({ status: "succeeded", output: "word" });
    expect(asked(house)).toEqual([70, 100]);
  });

  test("that a step's own budget cut off fails the step and not the run", async () => {
    await using house = await ofHouse(90);
    const input = await inputReserve(house, agent);
    const budget = { usd: toUsd(input.usd + 70 * OUTPUT) };
    const steps = [
      { agent, name: "short", budget, on_error: "skip" },
      { agent, name: "long" },
    ];
    const run = await house.play("run_pipeline", { task: "What is a baton?", steps });
    expect(run).toMatchObject({ status: "succeeded", output: { output: "word" } });
    expect(asked(house)).toEqual([70, 100]);
  });

  test("that the model cut off at the agent's own greatest length is truncated, and gets its one repair", async () => {
    await using house = await ofHouse(120);
    const run = await house.ask(agent);
    expect(run).toMatchObject({
      status: "failed",
      error: { code: "TRUNCATED", kind: "semantic" },
      usage: { calls: 2 },
    });
    expect(asked(house)).toEqual([100, 100]);
  });
});

test("of two calls at once that fit only one after the other, the second waits and is not clamped", async () => {
  await using house = await openHouse({
    script: (asked) => ({ ...says(10)(asked), latency_ms: 100 }),
    settings: { limits: LIMITS },
  });
  const input = await inputReserve(house, "oa/m");
  const cap = input.usd + 100 * OUTPUT + 5 * INPUT + 10 * OUTPUT;
  const agents = ["oa/m", "oa/m"];
  const run = await house.play("fan_out", { task: "What is a baton?", agents }, { budget: { usd: toUsd(cap) } });
  expect(run).toMatchObject({ status: "succeeded", degraded: [] });
  expect(house.vendor.report()).toMatchObject({ count: 2, most_at_once: 1 });
  expect((await house.attempts(run.id)).map(({ clamped }) => clamped)).toEqual([false, false]);
});
