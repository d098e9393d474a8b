import { beforeAll, describe, expect, test } from "vitest";
import { DIALECTS, type House, openHouse, PRICE } from "../house.ts";

const models = ({ vendor }: House) => vendor.requests.map(({ model }) => model);
const PRICES = { a: PRICE, b: PRICE, c: PRICE, d: PRICE, m: PRICE };
const REFUSES = { status: 400 };

beforeAll(async () => {
  await using house = await openHouse();
  await Promise.all(DIALECTS.map((id) => house.ask(`${id}/m`)));
});

describe.concurrent("a failed run that is retried", () => {
  test("asks, of a pipeline, the failed step and what follows", async () => {
    await using house = await openHouse({
      script: [{ when: { model: "b" }, calls: 1, reply: REFUSES }],
      prices: PRICES,
    });
    const steps = ["oa/a", "an/b", "oa/c"].map((agent) => ({ agent }));
    const run = await house.play("run_pipeline", { task: "t", steps });
    expect(run).toMatchObject({ status: "failed", error: { code: "BAD_REQUEST", step: "an\\/b" } });
    expect(await house.retry(run.id)).toMatchObject({ status: "succeeded", generation: 2, usage: { calls: 4 } });
    expect(models(house)).toEqual(["a", "b", "b", "c"]);
  });

  test("fails again, and is retried again, for as long as somebody likes", async () => {
    await using house = await openHouse({
      script: [{ when: { model: "b" }, calls: "1-3", reply: REFUSES }],
      prices: PRICES,
    });
    const { id } = await house.play("run_pipeline", { task: "t", steps: [{ agent: "oa/a" }, { agent: "oa/b" }] });
    expect(await house.retry(id)).toMatchObject({ status: "failed" });
    expect(await house.retry(id)).toMatchObject({ status: "failed" });
    expect(await house.retry(id)).toMatchObject({ status: "succeeded", generation: 4, usage: { calls: 5 } });
    expect(models(house)).toEqual(["a", "b", "b", "b", "b"]);
  });

  test("from a step that is named asks that step anew, and what is built on it", async () => {
    await using house = await openHouse({
      script: [
        { when: { model: "a" }, calls: 1, reply: { text: "first try" } },
        { when: { model: "a" }, reply: { text: "second try" } },
        { when: { model: "c" }, calls: 1, reply: REFUSES },
      ],
      prices: PRICES,
    });
    const steps = ["a", "b", "c"].map((name) => ({ agent: `oa/${name}`, name }));
    const { id } = await house.play("run_pipeline", { task: "t", steps });
    expect(await house.retry(id, "a")).toMatchObject({ status: "succeeded" });
    expect(models(house)).toEqual(["a", "b", "c", "a", "b", "c"]);
    expect(house.vendor.requests[4]?.user).toContain("second try");
  });

  test.each([
    ["by the name of its agent", {}],
    ["by a name of its own", { name: "a/b. c" }],
  ] as const)("asks a step %s again whose gate did not pass", async (_, named) => {
    await using house = await openHouse({
      script: [{ when: { model: "b" }, calls: 1, reply: { text: "bad" } }, { reply: { text: "good" } }],
      prices: PRICES,
    });
    const steps = [{ agent: "oa/a" }, { agent: "oa/b", gate: { when: 'output == "good"' }, ...named }];
    const run = await house.play("run_pipeline", { task: "t", steps });
    expect(run).toMatchObject({ status: "failed", error: { code: "GATE_FAILED" } });
    expect(await house.retry(run.id)).toMatchObject({ status: "succeeded" });
    expect(models(house)).toEqual(["a", "b", "b"]);
  });

  test("asks the last round of a step again, with what was wrong before", async () => {
    await using house = await openHouse({
      script: [{ when: { model: "b" }, calls: "1-2", reply: { text: "bad" } }, { reply: { text: "good" } }],
      prices: PRICES,
    });
    const steps = [{ agent: "oa/b", gate: { when: 'output == "good"' }, max_rounds: 2 }];
    const run = await house.play("run_pipeline", { task: "t", steps });
    expect(run).toMatchObject({ status: "failed", error: { code: "GATE_FAILED" } });
    expect(await house.retry(run.id)).toMatchObject({ status: "succeeded" });
    expect(models(house)).toEqual(["b", "b", "b"]);
    expect(house.vendor.requests[2]?.user).toBe(house.vendor.requests[1]?.user);
  });

  test("asks, of a quorum that was not reached, those that failed and nobody else", async () => {
    await using house = await openHouse({
      script: [
        { when: { model: "b" }, calls: 1, reply: REFUSES },
        { when: { model: "c" }, calls: 1, reply: { ...REFUSES, latency_ms: 150 } },
      ],
      prices: PRICES,
    });
    const agents = ["oa/a", "oa/b", "an/c", "an/d"];
    const run = await house.play("fan_out", { task: "t", agents, quorum: 3 });
    expect(run).toMatchObject({ status: "failed", error: { code: "NO_QUORUM" } });
    expect(await house.retry(run.id)).toMatchObject({ status: "succeeded" });
    expect(models(house).slice(0, 4).sort()).toEqual(["a", "b", "c", "d"]);
    expect(models(house).slice(4)).not.toContain("a");
    expect(models(house).slice(4)).not.toContain("d");
  });

  test("asks, of a vote without its quorum, the voters that gave no vote", async () => {
    const yes = { json: { choice: "yes", confidence: 1, reason: "r" } };
    await using house = await openHouse({
      script: [{ when: { model: "b" }, calls: 1, reply: REFUSES }, { reply: yes }],
      prices: PRICES,
    });
    const input = { question: "Is it?", options: ["yes", "no"], voters: ["oa/a", "oa/b", "an/c"], quorum: 3 };
    const run = await house.play("consensus_vote", input);
    expect(run).toMatchObject({ status: "failed", error: { code: "NO_QUORUM" } });
    expect(await house.retry(run.id)).toMatchObject({ status: "succeeded", output: { decision: "yes" } });
    expect(models(house).slice(3)).toEqual(["b"]);
  });

  test("asks, of a join that needs all, whoever failed and whoever was cut off", async () => {
    await using house = await openHouse({
      script: [
        { when: { model: "b" }, calls: 1, reply: { ...REFUSES, latency_ms: 200 } },
        { when: { model: "c" }, calls: 1, reply: { fault: "hang" } },
      ],
      prices: PRICES,
    });
    const run = await house.play("fan_out", { task: "t", agents: ["oa/a", "oa/b", "an/c"], join: "all" });
    expect(run).toMatchObject({ status: "failed", error: { code: "BAD_REQUEST" } });
    expect(await house.retry(run.id)).toMatchObject({ status: "succeeded", usage: { calls: 5 } });
    expect(models(house).slice(3).sort()).toEqual(["b", "c"]);
  });

  test("after its budget was used up asks nothing while it is not raised, and then only what was refused", async () => {
    await using house = await openHouse();
    const run = await house.play("fan_out", { task: "t", agents: Array(8).fill("oa/m") }, { budget: { calls: 3 } });
    expect(run).toMatchObject({ status: "failed", error: { code: "BUDGET_EXCEEDED" } });
    expect(await house.retry(run.id)).toMatchObject({ status: "failed", error: { code: "BUDGET_EXCEEDED" } });
    expect(house.vendor.requests).toHaveLength(3);
    await house.store.raise(run.id, { calls: 8 }, "test");
    expect(await house.retry(run.id)).toMatchObject({ status: "succeeded", degraded: [], usage: { calls: 8 } });
    expect(house.vendor.requests).toHaveLength(8);
  });

  test("of a pipeline that ran out of money keeps the steps that are paid", async () => {
    await using house = await openHouse({ prices: PRICES });
    const steps = ["oa/a", "oa/b", "an/c"].map((agent) => ({ agent }));
    const run = await house.play("run_pipeline", { task: "t", steps }, { budget: { calls: 2 } });
    expect(run).toMatchObject({ status: "failed", error: { code: "BUDGET_EXCEEDED" } });
    await house.store.raise(run.id, { calls: 10 }, "test");
    expect(await house.retry(run.id)).toMatchObject({ status: "succeeded", degraded: [] });
    expect(models(house)).toEqual(["a", "b", "c"]);
  });

  test("asks a branch again that ran out of time", async () => {
    await using house = await openHouse({
      script: [{ when: { model: "b" }, calls: 1, reply: { fault: "hang" } }],
      prices: PRICES,
    });
    const run = await house.play("fan_out", { task: "t", agents: ["oa/a", "oa/b"], quorum: 2, timeout_seconds: 2 });
    expect(run).toMatchObject({ status: "failed", error: { code: "NO_QUORUM" } });
    expect(await house.retry(run.id)).toMatchObject({ status: "succeeded" });
    expect(models(house)).toEqual(["a", "b", "b"]);
  });

  test("does not ask again of a merge that was not reached", async () => {
    await using house = await openHouse({
      script: [{ when: { model: "b" }, calls: 1, reply: REFUSES }],
      prices: PRICES,
    });
    const input = { task: "t", agents: ["oa/a", "oa/b"], join: "all", aggregator: "oa/c" };
    const { id } = await house.play("fan_out", input);
    expect(await house.retry(id)).toMatchObject({ status: "succeeded" });
    expect(models(house)).toEqual(
      ["a", "b", "b", "c"].sort((x, y) => models(house).indexOf(x) - models(house).indexOf(y)),
    );
    expect(models(house).filter((model) => model === "a")).toHaveLength(1);
  });
});

test("only a failed run is retried", async () => {
  await using house = await openHouse();
  const { id } = await house.ask("oa/m");
  await expect(house.store.again(id, "failed")).rejects.toMatchObject({ code: "ILLEGAL_CHANGE" });
});
