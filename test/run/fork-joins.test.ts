import { describe, expect, test } from "vitest";
import type { Join, RunContext } from "../../src/core/pattern.ts";
import { openForkHouse, play, say } from "./forks.ts";

/** Branches by name, joined somehow, and a last step that reads which of them counted. */
const joined = (join: Join, names: readonly string[]) =>
  play("joined", async (ctx) => {
    const branches = await ctx.map(names, (name, inner: RunContext) => say(inner, `ask ${name}`, name), { join });
    const counted = branches.flatMap((branch, n) => (branch.ok ? [names[n]] : []));
    return [counted, await say(ctx, `sum up ${counted.join()}`, "last")];
  });

const slow = (name: string, ms: number) => ({ when: { user: `ask ${name}` }, reply: { text: name, latency_ms: ms } });

describe("a decision in a fork", () => {
  test("is tested again over the branches it counted, and nobody else is asked while it holds", async () => {
    await using house = await openForkHouse({
      patterns: [joined({ kind: "quorum", count: 2 }, ["a", "b", "c"])],
      script: [slow("a", 400), { reply: { text: "fine" } }],
    });
    const source = await house.play("joined", { task: "t" });
    expect(source.output).toMatchObject([["b", "c"], "fine"]);
    const asked = house.vendor.requests.length;
    const fork = await house.fork(source, { changes: { steps: { "map/1/b": { prompt: "ask b otherwise" } } } });
    expect(fork.output).toMatchObject([["b", "c"], "fine"]);
    expect(house.vendor.requests.slice(asked).map(({ user }) => user)).toEqual(["ask b otherwise"]);
    expect(await house.reused(fork)).toEqual(["map/2/c", "last"]);
  });

  test("that no longer holds has the others asked after all", async () => {
    const down = { status: 400, body: { error: { message: "no", type: "invalid_request_error" } } };
    await using house = await openForkHouse({
      patterns: [joined({ kind: "quorum", count: 2 }, ["a", "b", "c"])],
      script: [
        { ...slow("a", 400), calls: 1 },
        { when: { user: "otherwise" }, reply: down },
        { reply: { text: "fine" } },
      ],
    });
    const source = await house.play("joined", { task: "t" });
    const asked = house.vendor.requests.length;
    const fork = await house.fork(source, { changes: { steps: { "map/1/b": { prompt: "ask b otherwise" } } } });
    expect(fork.output).toMatchObject([["a", "c"], "fine"]);
    const users = house.vendor.requests.slice(asked).map(({ user }) => user);
    expect(users).toEqual(["ask b otherwise", "ask a", "sum up a,c"]);
  });

  test("whose failing branch is mended opens all branches of an `all`", async () => {
    const down = { status: 400, body: { error: { message: "no", type: "invalid_request_error" } } };
    await using house = await openForkHouse({
      patterns: [joined({ kind: "all" }, ["a", "b"])],
      script: [{ when: { user: "ask a" }, calls: 1, reply: { ...down, latency_ms: 30 } }, { reply: { text: "fine" } }],
    });
    const source = await house.play("joined", { task: "t" });
    expect(source).toMatchObject({ status: "failed", error: { code: "BAD_REQUEST", step: "map/0/a" } });
    const same = await house.fork(source);
    expect(same).toMatchObject({ status: "failed", error: { code: "BAD_REQUEST" }, usage: { calls: 0 } });
    const fork = await house.fork(source, { from_step: "map/0/a" });
    expect(fork).toMatchObject({ status: "succeeded", output: [["a", "b"], "fine"] });
    expect(await house.reused(fork)).toEqual(["map/1/b"]);
  });

  test("by votes and by a merge: only the changed voter is asked, and who reads it", async () => {
    const vote = (choice: string) => ({ json: { choice, confidence: 0.9, reason: "so" } });
    await using house = await openForkHouse({
      prices: { a: { input: 1, output: 1 }, b: { input: 1, output: 1 }, c: { input: 1, output: 1 } },
      script: [
        { when: { system: "contrary" }, reply: vote("no") },
        { when: { user: "merge-me" }, reply: { text: "part" } },
        { reply: vote("yes") },
      ],
    });
    const voters = ["oa/a", "oa/b", "oa/c"].map((agent) => ({ agent }));
    const source = await house.play("consensus_vote", { question: "Really?", voters, options: ["yes", "no"] });
    expect(source).toMatchObject({ status: "succeeded", output: { decision: "yes" } });
    const asked = house.vendor.requests.length;
    const changes = { agents: { "oa/b": { instructions: "contrary" }, "oa/c": { instructions: "contrary" } } };
    const fork = await house.fork(source, { changes });
    expect(fork).toMatchObject({ status: "succeeded", output: { decision: "no" }, usage: { calls: 2 } });
    expect(
      house.vendor.requests
        .slice(asked)
        .map(({ model }) => model)
        .sort(),
    ).toEqual(["b", "c"]);

    const fan = { task: "merge-me", agents: ["oa/a", "oa/b"], aggregator: "oa/c" };
    const fanned = await house.play("fan_out", fan);
    expect(fanned.status).toBe("succeeded");
    const before = house.vendor.requests.length;
    const refanned = await house.fork(fanned, { changes: { agents: { "oa/a": { instructions: "Be short." } } } });
    expect(refanned.status).toBe("succeeded");
    const models = house.vendor.requests.slice(before).map(({ model }) => model);
    expect([models[0], ...new Set(models)]).toEqual(["a", "a"]);
  });
});

describe("a branch that ran out of time", () => {
  const timed = play("timed", async (ctx) => {
    const branch = async (name: string, inner: RunContext) => [
      await say(inner, `begin ${name}`, "begin"),
      await say(inner, `ask ${name}`, "ask"),
    ];
    const branches = await ctx.map(["a", "b"], branch, { join: { kind: "settle" }, seconds: 0.3 });
    return [branches.map(({ ok }) => ok), await say(ctx, "last", "last")];
  });

  test("has run out of it in a fork where the call it cut asks the same, and is asked where it does not", async () => {
    await using house = await openForkHouse({
      patterns: [timed],
      script: [slow("a", 5000), { reply: { text: "fine" } }],
    });
    const source = await house.play("timed", { task: "t" });
    expect(source.output).toEqual([[false, true], "fine"]);
    const asked = house.vendor.requests.length;
    const other = await house.fork(source, { changes: { steps: { last: { prompt: "the end" } } } });
    expect(other.output).toEqual([[false, true], "fine"]);
    expect(house.vendor.requests.slice(asked).map(({ user }) => user)).toEqual(["the end"]);
    const mended = await house.fork(source, { changes: { steps: { "map/0/ask": { prompt: "quickly" } } } });
    expect(mended.output).toEqual([[true, true], "fine"]);
    expect(house.vendor.requests.slice(asked).map(({ user }) => user)).toEqual(["the end", "quickly"]);
  });

  test("and a pattern inside that did, likewise", async () => {
    const inner = play("inner", async (ctx) => [await say(ctx, "ask i", "i"), await say(ctx, "ask a", "a")]);
    const outer = play("outer", async (ctx) => {
      const told = await ctx.run(inner, { task: "t" }, { seconds: 0.3 }).catch((error) => error.code);
      return [told, await say(ctx, "last", "last")];
    });
    await using house = await openForkHouse({
      patterns: [outer, inner],
      script: [slow("a", 5000), { reply: { text: "fine" } }],
    });
    const source = await house.play("outer", { task: "t" });
    expect(source.output).toEqual(["TIMEOUT", "fine"]);
    const asked = house.vendor.requests.length;
    const other = await house.fork(source, { changes: { steps: { last: { prompt: "the end" } } } });
    expect(other.output).toEqual(["TIMEOUT", "fine"]);
    const mended = await house.fork(source, { changes: { steps: { "inner/a": { prompt: "quickly" } } } });
    expect(mended.output).toEqual([["fine", "fine"], "fine"]);
    expect(house.vendor.requests.slice(asked).map(({ user }) => user)).toEqual(["the end", "quickly"]);
  });

  test("is asked again from the step on that was cut", async () => {
    await using house = await openForkHouse({
      patterns: [timed],
      script: [{ ...slow("a", 5000), calls: 1 }, { reply: { text: "fine" } }],
    });
    const source = await house.play("timed", { task: "t" });
    const asked = house.vendor.requests.length;
    const fork = await house.fork(source, { from_step: "map/0/ask" });
    expect(fork.output).toEqual([[true, true], "fine"]);
    expect(house.vendor.requests.slice(asked).map(({ user }) => user)).toEqual(["ask a", "last"]);
  });
});
