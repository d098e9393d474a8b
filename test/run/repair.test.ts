import { beforeAll, describe, expect, test } from "vitest";
import { DIALECTS, type House, openHouse, PRICE } from "../house.ts";

const SHAPE = {
  type: "object",
  properties: { title: { type: "string" } },
  required: ["title"],
  additionalProperties: false,
};
const TWO = { m: PRICE, spare: PRICE };
const good = { json: { title: "Baton" } };

const models = ({ vendor }: House) => vendor.requests.map(({ model }) => model);
const shaped = (house: House, agent: string) =>
  house.play("run_agent", { task: "Name it.", agent, output_schema: SHAPE });

beforeAll(async () => {
  await using house = await openHouse();
  await Promise.all(DIALECTS.map((id) => house.ask(`${id}/m`)));
});

describe.each(DIALECTS)("an answer that cannot be used, in the dialect of %s,", (id) => {
  test.each([
    ["is no JSON", "A title: Baton", /no JSON/],
    ["is JSON of another shape", '{"name":"Baton"}', /title/],
    ["is empty", "", /empty/],
  ])("since it %s, is asked for once more, with what was wrong with it", async (_, text, words) => {
    await using house = await openHouse({ script: [{ calls: 1, reply: { text } }, { reply: good }] });
    const run = await shaped(house, `${id}/m`);
    expect(run).toMatchObject({ status: "succeeded", output: { title: "Baton" }, usage: { calls: 2 } });
    const messages = house.vendor.requests[1]?.body?.["messages"] as { role: string; content: unknown }[];
    const told = JSON.stringify(messages);
    expect(told).toMatch(words);
    expect(told).toContain("Name it.");
    expect(told).toContain(JSON.stringify(text).slice(1, -1));
    expect(await house.attempts(run.id)).toMatchObject([
      { result: "bad", turn: 0, error: { code: "BAD_OUTPUT", kind: "semantic" }, reply: text },
      { result: "ok", turn: 1 },
    ]);
  });

  test("twice is the next model's to answer, to whom nothing of it is told", async () => {
    await using house = await openHouse({
      script: [{ when: { model: "m" }, reply: { text: "nonsense" } }, { reply: good }],
      prices: TWO,
      agents: { pair: { models: [`${id}/m`, "oa/spare"] } },
    });
    expect(await shaped(house, "pair")).toMatchObject({ status: "succeeded", usage: { calls: 3 } });
    expect(models(house)).toEqual(["m", "m", "spare"]);
    expect(JSON.stringify(house.vendor.requests[2]?.body)).not.toContain("nonsense");
  });

  test("twice, and nobody else to ask, fails as bad output, never as a blind retry", async () => {
    await using house = await openHouse({ script: () => ({ text: "nonsense" }) });
    const run = await shaped(house, `${id}/m`);
    expect(run).toMatchObject({ status: "failed", error: { code: "BAD_OUTPUT", kind: "semantic", retryable: false } });
    expect(house.vendor.requests).toHaveLength(2);
  });

  test("since the model declines, is not asked for again", async () => {
    await using house = await openHouse({ script: () => ({ text: "I will not.", stop: "refusal" }) });
    const run = await house.ask(`${id}/m`);
    expect(run).toMatchObject({ status: "failed", error: { code: "REFUSED", kind: "semantic" }, usage: { calls: 1 } });
    expect(run.error?.message).toContain("I will not.");
    expect(house.vendor.requests).toHaveLength(1);
  });

  test("since the model declines, is the next model's to give", async () => {
    await using house = await openHouse({
      script: [{ when: { model: "m" }, reply: { text: "No.", stop: "refusal" } }],
      prices: TWO,
      agents: { pair: { models: [`${id}/m`, "oa/spare"] } },
    });
    expect(await house.ask("pair")).toMatchObject({ status: "succeeded" });
    expect(models(house)).toEqual(["m", "spare"]);
  });

  test("is mended without another request where that is safe", async () => {
    await using house = await openHouse({ script: () => ({ text: 'Here: {"title": "Baton",}' }) });
    expect(await shaped(house, `${id}/m`)).toMatchObject({ status: "succeeded", output: { title: "Baton" } });
    expect(house.vendor.requests).toHaveLength(1);
  });

  test("is still mended when the vendor stumbles over the repair", async () => {
    await using house = await openHouse({
      script: [{ calls: 1, reply: { text: "nonsense" } }, { calls: "1-2", reply: { status: 529 } }, { reply: good }],
    });
    const run = await shaped(house, `${id}/m`);
    expect(run).toMatchObject({ status: "succeeded", usage: { calls: 4 } });
    expect((await house.attempts(run.id)).map(({ turn, result }) => [turn, result])).toEqual([
      [0, "bad"],
      [1, "failed"],
      [1, "failed"],
      [1, "ok"],
    ]);
  });
});
