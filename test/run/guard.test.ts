import { execFile } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { DIALECTS, eventually, type House, newHome, openHouse, PATIENCE_MS, PRICE } from "../house.ts";
import { startVendor, type Vendor } from "../stub/vendor.ts";

const ONCE = { attempts: 1 };
const DOWN = { status: 500 };

const two = { m: PRICE, spare: PRICE };
const models = ({ requests }: Vendor) => requests.map(({ model }) => model);
const healthOf = (house: House, subject: string) => house.engine.health().find((each) => each.subject === subject);

/** A server of a vendor's that answers as it is told, or not at all. */
async function serving(answer: (path: string) => { readonly status: number; readonly body: object } | undefined) {
  const server = createServer((request, response) => {
    request.resume().once("end", () => {
      const told = answer(request.url ?? "");
      if (!told) return;
      response.writeHead(told.status, { "content-type": "application/json" }).end(JSON.stringify(told.body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    v1: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** All that was open may be tried again. */
const cooled = (house: House) => eventually(() => house.engine.health().every(({ state }) => state !== "open"));

beforeAll(async () => {
  await using house = await openHouse();
  await Promise.all(DIALECTS.map((id) => house.ask(`${id}/m`)));
});

describe("a breaker", () => {
  test("opens after its failures in a row, spares the model, and says so", async () => {
    await using house = await openHouse({
      script: () => DOWN,
      prices: two,
      settings: { retry: ONCE, breaker: { failures: 3, cooldown_seconds: 60 } },
    });
    for (let n = 0; n < 3; n++) expect(await house.ask("oa/m")).toMatchObject({ error: { code: "OVERLOADED" } });
    const spared = await house.ask("oa/m");
    expect(spared).toMatchObject({
      status: "failed",
      error: { code: "CIRCUIT_OPEN", kind: "transient", retryable: true },
    });
    expect(spared.error?.message).toMatch(/oa\/m has failed 3 times/);
    expect(house.vendor.requests).toHaveLength(3);
    const health = healthOf(house, "oa/m");
    expect(health).toMatchObject({ state: "open", failures: 3, last: expect.stringContaining("500") });
    expect(health?.until).toBeGreaterThan(Date.now());
    expect(await house.ask("oa/spare")).toMatchObject({ error: { code: "OVERLOADED" } });
  });

  test("counts the attempts of one call, and stops them when it opens", async () => {
    await using house = await openHouse({
      script: () => DOWN,
      settings: { breaker: { failures: 2, cooldown_seconds: 60 } },
    });
    expect(await house.ask("oa/m")).toMatchObject({ error: { code: "CIRCUIT_OPEN" }, usage: { calls: 2 } });
    expect(house.vendor.requests).toHaveLength(2);
  });

  test("lets a fallback answer meanwhile, at once", async () => {
    await using house = await openHouse({
      script: [{ when: { model: "m" }, reply: DOWN }],
      prices: two,
      settings: { retry: ONCE, breaker: { failures: 1, cooldown_seconds: 60 } },
      agents: { pair: { models: ["oa/m", "an/spare"] } },
    });
    await house.ask("pair");
    expect(await house.ask("pair")).toMatchObject({ status: "succeeded", usage: { calls: 1 } });
    expect(models(house.vendor)).toEqual(["m", "spare", "spare"]);
  });

  test("tries again after its cool-down, and closes on a good answer", async () => {
    await using house = await openHouse({
      script: [{ calls: "1-2", reply: DOWN }],
      settings: { retry: ONCE, breaker: { failures: 2, cooldown_seconds: 0.3 } },
    });
    await house.ask("oa/m");
    await house.ask("oa/m");
    expect(healthOf(house, "oa/m")).toMatchObject({ state: "open" });
    await cooled(house);
    expect(await house.ask("oa/m")).toMatchObject({ status: "succeeded" });
    expect(healthOf(house, "oa/m")).toMatchObject({ state: "closed", failures: 0 });
    expect(await house.ask("oa/m")).toMatchObject({ status: "succeeded" });
    expect(house.vendor.requests).toHaveLength(4);
  });

  test("opens again where the trial fails, with one request and not with as many as wait", async () => {
    await using house = await openHouse({
      script: () => DOWN,
      settings: { retry: ONCE, breaker: { failures: 2, cooldown_seconds: 0.3 } },
    });
    await house.ask("oa/m");
    await house.ask("oa/m");
    await cooled(house);
    const run = await house.play("fan_out", { task: "t", items: [1, 2, 3, 4, 5, 6], agent: "oa/m" });
    expect(run.usage.calls).toBe(1);
    expect(house.vendor.requests).toHaveLength(3);
    expect(healthOf(house, "oa/m")).toMatchObject({ state: "open" });
  });

  test("never counts a 429, however many there are", async () => {
    await using house = await openHouse({
      script: [{ calls: "1-9", reply: { status: 429 } }],
      settings: { retry: ONCE, breaker: { failures: 2, cooldown_seconds: 60 } },
    });
    for (let n = 0; n < 9; n++) expect(await house.ask("oa/m")).toMatchObject({ error: { code: "RATE_LIMITED" } });
    expect(await house.ask("oa/m")).toMatchObject({ status: "succeeded" });
    expect(house.engine.health().filter(({ state }) => state !== "closed")).toEqual([]);
  });

  test.each(DIALECTS)(
    "of %s opens at once for a bad key, for all its models, and closes when the key is good",
    async (id) => {
      await using house = await openHouse({
        script: [{ calls: 1, reply: { status: 401 } }],
        prices: two,
        settings: { breaker: { failures: 5, cooldown_seconds: 0.5 } },
      });
      expect(await house.ask(`${id}/m`)).toMatchObject({ error: { code: "UNAUTHORIZED" } });
      expect(healthOf(house, id)).toMatchObject({ state: "open", last: expect.stringContaining("401") });
      expect(await house.ask(`${id}/spare`)).toMatchObject({ error: { code: "CIRCUIT_OPEN" } });
      expect(house.vendor.requests).toHaveLength(1);
      await cooled(house);
      expect(await house.ask(`${id}/spare`)).toMatchObject({ status: "succeeded" });
      expect(healthOf(house, id)).toMatchObject({ state: "closed", failures: 0 });
    },
  );

  test("that is open keeps no command from its end", async () => {
    const home = await newHome();
    await using house = await openHouse({ script: () => ({ status: 401 }) });
    const settings = { model: "oa/m", providers: { oa: { type: "openai", base_url: house.vendor.v1, free: true } } };
    await writeFile(join(home, "baton.yaml"), JSON.stringify(settings));
    const cli = fileURLToPath(new URL("../../src/cli.ts", import.meta.url));
    const ended = promisify(execFile)(process.execPath, [cli, "run", "run_agent", "--agent", "writer", "--task", "t"], {
      cwd: home,
      timeout: PATIENCE_MS,
    });
    await expect(ended).rejects.toMatchObject({ killed: false, stderr: expect.stringContaining("UNAUTHORIZED") });
    await rm(home, { recursive: true });
  });

  test("opens for a whole provider that cannot be reached, and closes when it is back", async () => {
    const first = await startVendor();
    const { port } = first;
    await first.close();
    await using house = await openHouse({
      prices: two,
      settings: {
        retry: ONCE,
        breaker: { failures: 2, cooldown_seconds: 0.5 },
        providers: { oa: { base_url: first.v1 } },
      },
    });
    await house.ask("oa/m");
    await house.ask("oa/spare");
    expect(healthOf(house, "oa")).toMatchObject({ state: "open" });
    expect(await house.ask("oa/m")).toMatchObject({ error: { code: "CIRCUIT_OPEN" } });
    await cooled(house);
    const back = await startVendor({ port });
    expect(await house.ask("oa/m")).toMatchObject({ status: "succeeded" });
    expect(healthOf(house, "oa")).toMatchObject({ state: "closed" });
    await back.close();
  });

  test.each([
    ["has no list of models", 404],
    ["shows its list of models to nobody", 403],
  ] as const)("closes too where the provider %s", async (_, listing) => {
    let fails = 1;
    await using server = await serving((path) => {
      if (path.endsWith("/models")) return { status: listing, body: { error: { message: "no" } } };
      if (fails-- > 0) return { status: 500, body: {} };
      const choices = [{ index: 0, message: { role: "assistant", content: "well" }, finish_reason: "stop" }];
      return { status: 200, body: { choices, usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } } };
    });
    const providers = { oa: { base_url: server.v1 } };
    await using house = await openHouse({
      settings: { retry: ONCE, breaker: { failures: 1, cooldown_seconds: 0.3 }, providers },
    });
    await house.ask("oa/m");
    await cooled(house);
    const run = await house.ask("oa/m");
    expect(run.error).toBeUndefined();
    expect(run).toMatchObject({ status: "succeeded", output: "well" });
  });

  test("opens again where the provider hangs when it is tried, and nothing is charged for that", async () => {
    await using server = await serving((path) => (path.endsWith("/models") ? undefined : { status: 500, body: {} }));
    await using house = await openHouse({
      settings: {
        retry: ONCE,
        breaker: { failures: 1, cooldown_seconds: 0.3 },
        limits: { first_token_seconds: 0.5 },
        providers: { oa: { base_url: server.v1 } },
      },
    });
    await house.ask("oa/m");
    await cooled(house);
    expect(await house.ask("oa/m")).toMatchObject({ status: "failed", error: { code: "TIMEOUT" }, usage: { usd: 0 } });
    expect(healthOf(house, "oa/m")).toMatchObject({ state: "open" });
  });

  test("does not count a step that was given too little time", async () => {
    await using house = await openHouse({
      script: [{ calls: "1-3", reply: { fault: "hang" } }],
      settings: { breaker: { failures: 2, cooldown_seconds: 60 } },
    });
    const steps = [{ agent: "oa/m", timeout_seconds: 0.2 }];
    for (let n = 0; n < 3; n++)
      expect(await house.play("run_pipeline", { task: "t", steps })).toMatchObject({ error: { code: "TIMEOUT" } });
    expect(house.engine.health().filter(({ state }) => state !== "closed")).toEqual([]);
    expect(await house.ask("oa/m")).toMatchObject({ status: "succeeded" });
  });

  test("of an agent opens for it alone, where its model answers others", async () => {
    await using house = await openHouse({
      script: [{ when: { system: "You are sad" }, reply: DOWN }],
      settings: { retry: ONCE, breaker: { failures: 2, cooldown_seconds: 60 } },
      agents: { sad: { models: ["oa/m"] }, glad: { models: ["oa/m"] } },
    });
    for (const agent of ["sad", "glad", "sad", "glad"]) await house.ask(agent);
    expect(await house.ask("sad")).toMatchObject({ error: { code: "CIRCUIT_OPEN" } });
    expect(await house.ask("glad")).toMatchObject({ status: "succeeded" });
    expect(healthOf(house, "agent:sad")).toMatchObject({ state: "open" });
    expect(house.vendor.requests).toHaveLength(5);
  });
});

describe("at once", () => {
  const items = Array.from({ length: 50 }, (_, n) => n);

  test("a provider never sees more than its cap, and sees that many", async () => {
    await using house = await openHouse({
      script: () => ({ latency_ms: 15 }),
      settings: { providers: { oa: { concurrency: 3 } } },
    });
    const run = await house.play("fan_out", { task: "t", items, agent: "oa/m" });
    expect(run).toMatchObject({ status: "succeeded", usage: { calls: 50 } });
    expect(house.vendor.report().most_at_once).toBe(3);
  });

  test("a provider does not see the next request before the last one, which was given up, is gone", async () => {
    await using house = await openHouse({
      script: [{ when: { model: "slow" }, reply: { fault: "hang" } }],
      prices: { ...two, slow: PRICE },
      settings: { providers: { oa: { concurrency: 2 } }, breaker: { failures: 99 } },
    });
    const agents = ["oa/slow", "oa/m", "oa/m"];
    await Promise.all(items.slice(30).map(() => house.play("fan_out", { task: "t", agents, join: "first" })));
    expect(house.vendor.report().most_at_once).toBe(2);
  });

  test("all providers and runs together have no more than limits.calls", async () => {
    await using house = await openHouse({
      script: () => ({ latency_ms: 15 }),
      settings: { limits: { calls: 4 }, providers: { oa: { concurrency: 50 }, an: { concurrency: 50 } } },
    });
    const ends = await Promise.all(
      DIALECTS.map((id) => house.play("fan_out", { task: "t", items: items.slice(25), agent: `${id}/m` })),
    );
    expect(ends.map(({ status }) => status)).toEqual(["succeeded", "succeeded"]);
    expect(house.vendor.report().most_at_once).toBe(4);
  });

  test("an agent has no more than its own cap, in all runs together", async () => {
    await using house = await openHouse({
      script: () => ({ latency_ms: 15 }),
      agents: { shy: { models: ["oa/m"], own: { concurrency: 2 } } },
    });
    await Promise.all([1, 2].map(() => house.play("fan_out", { task: "t", items: items.slice(40), agent: "shy" })));
    expect(house.vendor.requests).toHaveLength(20);
    expect(house.vendor.report().most_at_once).toBe(2);
  });

  test("a call that sleeps before its next attempt holds no slot", async () => {
    const later = { status: 503, headers: { "retry-after": "1" } };
    await using house = await openHouse({
      script: [{ when: { user: "first" }, calls: 1, reply: later }],
      settings: { limits: { calls: 1 }, retry: { max_ms: 5000 } },
    });
    const first = await house.start("run_agent", { task: "first", agent: "oa/m" });
    await eventually(() => house.vendor.requests[0]?.state === "finished");
    expect(await house.play("run_agent", { task: "second", agent: "oa/m" })).toMatchObject({ status: "succeeded" });
    expect(await house.ended(first.id)).toMatchObject({ status: "succeeded", usage: { calls: 2 } });
    expect(house.vendor.requests.map(({ user }) => user)).toEqual(["first", "second", "first"]);
  });

  test("no more requests a minute leave than a provider allows; the others wait their turn", async () => {
    await using house = await openHouse({ settings: { providers: { oa: { rpm: 5 } } } });
    const { id } = await house.start("fan_out", { task: "t", items: items.slice(40), agent: "oa/m" });
    await eventually(() => house.vendor.requests.length === 5);
    await sleep(300);
    expect(house.vendor.requests).toHaveLength(5);
    expect(await house.ask("an/m")).toMatchObject({ status: "succeeded" });
    await house.cancel(id);
  });

  test("no more tokens a minute may be used than a provider allows", async () => {
    await using house = await openHouse({ settings: { providers: { oa: { tpm: 2000 } } } });
    const { id } = await house.start("fan_out", { task: "t", items: items.slice(40), agent: "oa/m" });
    await eventually(() => house.vendor.requests.length > 0);
    await sleep(300);
    expect(house.vendor.requests.length).toBeLessThanOrEqual(3);
    await house.cancel(id);
  });

  test("calls that were taken back before they left do not count against a provider's minute", async () => {
    await using house = await openHouse({
      script: [{ when: { user: "block" }, reply: { fault: "hang" } }],
      settings: { providers: { oa: { rpm: 5, concurrency: 1 } } },
    });
    const block = await house.start("run_agent", { task: "block", agent: "oa/m" });
    await eventually(() => house.vendor.requests.length === 1);
    const many = await house.start("fan_out", { task: "t", items, agent: "oa/m" });
    await house.becomes(many.id, "running");
    await house.cancel(many.id);
    await house.cancel(block.id);
    expect(await house.ask("oa/m")).toMatchObject({ status: "succeeded" });
  });

  test("queued runs are played by priority, then in the order of their start", async () => {
    await using house = await openHouse({
      script: [{ when: { user: "block" }, reply: { fault: "hang" } }],
      settings: { limits: { runs: 1 } },
    });
    const block = await house.start("run_agent", { task: "block", agent: "oa/m" });
    await house.becomes(block.id, "running");
    const wishes = [
      ["a", 0],
      ["b", 0],
      ["c", 5],
      ["d", -5],
      ["e", 5],
    ] as const;
    const runs = [];
    for (const [task, priority] of wishes) {
      runs.push(await house.start("run_agent", { task, agent: "oa/m" }, { priority }));
      await sleep(2);
    }
    expect(house.engine.queuedBecause(runs[0] ?? block)).toMatch(/limits\.runs/);
    await house.cancel(block.id);
    await Promise.all(runs.map(({ id }) => house.ended(id)));
    expect(house.vendor.requests.map(({ user }) => user)).toEqual(["block", "c", "e", "a", "b", "d"]);
  });

  test("no more runs are played than limits.runs", async () => {
    await using house = await openHouse({
      script: () => ({ latency_ms: 20 }),
      settings: { limits: { runs: 2 }, providers: { oa: { concurrency: 50 } } },
    });
    const runs = await Promise.all(items.slice(40).map(() => house.ask("oa/m")));
    expect(new Set(runs.map(({ status }) => status))).toEqual(new Set(["succeeded"]));
    expect(house.vendor.report().most_at_once).toBe(2);
  });
});

describe("a provider that asks to be left alone", () => {
  test("again, while others already wait for it, is left alone; nobody spins meanwhile", async () => {
    const limited = { status: 429, headers: { "retry-after": "2" } };
    let commits = 0;
    await using house = await openHouse({
      script: [
        { when: { user: "slow" }, calls: 1, reply: { ...limited, latency_ms: 1800 } },
        { when: { user: "first" }, calls: 1, reply: limited },
      ],
      afterCommit: () => commits++,
    });
    const slow = await house.start("run_agent", { task: "slow", agent: "oa/m" });
    await eventually(() => house.vendor.requests.length === 1);
    const first = await house.start("run_agent", { task: "first", agent: "oa/m" });
    await house.becomes(first.id, "waiting");
    const last = await house.start("run_agent", { task: "last", agent: "oa/m" });
    await house.becomes(last.id, "waiting");
    commits = 0;
    for (const { id } of [slow, first, last]) expect(await house.ended(id)).toMatchObject({ status: "succeeded" });
    const [, second] = (await house.attempts(slow.id)).map(({ at }) => at);
    const asked = house.vendor.requests.map(({ at }) => at);
    expect(asked.filter((at) => at < (asked[0] ?? 0) + 3700)).toHaveLength(2);
    expect(second).toBeDefined();
    expect(commits).toBeLessThan(60);
  });

  test("is waited for where the other model is spared by its breaker", async () => {
    await using house = await openHouse({
      script: [
        { when: { model: "m" }, reply: DOWN },
        { when: { model: "spare" }, calls: 1, reply: { status: 429, headers: { "retry-after": "1" } } },
      ],
      prices: two,
      settings: { retry: ONCE, breaker: { failures: 1, cooldown_seconds: 60 } },
      agents: { pair: { models: ["oa/m", "an/spare"] } },
    });
    await house.ask("pair");
    expect(models(house.vendor)).toEqual(["m", "spare"]);
    expect(await house.ask("pair")).toMatchObject({ status: "succeeded", usage: { calls: 1 } });
    expect(models(house.vendor)).toEqual(["m", "spare", "spare"]);
  });
});
