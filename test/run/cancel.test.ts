import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { DIALECTS, eventually, type House, openHouse, PRICE } from "../house.ts";
import type { Reply } from "../stub/script.ts";

const TRICKLE: Reply = { chunks: 2000, chunk_ms: 20, text: "a word ".repeat(2000) };
const states = ({ vendor }: House) => vendor.requests.map(({ state }) => state);

beforeAll(async () => {
  await using house = await openHouse();
  await Promise.all(DIALECTS.map((id) => house.ask(`${id}/m`)));
});

describe.each(DIALECTS)("a cancel, in the dialect of %s,", (id) => {
  test.each([
    ["before the first token", { fault: "hang" }],
    ["in the middle of the stream", TRICKLE],
    ["while the vendor is silent in the middle", { fault: "hang_midway" }],
  ] as const)("%s closes the socket, settles the bill, and asks nothing more", async (_, reply) => {
    await using house = await openHouse({ script: () => reply });
    const { id: run } = await house.start("run_agent", { task: "t", agent: `${id}/m` });
    await eventually(() => house.vendor.report().open === 1 && house.vendor.requests[0]?.status === 200);
    const began = performance.now();
    const cancelled = await house.cancel(run);
    await eventually(() => states(house)[0] === "aborted");
    expect(performance.now() - began).toBeLessThan(5000);
    const [attempt] = await house.attempts(run);
    expect(attempt).toMatchObject({ state: "settled", result: "aborted", estimated: true });
    expect(cancelled).toMatchObject({ status: "cancelled", error: { code: "CANCELLED", kind: "cancelled" }, held: 0 });
    expect(cancelled.usage).toMatchObject({ usd: attempt?.reserve.usd, calls: 1, partial: true });
    await sleep(200);
    expect(house.vendor.requests).toHaveLength(1);
  });
});

describe.concurrent("a cancel", () => {
  const many = Array.from({ length: 30 }, (_, n) => n);

  test("of a fan-out closes all its sockets, asks none of those that wait, and keeps what was done", async () => {
    await using house = await openHouse({
      script: [{ calls: "1-4", reply: { text: "done" } }, { reply: { fault: "hang" } }],
      settings: { providers: { oa: { concurrency: 6 } } },
    });
    const { id } = await house.start("fan_out", { task: "t", items: many, agent: "oa/m" });
    await eventually(() => house.vendor.requests.length === 10);
    const run = await house.cancel(id);
    await eventually(() => house.vendor.report().open === 0);
    expect(run.output).toMatchObject({ partial: [1, 2, 3, 4].map(() => ({ output: "done" })) });
    expect(run.usage.calls).toBe(10);
    expect(states(house).filter((state) => state === "aborted")).toHaveLength(6);
    await sleep(200);
    expect(house.vendor.requests).toHaveLength(10);
  });

  test("while a call sleeps before its next attempt asks nothing more", async () => {
    const later = { status: 503, headers: { "retry-after": "1" } };
    await using house = await openHouse({ script: () => later, settings: { retry: { max_ms: 5000 } } });
    const { id } = await house.start("run_agent", { task: "t", agent: "oa/m" });
    await eventually(() => states(house)[0] === "finished");
    expect(await house.cancel(id)).toMatchObject({ status: "cancelled", usage: { usd: 0 } });
    await sleep(1300);
    expect(house.vendor.requests).toHaveLength(1);
  });

  test.each([
    ["is queued", "queued"],
    ["waits for a provider", "waiting"],
  ] as const)("of a run that %s ends it at once", async (_, status) => {
    const limited = { status: 429, headers: { "retry-after": "600" } };
    await using house = await openHouse({
      script: [
        { when: { user: "block" }, reply: { fault: "hang" } },
        { when: { user: "limited" }, reply: limited },
      ],
      settings: { limits: { runs: status === "queued" ? 1 : 2 } },
    });
    const block = await house.start("run_agent", { task: "block", agent: "oa/m" });
    await eventually(() => house.vendor.requests.length === 1);
    const { id } = await house.start("run_agent", { task: "limited", agent: "oa/m" });
    await house.becomes(id, status);
    const asked = house.vendor.requests.length;
    expect(await house.cancel(id)).toMatchObject({ status: "cancelled" });
    await house.cancel(block.id);
    expect(house.vendor.requests).toHaveLength(asked);
  });

  test("of a run that waits for money or a person ends it, and nobody can let it go on", async () => {
    await using house = await openHouse();
    const { id } = await house.ask("oa/m", { budget: { usd: 0 }, on_budget: "ask" });
    expect(await house.cancel(id)).toMatchObject({ status: "cancelled" });
    await expect(house.store.raise(id, { usd: 1 }, "test")).rejects.toMatchObject({ code: "ILLEGAL_CHANGE" });
    expect((await house.store.progress(id)).waiting).toEqual([]);
    expect(house.vendor.requests).toEqual([]);
  });

  test("after the end changes nothing", async () => {
    await using house = await openHouse();
    const { id } = await house.ask("oa/m");
    expect(await house.store.cancel(id)).toMatchObject({ status: "succeeded" });
  });

  test("leaves other runs alone", async () => {
    await using house = await openHouse({ script: [{ when: { user: "slow" }, reply: { latency_ms: 400 } }] });
    const kept = await house.start("run_agent", { task: "slow and kept", agent: "oa/m" });
    const lost = await house.start("run_agent", { task: "slow and lost", agent: "oa/m" });
    await eventually(() => house.vendor.requests.length === 2);
    await house.cancel(lost.id);
    expect(await house.ended(kept.id)).toMatchObject({ status: "succeeded" });
  });

  test("from another server of the same home reaches the one that plays it", async () => {
    await using house = await openHouse({ script: () => ({ fault: "hang" }) });
    const other = await openHouse({ home: house.home, vendor: house.vendor });
    const { id } = await house.start("run_agent", { task: "t", agent: "oa/m" });
    await eventually(() => house.vendor.requests.length === 1);
    await other.cancel(id);
    await eventually(() => states(house)[0] === "aborted");
    await other.close();
  });
});

describe.concurrent("whoever has lost", () => {
  const race = (slow: Reply) => ({
    script: [
      { when: { model: "slow" }, reply: slow },
      { when: { model: "slower" }, reply: { ...slow, first_token_ms: 60_000 } },
    ],
    prices: { m: PRICE, slow: PRICE, slower: PRICE },
  });

  test.each([
    ["first", { join: "first" }, ["oa/slow", "an/slower", "oa/m", "an/slow"], 1],
    ["quorum", { quorum: 2 }, ["oa/slow", "oa/m", "an/slower", "an/m"], 2],
  ] as const)("a join by %s has its socket closed, and the run does not wait for it", async (_, join, agents, won) => {
    await using house = await openHouse(race(TRICKLE));
    const run = await house.play("fan_out", { task: "t", agents, ...join });
    expect(run).toMatchObject({ status: "succeeded", held: 0 });
    const { branches } = run.output as { branches: { status: string }[] };
    expect(branches.filter(({ status }) => status === "succeeded")).toHaveLength(won);
    expect(branches.filter(({ status }) => status === "cancelled")).toHaveLength(4 - won);
    await eventually(() => house.vendor.report().open === 0);
    expect(states(house).filter((state) => state === "aborted")).toHaveLength(4 - won);
  });

  test("a race against the clock has its socket closed, and keeps the others", async () => {
    await using house = await openHouse(race(TRICKLE));
    const agents = ["oa/slow", "oa/m", "an/slower"];
    const run = await house.play("fan_out", { task: "t", agents, timeout_seconds: 2 });
    const { branches } = run.output as { branches: { status: string; error?: { code: string } }[] };
    expect(branches.map(({ status, error }) => [status, error?.code])).toEqual([
      ["timed_out", "TIMEOUT"],
      ["succeeded", undefined],
      ["timed_out", "TIMEOUT"],
    ]);
    await eventually(() => house.vendor.report().open === 0);
    expect(states(house)).toEqual(expect.arrayContaining(["aborted", "finished", "aborted"]));
    expect(run.usage).toMatchObject({ calls: 3, partial: true });
  });

  test("a race that fails as a whole: `all` closes the sockets of the rest", async () => {
    await using house = await openHouse({
      script: [{ when: { model: "m" }, reply: { status: 404, latency_ms: 100 } }, { reply: { fault: "hang" } }],
      prices: { m: PRICE, slow: PRICE },
    });
    const agents = ["oa/slow", "oa/m", "an/slow"];
    const run = await house.play("fan_out", { task: "t", agents, join: "all" });
    expect(run).toMatchObject({ status: "failed", error: { code: "UNKNOWN_MODEL" } });
    await eventually(() => house.vendor.report().open === 0);
  });

  test("a step that takes longer than its own limit of time fails, and its socket closes", async () => {
    await using house = await openHouse(race(TRICKLE));
    const steps = [
      { agent: "oa/slow", name: "slow", timeout_seconds: 0.5, fallback: ["an/m"] },
      { agent: "oa/m", name: "next" },
    ];
    const run = await house.play("run_pipeline", { task: "t", steps });
    expect(run).toMatchObject({ status: "succeeded" });
    expect(house.vendor.requests.map(({ model }) => model)).toEqual(["slow", "m", "m"]);
    await eventually(() => states(house)[0] === "aborted");
  });
});
