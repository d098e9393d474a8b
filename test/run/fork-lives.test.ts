import { describe, expect, test } from "vitest";
import type { RunContext } from "../../src/core/pattern.ts";
import { eventually, newHome, PRICE } from "../house.ts";
import { startVendor } from "../stub/vendor.ts";
import { openForkHouse, play, say } from "./forks.ts";

const three = play("three", async (ctx) => [
  await say(ctx, "one", "one"),
  await say(ctx, "two", "two"),
  await say(ctx, "three", "three"),
]);

const patch = (place: string, prompt = "otherwise") => ({ changes: { steps: { [place]: { prompt } } } });

describe("a fork", () => {
  test("of a fork reads that fork's lines, those it has asked and those it has reused", async () => {
    await using house = await openForkHouse({ patterns: [three] });
    const source = await house.play("three", { task: "t" });
    const first = await house.fork(source, patch("two", "two, otherwise"));
    house.fresh();
    const second = await house.fork(first, patch("three", "three, otherwise"));
    expect(house.fresh()).toEqual(["three, otherwise"]);
    const [one, two] = first.output as string[];
    expect((second.output as string[]).slice(0, 2)).toEqual([one, two]);
  });

  test("goes into a pattern that is done, and asks there what has changed", async () => {
    const inner = play("inner", async (ctx, { task }) => [await say(ctx, `${task} a`, "a"), await say(ctx, "b", "b")]);
    const outer = play("outer", async (ctx) => [
      await ctx.run(inner, { task: "in" }),
      await say(ctx, "after", "after"),
      ctx.spent().calls,
    ]);
    await using house = await openForkHouse({ patterns: [outer, inner] });
    const source = await house.play("outer", { task: "t" });
    house.fresh();
    const fork = await house.fork(source, patch("inner/b"));
    expect(house.fresh()).toEqual(["otherwise"]);
    expect(fork.status).toBe("succeeded");
    expect((fork.output as unknown[])[2]).toBe((source.output as unknown[])[2]);
    expect(await house.reused(fork)).toEqual(["inner/a", "after"]);
  });

  test("has a budget of its own: its bill begins at nothing, and its pattern reads what was recorded", async () => {
    const frugal = play("frugal", async (ctx) => {
      for (let n = 1; n <= 4; n++) await say(ctx, `step ${n}`, `s${n}`);
      return ctx.spent().calls;
    });
    await using house = await openForkHouse({ patterns: [frugal] });
    const source = await house.play("frugal", { task: "t" }, { budget: { calls: 3 } });
    expect(source).toMatchObject({ status: "failed", error: { code: "BUDGET_EXCEEDED" }, usage: { calls: 3 } });
    house.fresh();
    const fork = await house.fork(source, { budget: { calls: 1 } });
    expect(fork).toMatchObject({ status: "succeeded", output: 4, usage: { calls: 1 } });
    expect(house.fresh()).toEqual(["step 4"]);
    const poor = await house.fork(source, { ...patch("s1"), from_step: "s1", budget: { calls: 2 } });
    expect(poor).toMatchObject({ status: "failed", error: { code: "BUDGET_EXCEEDED" }, usage: { calls: 2 } });
  });

  test("reads what its source read of time and money, so that a loop that they end makes as many rounds", async () => {
    const loop = play("loop", async (ctx) => {
      const seen: unknown[] = [];
      for (let n = 1; n <= 9 && ctx.spent().usd < 100_000 && ctx.elapsed() < 60_000; n++) {
        await say(ctx, `round ${n}`, `r${n}`);
        seen.push([ctx.spent(), ctx.elapsed(), ctx.random()]);
      }
      return seen;
    });
    await using house = await openForkHouse({ patterns: [loop] });
    const source = await house.play("loop", { task: "t" });
    const rounds = (source.output as unknown[]).length;
    expect(rounds).toBeGreaterThan(1);
    expect(rounds).toBeLessThan(9);
    house.fresh();
    const fork = await house.fork(source, { from_step: `r${rounds}` });
    expect(fork).toMatchObject({ status: "succeeded", usage: { calls: 1 } });
    expect((fork.output as unknown[]).slice(0, -1)).toEqual((source.output as unknown[]).slice(0, -1));
    expect(house.fresh()).toEqual([`round ${rounds}`]);
  });

  test("that fails is retried from its failed step, with what it has reused kept", async () => {
    const down = { status: 400, body: { error: { message: "no", type: "invalid_request_error" } } };
    await using house = await openForkHouse({
      patterns: [three],
      script: [{ when: { user: "otherwise" }, calls: 1, reply: down }, { reply: { text: "fine" } }],
    });
    const source = await house.play("three", { task: "t" });
    const before = house.vendor.requests.length;
    const fork = await house.fork(source, patch("two"));
    expect(fork).toMatchObject({ status: "failed", error: { code: "BAD_REQUEST", step: "two" } });
    const retried = await house.retry(fork.id);
    expect(retried).toMatchObject({ status: "succeeded", generation: 2 });
    expect(house.vendor.requests.slice(before).map(({ user }) => user)).toEqual(["otherwise", "otherwise"]);
  });

  test("is refused where the program of its source is no longer played", async () => {
    const home = await newHome();
    const old = await openForkHouse({ home, patterns: [three] });
    const source = await old.play("three", { task: "t" });
    await old.close();
    await old.vendor.close();
    await using house = await openForkHouse({ home, patterns: [{ ...three, version: 2 }] });
    await expect(house.fork(source)).rejects.toMatchObject({ code: "ILLEGAL_CHANGE" });
  });

  test("goes on after a stop where it stood, in the middle of what it asks", async () => {
    const home = await newHome();
    const wide = play("wide", async (ctx) => {
      const first = await say(ctx, "first", "first");
      const branches = await ctx.map([0, 1, 2], async (n, inner: RunContext) => [
        await say(inner, `a${n}`, "a"),
        await say(inner, `b${n}`, "b"),
      ]);
      return [first, branches, await say(ctx, "last", "last")];
    });
    const slow = { when: { user: "b1 slowly" }, calls: 1, reply: { text: "late", latency_ms: 60_000 } };
    const vendor = await startVendor({ script: [slow, { reply: { text: "fine" } }], prices: { m: PRICE } });
    const shared = { home, vendor, patterns: [wide] };
    const one = await openForkHouse(shared);
    const source = await one.play("wide", { task: "t" });
    const request = { source, caller: "test", ...patch("map/1/b", "b1 slowly") };
    const { run } = await one.engine.fork(request);
    await eventually(() => vendor.requests.some(({ user }) => user === "b1 slowly"));
    await one.close();
    const asked = vendor.requests.length;
    await using two = await openForkHouse(shared);
    two.engine.awaken();
    expect(await two.becomes(run.id, "succeeded")).toMatchObject({ generation: 1, source: source.id });
    expect(vendor.requests.slice(asked).map(({ user }) => user)).toEqual(["b1 slowly"]);
    expect(await two.own(run)).toEqual(["map/1/b"]);
  });
});

describe("a fork foreseen", () => {
  test("tells what it would reuse and ask first, and what that has cost; nobody is asked and nothing written", async () => {
    await using house = await openForkHouse({ patterns: [three] });
    const source = await house.play("three", { task: "t" });
    house.fresh();
    const before = (await house.store.list({ limit: 10 })).runs.length;
    const foreseen = await house.engine.foreseeFork({ source, caller: "test", ...patch("two") });
    const { lines } = await house.store.memory(source.id);
    const cost = (place: string) => lines.find((line) => line.place === place)?.usage?.usd ?? 0;
    expect(foreseen).toMatchObject({
      reused: 1,
      first: ["two"],
      asked: ["two", "three"],
      usd: cost("two") + cost("three"),
    });
    expect(house.fresh()).toEqual([]);
    expect((await house.store.list({ limit: 10 })).runs).toHaveLength(before);
    const nothing = await house.engine.foreseeFork({ source, caller: "test" });
    expect(nothing).toMatchObject({ reused: 3, first: [], asked: [], usd: 0, ends: "succeeded" });
  });

  test("tells the price of the model that answers now, and a change that changes nothing", async () => {
    const prices = { m: { input: 1, output: 1 }, dear: { input: 100, output: 100 } };
    await using house = await openForkHouse({ patterns: [three], prices });
    const source = await house.play("three", { task: "t" });
    const changes = { agents: { "oa/m": { model: "oa/dear" }, critic: { instructions: "x" } } };
    const foreseen = await house.engine.foreseeFork({ source, caller: "test", changes });
    expect(foreseen).toMatchObject({ reused: 0, first: ["one"], asked: ["one", "two", "three"] });
    expect(foreseen.usd / source.usage.usd).toBeCloseTo(100, 0);
    expect(foreseen.notes).toEqual(['nobody named "critic" was asked in the run']);
  });
});
