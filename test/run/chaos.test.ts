import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import { toUsd } from "../../src/core/money.ts";
import { type House, openHouse, PRICE } from "../house.ts";
import type { Asked, Reply } from "../stub/script.ts";

const MOODS: Readonly<Record<string, Reply>> = {
  well: {},
  slow: { first_token_ms: 40 },
  limited: { status: 429, headers: { "retry-after-ms": "5" } },
  away: { status: 429, headers: { "retry-after-ms": "90" } },
  down: { status: 503 },
  key: { status: 401 },
  refuses: { stop: "refusal", text: "No." },
  empty: { text: "" },
  hang: { fault: "hang" },
  midway: { fault: "hang_midway" },
  cut: { fault: "cut" },
  reset: { fault: "reset" },
  malformed: { fault: "malformed" },
  html: { fault: "html" },
};

const world = fc.record({
  moods: fc.array(fc.constantFrom("well", "well", "well", ...Object.keys(MOODS)), { minLength: 1, maxLength: 12 }),
  tokens: fc.integer({ min: 1, max: 120 }),
  width: fc.integer({ min: 2, max: 10 }),
  cap: fc.integer({ min: 200_000, max: 12_000_000 }),
  least: fc.integer({ min: 1, max: 100 }),
  join: fc.constantFrom("settle", "all", "first", "quorum"),
  timeout: fc.constantFrom(undefined, 0.3),
  aggregator: fc.boolean(),
  on_budget: fc.constantFrom("fail", "partial"),
  lanes: fc.integer({ min: 1, max: 10 }),
});

/** The vendor bills what it was asked for, and never more than it was allowed to say. */
function honest({ body, n }: Asked, moods: readonly string[], tokens: number): Reply {
  const most = Number(body["max_tokens"] ?? body["max_completion_tokens"]);
  const usage = { input: 20, output: Math.min(tokens, most) };
  return { text: "word", usage, stop: tokens > most ? "length" : "end", ...MOODS[moods[n % moods.length] ?? "well"] };
}

/** Never, at any moment, is more spent and held than the cap, or more billed than is spent and held. */
async function holds(house: House, id: string, cap: number): Promise<void> {
  for (;;) {
    const [node] = await house.store.nodes([`run:${id}`]);
    const run = await house.store.get(id);
    const gone = (node?.spent.usd ?? 0) + (node?.held.usd ?? 0);
    expect(gone).toBeLessThanOrEqual(cap);
    expect(house.vendor.report().bill).toBeLessThanOrEqual(gone);
    if (run?.ended_at !== undefined) return;
    await sleep(2);
  }
}

test("whatever its vendor does, a run ends in a true state, within its cap, and pays what was billed", async () => {
  await fc.assert(
    fc.asyncProperty(
      world,
      async ({ moods, tokens, width, cap, least, join, timeout, aggregator, on_budget, lanes }) => {
        await using house = await openHouse({
          script: (asked) => honest(asked, moods, tokens),
          bill_aborted: true,
          settings: {
            retry: { attempts: 3 },
            breaker: { failures: 4, cooldown_seconds: 0.05 },
            limits: { max_output_tokens: 100, min_output_tokens: least, first_token_seconds: 0.25, idle_seconds: 0.25 },
            providers: { oa: { concurrency: lanes }, an: { concurrency: lanes } },
          },
          prices: { m: PRICE },
          agents: { pair: { models: ["oa/m", "an/m"] } },
        });
        const agents = Array.from({ length: width }, (_, n) => ["oa/m", "an/m", "pair"][n % 3] ?? "pair");
        const how = join === "quorum" ? { quorum: Math.ceil(width / 2) } : { join };
        const more = { ...(timeout && { timeout_seconds: timeout }), ...(aggregator && { aggregator: "pair" }) };
        const start = { budget: { usd: toUsd(cap) }, on_budget } as const;
        const { id } = await house.start("fan_out", { task: "t", agents, ...how, ...more }, start);
        await Promise.all([holds(house, id, cap), house.ended(id)]);
        const run = await house.ended(id);
        expect(["succeeded", "failed"]).toContain(run.status);
        expect(run.status === "failed").toBe(run.error !== undefined);
        if (run.error) expect(run.error.message).toMatch(/\w/);
        expect(run.usage.usd).toBeLessThanOrEqual(cap);
        const attempts = await house.attempts(id);
        expect(attempts.every(({ state }) => state === "settled")).toBe(true);
        expect(attempts.reduce((sum, { usage }) => sum + usage.usd, 0)).toBe(run.usage.usd);
      },
    ),
    { numRuns: 12 },
  );
}, 120_000);

const YES = { json: { choice: "yes", confidence: 1, reason: "r" } };

const inputs = (agents: readonly string[]) => ({
  run_pipeline: { task: "t", steps: agents.map((agent) => ({ agent })) },
  fan_out: { task: "t", agents, join: "all", aggregator: "an/m" },
  consensus_vote: { question: "Is it?", options: ["yes", "no"], voters: agents, quorum: agents.length },
});

const trouble = fc.record({
  pattern: fc.constantFrom("run_pipeline", "fan_out", "consensus_vote"),
  moods: fc.array(fc.constantFrom("well", ...Object.keys(MOODS)), { minLength: 1, maxLength: 10 }),
  width: fc.integer({ min: 2, max: 6 }),
  calls: fc.integer({ min: 1, max: 8 }),
  on_budget: fc.constantFrom("fail", "ask"),
});

test("once its vendor is well and its budget raised, it comes to a good end, and nothing answered is asked again", async () => {
  await fc.assert(
    fc.asyncProperty(trouble, async ({ pattern, moods, width, calls, on_budget }) => {
      await using house = await openHouse({
        script: ({ n }) => ({
          ...(pattern === "consensus_vote" ? YES : {}),
          ...MOODS[moods[n % moods.length] ?? "well"],
        }),
        settings: {
          retry: { attempts: 2 },
          breaker: { failures: 99, cooldown_seconds: 0.02 },
          limits: { first_token_seconds: 0.25, idle_seconds: 0.25 },
        },
      });
      const agents = Array.from({ length: width }, (_, n) => ["oa/m", "an/m"][n % 2] ?? "oa/m");
      const first = await house.play(pattern, inputs(agents)[pattern], { budget: { calls }, on_budget });
      house.vendor.follow(() => (pattern === "consensus_vote" ? YES : {}));
      await sleep(30);
      const raised = await house.store.raise(first.id, { calls: 500 }, "test").catch(() => first);
      if (first.status === "waiting") house.engine.nudge(first.id);
      let run = first.status === "succeeded" ? first : await house.ended(raised.id);
      for (let tries = 0; run.status === "failed" && tries < 3; tries++) run = await house.retry(run.id);
      expect(run.error).toBeUndefined();
      expect(run.status).toBe("succeeded");
      const good = (await house.attempts(run.id)).filter(({ result }) => result === "ok").map(({ place }) => place);
      expect(good).toEqual([...new Set(good)]);
    }),
    { numRuns: 12 },
  );
}, 120_000);
