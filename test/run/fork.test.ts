import { describe, expect, test } from "vitest";
import { z } from "zod";
import { openForkHouse, play, say } from "./forks.ts";

/** Twenty steps: the odd ones read the step before them, the even ones read the task alone. */
const twenty = play("twenty", async (ctx, { task }) => {
  let last = "";
  const all: string[] = [];
  for (let n = 1; n <= 20; n++) {
    last = await say(ctx, n % 2 === 1 ? `${n} of ${task} after ${last}` : `${n} of ${task}`, `s${n}`);
    all.push(last);
  }
  return all;
});

describe("a fork", () => {
  test("of twenty steps with the twelfth changed asks that step and the one that reads it, and no other", async () => {
    await using house = await openForkHouse({ patterns: [twenty] });
    const source = await house.play("twenty", { task: "t" });
    expect(source.status).toBe("succeeded");
    expect(house.fresh()).toHaveLength(20);
    const before = JSON.stringify([source, await house.store.memory(source.id)]);
    const fork = await house.fork(source, { changes: { steps: { s12: { prompt: "twelve, otherwise" } } } });
    expect(fork).toMatchObject({ status: "succeeded", source: source.id, seed: source.seed, generation: 1 });
    expect(house.fresh().map((prompt) => prompt.slice(0, 9))).toEqual(["twelve, o", "13 of t a"]);
    expect(fork.id).not.toBe(source.id);
    expect(fork.usage.calls).toBe(2);
    expect(await house.reused(fork)).toHaveLength(18);
    expect(await house.own(fork)).toEqual(["s12", "s13"]);
    const [old, now] = [source.output as string[], fork.output as string[]];
    expect(now.flatMap((text, n) => (text === old[n] ? [] : n + 1))).toEqual([12, 13]);
    expect(JSON.stringify([await house.store.get(source.id), await house.store.memory(source.id)])).toBe(before);
  });

  test("with nothing changed asks nobody, costs nothing, and ends as its source did", async () => {
    await using house = await openForkHouse({ patterns: [twenty] });
    const source = await house.play("twenty", { task: "t" });
    house.fresh();
    const fork = await house.fork(source);
    expect(fork).toMatchObject({ status: "succeeded", output: source.output, usage: { usd: 0, calls: 0 } });
    expect(house.fresh()).toEqual([]);
  });
});

describe("from a step on", () => {
  test("all of that step and what comes after it is asked anew, and branches beside it are not", async () => {
    const shape = play("shape", async (ctx) => {
      const first = await say(ctx, "first", "first");
      const branches = await ctx.map([0, 1], async (n, inner) => [
        await say(inner, `a${n}`, "a"),
        await say(inner, `b${n}`, "b"),
      ]);
      return [first, branches, await say(ctx, "last", "last")];
    });
    await using house = await openForkHouse({ patterns: [shape] });
    const source = await house.play("shape", { task: "t" });
    house.fresh();
    const fork = await house.fork(source, { from_step: "map/1/a" });
    expect(fork.status).toBe("succeeded");
    expect(house.fresh()).toEqual(["a1", "b1", "last"]);
    expect(await house.reused(fork)).toEqual(["first", "map/0/a", "map/0/b"]);
    const late = await house.fork(source, { from_step: "last" });
    expect(late.status).toBe("succeeded");
    expect(house.fresh()).toEqual(["last"]);
  });

  test("a step that the source does not have is refused, with those like it", async () => {
    await using house = await openForkHouse({ patterns: [twenty] });
    const source = await house.play("twenty", { task: "t" });
    await expect(house.fork(source, { from_step: "s21" })).rejects.toMatchObject({ code: "NOT_FOUND" });
    const changes = { steps: { nowhere: { prompt: "x" } } };
    await expect(house.fork(source, { changes })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});

describe("what may be changed", () => {
  const pair = play("pair", async (ctx) => {
    const one = await ctx.call("writer", { prompt: "write" });
    const two = await ctx.call("critic", { prompt: `judge ${one.output}` });
    return [one.agent, two.agent, two.output];
  });
  const agents = { writer: { models: ["oa/m"] }, critic: { models: ["oa/m"] } };
  const prices = { m: { input: 1, output: 4 }, n: { input: 10, output: 40 } };

  test("an agent's instructions: it is asked again as another version, and so is whoever reads it", async () => {
    await using house = await openForkHouse({ patterns: [pair], agents });
    const source = await house.play("pair", { task: "t" });
    house.fresh();
    const fork = await house.fork(source, { changes: { agents: { critic: { instructions: "You are kind." } } } });
    expect(house.asked.map(({ system }) => system)).toEqual(["You are kind."]);
    const [writer, critic] = fork.output as string[];
    expect(writer).toBe((source.output as string[])[0]);
    expect(critic).not.toBe((source.output as string[])[1]);
    house.fresh();
    await house.fork(source, { changes: { agents: { writer: { instructions: "You are terse." } } } });
    expect(house.asked.map(({ system }) => system)).toEqual(["You are terse.", "You are critic."]);
  });

  test("an agent's model, with its price", async () => {
    await using house = await openForkHouse({ patterns: [pair], agents, prices });
    const source = await house.play("pair", { task: "t" });
    house.fresh();
    const fork = await house.fork(source, { changes: { agents: { critic: { model: "an/n" } } } });
    expect(house.asked.map(({ model }) => model)).toEqual(["n"]);
    expect(fork.usage.usd).toBeGreaterThan(source.usage.usd);
    const changes = { agents: { critic: { model: "writer" } } };
    await expect(house.fork(source, { changes })).rejects.toMatchObject({ code: "INVALID_INPUT" });
  });

  test("a version: the one that was pinned, and the one that is known now", async () => {
    await using house = await openForkHouse({ patterns: [pair], agents });
    const source = await house.play("pair", { task: "t" });
    house.fresh();
    const version = String((source.output as string[])[1]).split("@")[1] ?? "";
    const same = await house.fork(source, { changes: { agents: { critic: { version } } } });
    expect(same.output).toEqual(source.output);
    expect(house.fresh()).toEqual([]);
    house.teach("critic", "You are somebody new.");
    const now = await house.fork(source, { changes: { agents: { critic: { version: "latest" } } } });
    expect(now.status).toBe("succeeded");
    expect(house.asked.map(({ system }) => system)).toEqual(["You are somebody new."]);
    const changes = { agents: { critic: { version: "00000000" } } };
    await expect(house.fork(source, { changes })).rejects.toMatchObject({ code: "UNKNOWN_AGENT" });
  });

  test("the whole input, which its pattern checks", async () => {
    await using house = await openForkHouse({ patterns: [twenty] });
    const source = await house.play("twenty", { task: "t" });
    house.fresh();
    const fork = await house.fork(source, { changes: { input: { task: "u" } } });
    expect(fork).toMatchObject({ status: "succeeded", input: { task: "u" } });
    expect(house.fresh()).toHaveLength(20);
    await expect(house.fork(source, { changes: { input: { job: 1 } } })).rejects.toMatchObject({
      code: "INVALID_INPUT",
    });
  });

  test("a step's shape: a pattern that reads text is told JSON, and one that reads a shape of its own keeps it", async () => {
    const schema = { type: "object", properties: { n: { type: "integer" } }, required: ["n"] };
    const shapes = play("shapes", async (ctx) => [
      await say(ctx, "plain", "plain"),
      (await ctx.call("oa/m", { prompt: "own", name: "own", shape: z.object({ word: z.string() }) })).output.word,
    ]);
    await using house = await openForkHouse({
      patterns: [shapes],
      say: ({ user, shape }) => (user === "own" ? '{"word":"w"}' : shape ? '{"n":7}' : undefined),
    });
    const source = await house.play("shapes", { task: "t" });
    const steps = { plain: { output_schema: schema }, own: { output_schema: schema } };
    const fork = await house.fork(source, { changes: { steps } });
    expect(fork).toMatchObject({ status: "succeeded", output: ['{\n  "n": 7\n}', "w"] });
    expect(fork.degraded).toEqual([expect.stringContaining("own: its output_schema was not changed")]);
  });
});
