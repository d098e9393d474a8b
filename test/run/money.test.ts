import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { NOTHING } from "../../src/core/budget.ts";
import { utcDay } from "../../src/core/clock.ts";
import { toUsd } from "../../src/core/money.ts";
import type { Run } from "../../src/core/store.ts";
import { holdLock } from "../../src/store/sqlite/lock.ts";
import { DIALECTS, eventually, type House, newHome, openHouse, PRICE } from "../house.ts";
import type { Reply } from "../stub/script.ts";
import { startVendor } from "../stub/vendor.ts";

const WIDE = { width: 64, calls: 64, max_output_tokens: 100, min_output_tokens: 100 };
const WIDE_HOUSE = { limits: WIDE, providers: { oa: { concurrency: 64 }, an: { concurrency: 64 } } } as const;

/** So many agents that are asked the very same, so that all reserve the same. */
const alike = (count: number, agent = "oa/m") => ({ task: "What is a baton?", agents: Array(count).fill(agent) });

interface Branches {
  readonly merged?: string;
  readonly branches: readonly { readonly status: string; readonly error?: { readonly code: string } }[];
}
const statuses = ({ output }: Run) => (output as Branches).branches.map(({ status }) => status);
const count = (run: Run, status: string) => statuses(run).filter((each) => each === status).length;

/** What one of these calls reserves. */
async function reserveOf(house: House, agent = "oa/m"): Promise<number> {
  const run = await house.play("fan_out", alike(1, agent));
  const [attempt] = await house.attempts(run.id);
  house.vendor.forget();
  return attempt?.reserve.usd ?? 0;
}

/** Looks at a run's money, over and over, until the run is told. */
async function watched(house: House, id: string, cap: number, run: Promise<Run>): Promise<Run> {
  let over = false;
  const looking = (async () => {
    while (!over) {
      const [node] = await house.store.nodes([`run:${id}`]);
      const { spent, held } = node ?? { spent: { usd: 0 }, held: { usd: 0 } };
      expect(spent.usd + held.usd).toBeLessThanOrEqual(cap);
      expect(house.vendor.report().bill).toBeLessThanOrEqual(spent.usd + held.usd);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  })();
  const told = await run.finally(() => {
    over = true;
  });
  await looking;
  return told;
}

beforeAll(async () => {
  await using house = await openHouse();
  await Promise.all(DIALECTS.map((id) => house.ask(`${id}/m`)));
});

describe("64 calls at once under a small cap", () => {
  const ratios = [
    ["all of it", 1],
    ["half of it", 2],
    ["a fifth of it", 5],
    ["a twentieth of it", 20],
  ] as const;

  test.each(ratios)(
    "that reserve so much and cost %s: as many are made as the cap affords, to the nano-dollar",
    async (_, part) => {
      let usage = { input: 1, output: 1 };
      await using house = await openHouse({
        script: () => ({ usage, latency_ms: Math.random() * 20 }),
        settings: WIDE_HOUSE,
      });
      const reserve = await reserveOf(house);
      const cost = Math.floor(reserve / part / 5000) * 5000;
      usage = { input: cost / 5000, output: cost / 5000 };
      const cap = Math.floor(reserve * (part > 5 ? 2.5 : 6.3));
      const { id } = await house.start("fan_out", alike(64), { budget: { usd: toUsd(cap) } });
      const run = await watched(house, id, cap, house.ended(id));
      const affordable = Math.floor((cap - reserve) / cost) + 1;
      expect(affordable).toBeLessThan(64);
      expect(run.usage).toMatchObject({ calls: affordable, usd: affordable * cost });
      expect(house.vendor.requests).toHaveLength(affordable);
      expect(house.vendor.report().bill).toBe(run.usage.usd);
      expect(run).toMatchObject({ status: "failed", error: { code: "BUDGET_EXCEEDED", kind: "limit", scope: "run" } });
      expect(run.error?.message).toMatch(/cap of money is .* spent, .* held, .* asked/);
      expect(run.error?.hint).toMatch(/raise_budget/);
      expect(run.degraded.length).toBeGreaterThan(0);
      expect(count(run, "succeeded")).toBe(affordable);
      expect(count(run, "refused")).toBe(64 - affordable);
    },
  );

  test("and partial: it succeeds with what it has, and says that it is less", async () => {
    await using house = await openHouse({ script: () => ({ usage: { input: 10, output: 10 } }), settings: WIDE_HOUSE });
    const cap = Math.floor((await reserveOf(house)) * 2.5);
    const run = await house.play("fan_out", alike(64), { budget: { usd: toUsd(cap) }, on_budget: "partial" });
    expect(run).toMatchObject({ status: "succeeded" });
    expect(run.degraded.join()).toMatch(/cap of money/);
    expect(count(run, "succeeded") + count(run, "refused")).toBe(64);
    expect(count(run, "succeeded")).toBe(house.vendor.requests.length);
  });

  test("and ask: it waits for a budget, goes on when it is raised, and asks nothing twice", async () => {
    await using house = await openHouse({ script: () => ({ usage: { input: 10, output: 10 } }), settings: WIDE_HOUSE });
    const reserve = await reserveOf(house);
    const cap = reserve * 2;
    const { id } = await house.start("fan_out", alike(64), { budget: { usd: toUsd(cap) }, on_budget: "ask" });
    const parked = await watched(house, id, cap, house.ended(id));
    const affordable = Math.floor((cap - reserve) / 50_000) + 1;
    expect(parked).toMatchObject({ status: "waiting", held: 0, usage: { calls: affordable } });
    const { waiting } = await house.store.progress(id);
    expect(waiting).toMatchObject([{ kind: "budget", show: { code: "BUDGET_EXCEEDED" } }]);
    const again = await house.raise(id, toUsd(cap + 100_000));
    expect(again).toMatchObject({ status: "waiting", usage: { calls: affordable + 2 } });
    const run = await house.raise(id, 1);
    expect(run).toMatchObject({ status: "succeeded", degraded: [], usage: { calls: 64 } });
    expect(house.vendor.requests).toHaveLength(64);
  });

  test("and ask: money that is given while the last of them are still at work is not asked for again", async () => {
    await using house = await openHouse({
      script: [{ when: { model: "m" }, reply: { latency_ms: 700 } }],
      prices: { m: PRICE, dear: { input: 1000, output: 4000 } },
    });
    const input = { task: "t", agents: ["oa/m", "oa/dear"] };
    const { id } = await house.start("fan_out", input, { budget: { usd: 0.1 }, on_budget: "ask" });
    await eventually(() => house.vendor.requests.length === 1);
    await sleep(200);
    await house.store.raise(id, { usd: 4_000_000_000 }, "test");
    house.engine.nudge(id);
    expect(await house.ended(id)).toMatchObject({ status: "succeeded", degraded: [], usage: { calls: 2 } });
  });

  test("whatever they cost, and however long they take: never a nano-dollar more", async () => {
    const price = fc.integer({ min: 1, max: 200 }).map((tenths) => tenths / 10);
    const world = fc.record({
      width: fc.integer({ min: 1, max: 24 }),
      input: price,
      output: price,
      reserves: fc.double({ min: 0.5, max: 12, noNaN: true }),
      part: fc.double({ min: 0.02, max: 1, noNaN: true }),
      latencies: fc.array(fc.integer({ min: 0, max: 15 }), { minLength: 1, maxLength: 8 }),
      lanes: fc.integer({ min: 1, max: 24 }),
      dialect: fc.constantFrom(...DIALECTS),
    });
    await fc.assert(
      fc.asyncProperty(world, async ({ width, input, output, reserves, part, latencies, lanes, dialect }) => {
        let reply: Reply = {};
        await using house = await openHouse({
          script: ({ n }) => ({ ...reply, latency_ms: latencies[n % latencies.length] ?? 0 }),
          prices: { m: { input, output } },
          settings: { ...WIDE_HOUSE, providers: { [dialect]: { concurrency: lanes } } },
        });
        const reserve = await reserveOf(house, `${dialect}/m`);
        const tokens = Math.max(1, Math.floor((reserve * part) / ((input + output) * 1000)));
        reply = { usage: { input: tokens, output: Math.min(tokens, 100) } };
        const cost = Math.ceil((tokens * input + Math.min(tokens, 100) * output) * 1000 - 1e-6);
        const cap = Math.floor(reserve * reserves);
        const { id } = await house.start("fan_out", alike(width, `${dialect}/m`), { budget: { usd: toUsd(cap) } });
        const run = await watched(house, id, cap, house.ended(id));
        const affordable = cap < reserve ? 0 : Math.floor((cap - reserve) / cost) + 1;
        expect(run.usage).toMatchObject({
          calls: Math.min(width, affordable),
          usd: Math.min(width, affordable) * cost,
        });
        expect(house.vendor.report().bill).toBe(run.usage.usd);
      }),
      { numRuns: 12 },
    );
  }, 60_000);

  test("under a cap of calls: exactly so many", async () => {
    await using house = await openHouse({ settings: WIDE_HOUSE });
    const run = await house.play("fan_out", alike(64), { budget: { calls: 7 } });
    expect(run).toMatchObject({ status: "failed", error: { code: "BUDGET_EXCEEDED" }, usage: { calls: 7 } });
    expect(house.vendor.requests).toHaveLength(7);
  });

  test("under a cap of tokens: as many as fit", async () => {
    await using house = await openHouse({ script: () => ({ usage: { input: 20, output: 30 } }), settings: WIDE_HOUSE });
    const first = await house.play("fan_out", alike(1));
    const [attempt] = await house.attempts(first.id);
    const reserve = attempt?.reserve.tokens ?? 0;
    const run = await house.play("fan_out", alike(64), { budget: { tokens: reserve + 525 } });
    expect(run).toMatchObject({ status: "failed", usage: { calls: 11, input: 220, output: 330 } });
    expect(run.error?.message).toMatch(/cap of tokens/);
  });

  test("do not use up a provider's minute while they wait for money", async () => {
    await using house = await openHouse({
      script: () => ({ usage: { input: 10, output: 10 }, latency_ms: 5 }),
      settings: { ...WIDE_HOUSE, providers: { oa: { concurrency: 64, rpm: 60 } } },
    });
    const cap = Math.floor((await reserveOf(house)) * 3.2);
    const run = await house.play("fan_out", alike(64), { budget: { usd: toUsd(cap) } });
    expect(run.status).toBe("failed");
    expect(house.vendor.requests.length).toBeLessThan(59);
  });
});

describe("the call that closes over greedy branches", () => {
  const GREEDY = { script: ({ system }: { system: string }) => reply(system) };
  const reply = (system: string) => ({ text: "x", usage: system.includes("data-") ? {} : { input: 200, output: 100 } });

  test("of a fan-out still has its money", async () => {
    await using house = await openHouse({ ...GREEDY, settings: WIDE_HOUSE });
    const input = { ...alike(60), aggregator: "oa/m" };
    const { id } = await house.start("fan_out", input, { budget: { usd: 0.3 }, on_budget: "partial" });
    const run = await watched(house, id, 300_000_000, house.ended(id));
    expect(run.status).toBe("succeeded");
    expect((run.output as Branches).merged).toBe("x");
  });

  test("of a fan-out has at least half of what there was", async () => {
    await using house = await openHouse({ ...GREEDY, settings: WIDE_HOUSE });
    const reserve = await reserveOf(house);
    const input = { ...alike(60), aggregator: "oa/m" };
    const cap = reserve * 40;
    const { id } = await house.start("fan_out", input, { budget: { usd: toUsd(cap) }, on_budget: "partial" });
    const run = await watched(house, id, cap, house.ended(id));
    expect(run.status).toBe("succeeded");
    expect(run.usage.usd - (await closingCost(house, id))).toBeLessThanOrEqual(cap / 2);
  });

  test("of a vote, its judge, still has its money", async () => {
    await using house = await openHouse({
      script: ({ system }) =>
        system.includes("You decide between answers")
          ? {}
          : { json: { choice: "yes", confidence: 1, reason: "r" }, usage: { input: 400, output: 100 } },
      settings: WIDE_HOUSE,
    });
    const input = { question: "Is it?", voters: Array(40).fill("oa/m"), method: "judge", quorum: 1 };
    const run = await house.play("consensus_vote", input, { budget: { usd: 0.2 }, on_budget: "partial" });
    const judged = house.vendor.requests.filter(({ system }) => system.includes("You decide between answers"));
    expect(judged).toHaveLength(1);
    expect(run.usage.usd).toBeLessThanOrEqual(200_000_000);
    expect(run.error?.code).not.toBe("BUDGET_EXCEEDED");
  });
});

async function closingCost(house: House, id: string): Promise<number> {
  const closing = (await house.attempts(id)).filter(({ place }) => !place.startsWith("map/"));
  return closing.reduce((sum, { usage }) => sum + usage.usd, 0);
}

describe("the caps of a caller and of a day", () => {
  const COST = { usage: { input: 50, output: 50 } };

  test.each(["caller", "day"] as const)(
    "of a %s hold over two servers on one home, and after they are opened again",
    async (scope) => {
      const home = await newHome();
      const vendor = await startVendor({ script: () => ({ ...COST, latency_ms: 3 }), prices: { m: PRICE } });
      const cap = 5_000_000;
      const settings = { ...WIDE_HOUSE, budgets: { [scope]: { usd: toUsd(cap) } } };
      const houses = await Promise.all([1, 2].map(() => openHouse({ home, vendor, settings })));
      const runs = await Promise.all(houses.flatMap((house) => [1, 2].map(() => house.play("fan_out", alike(40)))));
      const spent = runs.reduce((sum, { usage }) => sum + usage.usd, 0);
      expect(spent).toBeLessThanOrEqual(cap);
      expect(spent).toBe(vendor.report().bill);
      expect(spent).toBeGreaterThan(cap - 700_000 - 250_000);
      for (const run of runs)
        if (run.status === "failed") expect(run.error).toMatchObject({ code: "BUDGET_EXCEEDED", scope });
      expect(runs.some(({ status }) => status === "failed")).toBe(true);
      for (const house of houses) await house.close();

      const asked = vendor.requests.length;
      await using again = await openHouse({ home, vendor, settings });
      const day = utcDay(Date.now());
      const [node] = await again.store.nodes([scope === "day" ? `day:${day}` : `caller:test:${day}`]);
      expect(node).toMatchObject({ spent: { usd: spent }, held: { usd: 0, tokens: 0, calls: 0 } });
      expect(await again.play("fan_out", alike(40))).toMatchObject({
        error: { code: expect.stringMatching(/BUDGET_EXCEEDED|NO_QUORUM/) },
      });
      expect(vendor.requests.length - asked).toBeLessThanOrEqual(1);
      const other = await again.play("run_agent", { task: "t", agent: "oa/m" }, { caller: "somebody else" });
      expect(other.status).toBe(scope === "day" ? "failed" : "succeeded");
      await vendor.close();
    },
  );
});

describe("a call that waits for what another run holds", () => {
  const HELD = 2_300_000;

  test.each([
    ["has ended, and goes on with what that left", { usage: { input: 10, output: 10 }, latency_ms: 300 }, "succeeded"],
    ["was cancelled, and is told that it cost its reserve", { fault: "hang" }, "failed"],
  ] as const)("looks again when that %s", async (_, reply, status) => {
    await using house = await openHouse({
      script: [{ when: { user: "first" }, reply }],
      settings: { budgets: { caller: { usd: toUsd(HELD) } } },
    });
    const first = await house.start("run_agent", { task: "first", agent: "oa/m" });
    await eventually(() => house.vendor.requests.length === 1);
    const second = await house.start("run_agent", { task: "second", agent: "oa/m" });
    await house.becomes(second.id, "running");
    if (status === "failed") await house.cancel(first.id);
    expect(await house.ended(second.id)).toMatchObject({ status });
    expect(house.vendor.requests).toHaveLength(status === "failed" ? 1 : 2);
  });
});

test("a call that waits for what a dead server held looks again when that is settled", async () => {
  await using house = await openHouse({ settings: { budgets: { caller: { usd: 0.0023 } } } });
  const { store, desk } = house;
  const lock = holdLock(join(house.home, ".baton"));
  await store.enlist(lock.identity);
  const needs = ["provider:nobody"];
  const whose = { caller: "test", caps: { explicit: false }, on_budget: "fail", priority: 0, labels: [] } as const;
  const what = { pattern: "run_agent", pattern_version: 1, input: {}, catalogue: desk.pin([]), seed: "s", needs };
  await store.create({ id: "r_dead", ...whose, ...what }, { queued: 10 });
  const claimed = await store.claim(lock.identity.id, needs, [{ name: "run_agent", version: 1 }]);
  const asked = { rung: 0, turn: 0, agent: "a@1", model: "oa/m", input: { system: "", messages: [] } };
  const attempt = { id: 1, generation: 1, place: "a", cached_answer: false, at: Date.now(), ...asked };
  const ask = { input: 1, output: 1, least: 1, card: null, flat: 2_000_000 };
  const node = { id: `caller:test:${utcDay(Date.now())}`, scope: "caller", caps: { usd: 2_300_000 } } as const;
  const fence = { run: "r_dead", epoch: claimed?.run.epoch ?? 0 };
  const hold = { attempt, ask, nodes: [node], aside: NOTHING, steps: [] };
  expect(await store.write(fence, [{ do: "hold", hold }])).toMatchObject([{ did: "held" }]);

  const { id } = await house.start("run_agent", { task: "t", agent: "oa/m" });
  await house.becomes(id, "running");
  await sleep(300);
  expect(house.vendor.requests).toHaveLength(0);
  lock.release();
  expect(await house.ended(id)).toMatchObject({
    status: "failed",
    error: { code: "BUDGET_EXCEEDED", scope: "caller" },
  });
});

describe("the budget of a step", () => {
  test("ends the step and not the run", async () => {
    await using house = await openHouse();
    const steps = [
      { agent: "oa/m", name: "dear", budget: { usd: 0.000001 }, on_error: "skip" },
      { agent: "oa/m", name: "next" },
    ];
    const run = await house.play("run_pipeline", { task: "t", steps });
    expect(run).toMatchObject({ status: "succeeded", usage: { calls: 1 } });
    expect(run.degraded.join()).toMatch(/"dear" was skipped.*step's cap of money/);
  });

  test("fails the run, where nothing else is said, as the step's own failure", async () => {
    await using house = await openHouse();
    const steps = [
      { agent: "oa/m", name: "first" },
      { agent: "oa/m", name: "dear", budget: { calls: 0 } },
    ];
    const run = await house.play("run_pipeline", { task: "t", steps });
    expect(run).toMatchObject({
      status: "failed",
      error: { code: "BUDGET_EXCEEDED", kind: "semantic", scope: "step" },
    });
    expect(run.error?.hint).toMatch(/larger budget/);
    expect(house.vendor.requests).toHaveLength(1);
  });

  test("spans its attempts", async () => {
    await using house = await openHouse({ script: () => ({ status: 500 }) });
    const steps = [{ agent: "oa/m", name: "dear", budget: { calls: 2 } }];
    const run = await house.play("run_pipeline", { task: "t", steps });
    expect(run).toMatchObject({ status: "failed", error: { code: "BUDGET_EXCEEDED", scope: "step" } });
    expect(house.vendor.requests).toHaveLength(2);
  });
});

describe("a budget above the ceiling", () => {
  test("is refused before anything is written, and says what may be asked for", async () => {
    await using house = await openHouse({ settings: { budgets: { run_max: { usd: 2, calls: 100 } } } });
    const input = { task: "t", agent: "oa/m" };
    const refused = { code: "FORBIDDEN", options: { hint: expect.stringContaining("at most 2") } };
    await expect(house.start("run_agent", input, { budget: { usd: 2.01 } })).rejects.toMatchObject(refused);
    await expect(house.start("run_agent", input, { budget: { calls: 101 } })).rejects.toMatchObject({
      code: "FORBIDDEN",
    });
    expect((await house.store.list({ limit: 10 })).runs).toEqual([]);
    expect(await house.play("run_agent", input, { budget: { usd: 2 } })).toMatchObject({ status: "succeeded" });
  });

  test("may be set by a person for a run that is there", async () => {
    await using house = await openHouse({ settings: { budgets: { run_max: { usd: 0.001 } } } });
    const run = await house.ask("oa/m", { on_budget: "ask" });
    expect(run.status).toBe("waiting");
    expect(await house.raise(run.id, 0.01)).toMatchObject({ status: "succeeded" });
  });
});
