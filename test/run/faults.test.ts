import { beforeAll, describe, expect, test } from "vitest";
import type { Code } from "../../src/core/errors.ts";
import { DIALECTS, eventually, newHome, openHouse, PRICE } from "../house.ts";
import type { Reply } from "../stub/script.ts";
import { startVendor } from "../stub/vendor.ts";

const PAGE = "<!doctype html><html><body><h1>502 Bad Gateway</h1></body></html>";
const says = (message: string, more: object = {}) => ({ error: { message, ...more } });

/** How a fault is told: its code, how often it is asked in all, and whether anybody can say that it was not billed. */
interface Told {
  readonly code: Code;
  readonly requests: 1 | 4;
  readonly charged: "nothing" | "the reserve";
  /** The limit of time that ends it. */
  readonly limit?: "first_token_seconds" | "idle_seconds" | "call_seconds";
}

const permanent = (code: Code): Told => ({ code, requests: 1, charged: "nothing" });
const passing = (code: Code): Told => ({ code, requests: 4, charged: "nothing" });
const doubtful = (code: Code): Told => ({ code, requests: 4, charged: "the reserve" });
const late = (limit: NonNullable<Told["limit"]>): Told => ({ ...doubtful("TIMEOUT"), limit });

const ENDLESS = { chunks: 5000, chunk_ms: 20, text: "a word ".repeat(5000) };

const faults: readonly (readonly [string, Reply, Told])[] = [
  ["401", { status: 401 }, permanent("UNAUTHORIZED")],
  ["402", { status: 402 }, permanent("QUOTA_EXHAUSTED")],
  ["429 for a used up quota", { status: 429, body: says("insufficient_quota") }, permanent("QUOTA_EXHAUSTED")],
  ["404", { status: 404, body: says("model_not_found") }, permanent("UNKNOWN_MODEL")],
  ["400", { status: 400, body: says("messages: wrong") }, permanent("BAD_REQUEST")],
  ["413", { status: 413 }, permanent("TOO_LARGE")],
  ["429", { status: 429 }, passing("RATE_LIMITED")],
  ["500", { status: 500 }, passing("OVERLOADED")],
  ["502 with a page of HTML", { status: 502, body: PAGE }, passing("OVERLOADED")],
  ["529", { status: 529 }, passing("OVERLOADED")],
  ["silence before the first token", { fault: "hang" }, late("first_token_seconds")],
  ["silence in the middle of its stream", { fault: "hang_midway" }, late("idle_seconds")],
  ["a stream without end", ENDLESS, late("call_seconds")],
  ["a stream that is cut", { fault: "cut" }, doubtful("NETWORK")],
  ["a socket that dies before the headers", { fault: "reset" }, doubtful("NETWORK")],
  ["a stream that ends too soon", { fault: "unfinished" }, doubtful("NETWORK")],
  ["an error in its stream", { fault: "error_event" }, doubtful("OVERLOADED")],
  ["200 and broken JSON", { fault: "malformed" }, doubtful("OVERLOADED")],
  ["200 and a page of HTML", { fault: "html" }, doubtful("OVERLOADED")],
];

const impatient = (limit: Told["limit"], seconds: number) => ({ limits: limit ? { [limit]: seconds } : {} });

// The SDKs are loaded with the first call, and that takes longer than some limits here.
beforeAll(async () => {
  await using house = await openHouse();
  await Promise.all(DIALECTS.map((id) => house.ask(`${id}/m`)));
});

describe.each(DIALECTS)("a provider of the dialect %s that answers", (id) => {
  test.concurrent.each(faults)(
    "%s is classified, retried, charged and traced as what it is",
    async (_, reply, told) => {
      await using house = await openHouse({ script: () => reply, settings: impatient(told.limit, 0.5) });
      const run = await house.ask(`${id}/m`);
      const retryable = told.requests > 1;
      const kind = retryable ? "transient" : "permanent";
      const error = { code: told.code, kind, retryable, agent: expect.stringContaining(`${id}/m@`), step: `${id}\\/m` };
      expect(run).toMatchObject({ status: "failed", error });
      if (!retryable) expect(run.error?.hint).toMatch(/\w/);
      expect(house.vendor.requests).toHaveLength(told.requests);
      const attempts = await house.attempts(run.id);
      const estimated = told.charged === "the reserve";
      expect(attempts).toHaveLength(told.requests);
      for (const attempt of attempts)
        expect(attempt).toMatchObject({ state: "settled", result: "failed", error: { code: told.code }, estimated });
      const reserved = attempts.reduce((sum, { reserve }) => sum + reserve.usd, 0);
      expect(run.usage).toMatchObject({ usd: estimated ? reserved : 0, calls: told.requests });
      expect(run.usage.partial ?? false).toBe(estimated);
      await eventually(() => house.vendor.report().open === 0);
    },
  );

  test.concurrent.each(faults)(
    "%s once is made good by the next attempt, or by the fallback",
    async (_, reply, told) => {
      await using house = await openHouse({
        script: [{ calls: 1, reply }, { reply: { text: "fine", usage: { input: 10, output: 10 } } }],
        settings: impatient(told.limit, 2),
        agents: { pair: { models: [`${id}/m`, `${id === "oa" ? "an" : "oa"}/m`] } },
      });
      const run = await house.ask("pair");
      const [first, second] = await house.attempts(run.id);
      expect(run).toMatchObject({ status: "succeeded", output: "fine" });
      expect(second).toMatchObject({ result: "ok", rung: told.requests > 1 ? 0 : 1 });
      expect(run.usage.usd).toBe((told.charged === "nothing" ? 0 : (first?.reserve.usd ?? 0)) + 10_000 + 40_000);
      expect(house.vendor.requests).toHaveLength(2);
    },
  );

  test("nothing, since it refuses the connection: it is tried again, costs nothing, and the hint asks for the address", async () => {
    const gone = await startVendor();
    await gone.close();
    const base_url = id === "oa" ? gone.v1 : gone.origin;
    await using house = await openHouse({ settings: { providers: { [id]: { base_url } } } });
    const run = await house.ask(`${id}/m`);
    const error = { code: "NETWORK", hint: expect.stringContaining("base_url") };
    expect(run).toMatchObject({ status: "failed", error, usage: { usd: 0 } });
    expect(await house.attempts(run.id)).toHaveLength(4);
  });
});

describe.concurrent("a fallback model", () => {
  test("answers once the first has failed at its four attempts", async () => {
    await using house = await openHouse({
      script: [{ when: { model: "m" }, reply: { status: 500 } }],
      prices: { m: PRICE, spare: PRICE },
      agents: { pair: { models: ["oa/m", "an/spare"] } },
    });
    const run = await house.ask("pair");
    expect(run).toMatchObject({ status: "succeeded" });
    expect(house.vendor.requests.map(({ model }) => model)).toEqual(["m", "m", "m", "m", "spare"]);
  });

  test("is asked at once where trying again would not help", async () => {
    await using house = await openHouse({
      script: [{ when: { model: "m" }, reply: { status: 401 } }],
      prices: { m: PRICE, spare: PRICE },
      agents: { pair: { models: ["oa/m", "an/spare"] } },
    });
    expect(await house.ask("pair")).toMatchObject({ status: "succeeded" });
    expect(house.vendor.requests.map(({ model }) => model)).toEqual(["m", "spare"]);
  });

  test("leaves the last failure to tell where it fails too", async () => {
    await using house = await openHouse({
      script: [
        { when: { model: "m" }, reply: { status: 404 } },
        { when: { model: "spare" }, reply: { status: 529 } },
      ],
      prices: { m: PRICE, spare: PRICE },
      agents: { pair: { models: ["oa/m", "an/spare"] } },
    });
    const run = await house.ask("pair");
    expect(run).toMatchObject({
      status: "failed",
      error: { code: "OVERLOADED", message: expect.stringContaining("4 attempts") },
    });
    expect(house.vendor.requests).toHaveLength(5);
  });
});

describe.concurrent("the patience of an agent", () => {
  test.each([
    ["first_token_seconds", { fault: "hang" }, /sent nothing for 0\.4 s/],
    ["idle_seconds", { fault: "hang_midway" }, /fell silent for 0\.4 s/],
    ["call_seconds", ENDLESS, /had not ended after 0\.4 s/],
  ] as const)("goes before the settings: %s", async (limit, reply, words) => {
    await using house = await openHouse({
      script: () => reply,
      agents: { hasty: { models: ["an/m"], own: { [limit]: 0.4, retry: { attempts: 1 } } } },
    });
    const run = await house.ask("hasty");
    expect(run).toMatchObject({ status: "failed", error: { code: "TIMEOUT" } });
    expect(run.error?.message).toMatch(words);
  });

  test("is not lost while tokens trickle in, nor while a server of its own is silent and thinks", async () => {
    await using house = await openHouse({
      script: () => ({ text: "slow but sure", first_token_ms: 600, chunks: 8, chunk_ms: 100 }),
      settings: { limits: { first_token_seconds: 10, idle_seconds: 5 } },
    });
    expect(await house.ask("oa/m")).toMatchObject({ status: "succeeded", output: "slow but sure" });
    expect(house.vendor.requests).toHaveLength(1);
  });
});

describe.concurrent("the settings of retry", () => {
  test("an agent's own count of attempts goes before the settings", async () => {
    await using house = await openHouse({
      script: () => ({ status: 500 }),
      agents: { hasty: { models: ["oa/m"], own: { retry: { attempts: 2 } } } },
    });
    expect(await house.ask("hasty")).toMatchObject({ status: "failed" });
    expect(house.vendor.requests).toHaveLength(2);
  });

  test("a step's own count goes before its agent's", async () => {
    await using house = await openHouse({
      script: () => ({ status: 500 }),
      agents: { hasty: { models: ["oa/m"], own: { retry: { attempts: 3 } } } },
    });
    await house.play("run_pipeline", { task: "t", steps: [{ agent: "hasty", retry: { attempts: 1 } }] });
    expect(house.vendor.requests).toHaveLength(1);
  });

  test("what is not listed in `on` is not tried again", async () => {
    await using house = await openHouse({ script: () => ({ status: 500 }), settings: { retry: { on: ["network"] } } });
    expect(await house.ask("oa/m")).toMatchObject({ status: "failed", error: { code: "OVERLOADED" } });
    expect(house.vendor.requests).toHaveLength(1);
  });

  test("the pauses grow, and end at the longest", async () => {
    await using house = await openHouse({
      script: () => ({ status: 500 }),
      settings: { retry: { attempts: 5, initial_ms: 10, factor: 10, max_ms: 60 }, breaker: { failures: 50 } },
    });
    const began = performance.now();
    await house.ask("oa/m");
    expect(performance.now() - began).toBeLessThan(5000);
    expect(house.vendor.requests).toHaveLength(5);
  });
});

describe.concurrent("a 429 that says when to come back", () => {
  test("soon: the call waits that long and goes on", async () => {
    const limited = { status: 429, headers: { "retry-after-ms": "120" } };
    await using house = await openHouse({
      script: [{ calls: 1, reply: limited }],
      settings: { retry: { max_ms: 5000 } },
    });
    const run = await house.ask("oa/m");
    const [first, second] = house.vendor.requests;
    expect(run).toMatchObject({ status: "succeeded", usage: { calls: 2 } });
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(110);
  });

  test("later than anybody waits: the next fallback is asked", async () => {
    const limited = { status: 429, headers: { "retry-after": "3600" } };
    await using house = await openHouse({
      script: [{ when: { model: "m" }, reply: limited }],
      prices: { m: PRICE, spare: PRICE },
      agents: { pair: { models: ["oa/m", "an/spare"] } },
    });
    expect(await house.ask("pair")).toMatchObject({ status: "succeeded" });
    expect(await house.ask("pair")).toMatchObject({ status: "succeeded" });
    expect(house.vendor.requests.map(({ model }) => model)).toEqual(["m", "spare", "spare"]);
  });

  test("later than anybody waits, and no fallback: the run is put down for a timer, and goes on by itself", async () => {
    const limited = { status: 429, headers: { "retry-after": "1" } };
    await using house = await openHouse({ script: [{ calls: 1, reply: limited }] });
    const { id } = await house.start("run_agent", { task: "t", agent: "oa/m" });
    const parked = await house.becomes(id, "waiting");
    expect(parked.held).toBe(0);
    const { waiting } = await house.store.progress(id);
    expect(waiting).toMatchObject([{ kind: "timer", state: "open" }]);
    expect(await house.ended(id)).toMatchObject({ status: "succeeded", usage: { calls: 2 } });
    const [first, second] = house.vendor.requests;
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(990);
  });

  test("each time anew: four attempts, and no more", async () => {
    const limited = { status: 429, headers: { "retry-after-ms": "80" } };
    await using house = await openHouse({ script: () => limited });
    expect(await house.ask("oa/m")).toMatchObject({ status: "failed", error: { code: "RATE_LIMITED" } });
    expect(house.vendor.requests).toHaveLength(4);
  });

  test("a second run does not ask meanwhile, and another provider is not kept from its work", async () => {
    const limited = { status: 429, headers: { "retry-after": "1" } };
    await using house = await openHouse({ script: [{ calls: 1, reply: limited }], settings: { limits: { runs: 1 } } });
    const first = await house.start("run_agent", { task: "t", agent: "oa/m" });
    await house.becomes(first.id, "waiting");
    const second = await house.start("run_agent", { task: "u", agent: "oa/m" });
    await house.becomes(second.id, "waiting");
    expect(await house.ask("an/m")).toMatchObject({ status: "succeeded" });
    expect(house.vendor.requests.map(({ dialect }) => dialect)).toEqual(["openai", "anthropic"]);
    expect(await house.ended(first.id)).toMatchObject({ status: "succeeded" });
    expect(await house.ended(second.id)).toMatchObject({ status: "succeeded", usage: { calls: 1 } });
  });

  test("the wait outlives the server", async () => {
    const home = await newHome();
    const vendor = await startVendor({
      script: [{ calls: 1, reply: { status: 429, headers: { "retry-after": "2" } } }],
    });
    const before = await openHouse({ home, vendor });
    const { id } = await before.start("run_agent", { task: "t", agent: "oa/m" });
    await before.becomes(id, "waiting");
    await before.close();
    await using after = await openHouse({ home, vendor });
    after.engine.awaken();
    expect(await after.ended(id)).toMatchObject({ status: "succeeded", usage: { calls: 2 } });
    await vendor.close();
  });

  test("branches that are limited together go on together", async () => {
    const limited = { status: 429, headers: { "retry-after": "1" } };
    await using house = await openHouse({
      script: [{ calls: "1-4", reply: limited }],
      settings: { providers: { oa: { concurrency: 4 } } },
    });
    const run = await house.play("fan_out", { task: "t", items: [1, 2, 3, 4], agent: "oa/m" });
    expect(run).toMatchObject({ status: "succeeded", degraded: [], usage: { calls: 8 } });
  });
});

describe.concurrent("a run", () => {
  test("whose branches fail differently tells each as what it is, and keeps the others", async () => {
    await using house = await openHouse({
      script: [
        { when: { model: "key" }, reply: { status: 401 } },
        { when: { model: "slow" }, reply: { fault: "hang" } },
        { when: { model: "down" }, reply: { status: 503 } },
        { when: { model: "no" }, reply: { stop: "refusal", text: "I will not." } },
      ],
      prices: { m: PRICE, key: PRICE, slow: PRICE, down: PRICE, no: PRICE },
      settings: { limits: { first_token_seconds: 1 } },
    });
    const agents = ["oa/m", "an/key", "oa/slow", "oa/down", "oa/no"];
    const run = await house.play("fan_out", { task: "t", agents });
    const { branches } = run.output as { branches: { status: string; error?: { code: string } }[] };
    expect(branches.map(({ status, error }) => [status, error?.code])).toEqual([
      ["succeeded", undefined],
      ["failed", "UNAUTHORIZED"],
      ["timed_out", "TIMEOUT"],
      ["failed", "OVERLOADED"],
      ["refused", "REFUSED"],
    ]);
    expect(run.status).toBe("succeeded");
    expect(run.degraded).toHaveLength(1);
    await eventually(() => house.vendor.report().open === 0);
  });
});
