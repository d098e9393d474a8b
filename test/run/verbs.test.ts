import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import type { DeedFunction } from "../../src/core/deed.ts";
import { Failure } from "../../src/core/errors.ts";
import type { RunContext, Settled } from "../../src/core/pattern.ts";
import { patternOf, Scene } from "./scene.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await Scene.open();
});
afterEach(() => scene.close());

const ask = async (ctx: RunContext, prompt: string): Promise<string> => (await ctx.call("ann", { prompt })).output;
const caught = async (act: () => Promise<unknown>): Promise<unknown> => {
  try {
    return await act();
  } catch (error) {
    return Failure.from(error).code;
  }
};

describe("branches that follow others", () => {
  test("begin when those have ended, are told how, and do not wait for anybody else", async () => {
    const begun: string[] = [];
    scene.say = ({ prompt }) => {
      begun.push(prompt);
      return { say: prompt.toUpperCase(), ms: prompt === "slow" ? 80 : 10 };
    };
    const id = await scene.start(
      patternOf("diamond", (ctx) =>
        ctx.map(
          ["a", "slow", "b", "c"],
          async (item: string, inner, _, before: readonly Settled<string>[]) =>
            ask(inner, [item, ...before.map((each) => (each.ok ? each.value : each.error.code))].join(" ")),
          { after: [[], [], [0], [2, 0]] },
        ),
      ),
    );
    await scene.serve();
    expect(await scene.ended(id)).toMatchObject({ status: "succeeded" });
    expect(begun).toEqual(["a", "slow", "b A", "c B A A"]);
    expect(await scene.faults(id)).toEqual([]);
  });

  test("are told of failures where the join goes on, and never begin where it does not", async () => {
    scene.say = ({ prompt }) => (prompt === "a" ? new Failure("REFUSED", "no") : "fine");
    const follow = (kind: "all" | "settle") =>
      patternOf(kind, async (ctx) =>
        caught(() =>
          ctx.map(
            ["a", "b"],
            (item, inner, _, before: readonly Settled<string>[]) =>
              ask(inner, `${item}${before.map(({ ok }) => ok).join()}`),
            { join: { kind }, after: [[], [0]] },
          ),
        ),
      );
    const [settled, all] = [await scene.start(follow("settle")), await scene.start(follow("all"))];
    await scene.serve();
    expect((await scene.ended(settled)).output).toMatchObject([{ ok: false }, { ok: true, value: "fine" }]);
    expect((await scene.ended(all)).output).toBe("REFUSED");
    expect(scene.asked.map(({ prompt }) => prompt).filter((prompt) => prompt.startsWith("b"))).toEqual(["bfalse"]);
  });

  test("that follow what comes later are a bug of the pattern", async () => {
    const id = await scene.start(patternOf("circle", (ctx) => ctx.map([1, 2], async () => 1, { after: [[1], []] })));
    await scene.serve();
    expect(await scene.ended(id)).toMatchObject({ status: "dead", error: { code: "BUG" } });
  });
});

describe("a budget around many calls", () => {
  for (const [name, around] of Object.entries({
    "of a map": (ctx: RunContext) =>
      ctx.map([1, 2, 3, 4, 5, 6], (n, inner) => ask(inner, `part ${n}`), {
        join: { kind: "settle" },
        budget: { calls: 4 },
      }),
    "of a pattern inside": (ctx: RunContext) => {
      const inside = patternOf("inside", (inner) =>
        inner.map([1, 2, 3, 4, 5, 6], (n, each) => ask(each, `part ${n}`), { join: { kind: "settle" } }),
      );
      return ctx.run(inside, "go", { budget: { calls: 4 } });
    },
  })) {
    test(`${name} lets no call through beyond it, though all ask at once, and the run goes on`, async () => {
      const id = await scene.start(patternOf("capped", async (ctx) => [await around(ctx), await ask(ctx, "after")]));
      await scene.serve();
      const run = await scene.ended(id);
      expect(run).toMatchObject({ status: "succeeded" });
      const [branches, after] = run.output as [Settled<string>[], string];
      expect(branches.filter(({ ok }) => ok)).toHaveLength(4);
      expect(branches.flatMap((each) => (each.ok ? [] : [each.error.code]))).toEqual([
        "BUDGET_EXCEEDED",
        "BUDGET_EXCEEDED",
      ]);
      expect(after).toBe("fine");
      expect(scene.asked).toHaveLength(5);
      expect(await scene.faults(id)).toEqual([]);
    });
  }
});

describe("a pattern inside", () => {
  test("that has not ended after its seconds fails with TIMEOUT, and what it asked is charged", async () => {
    scene.say = ({ prompt }) => ({ say: "late", ms: prompt === "slow" ? 5000 : 1 });
    const inside = patternOf("inside", (inner) => ask(inner, "slow"));
    const id = await scene.start(
      patternOf("outside", async (ctx) => [
        await caught(() => ctx.run(inside, "x", { seconds: 0.1 })),
        await ask(ctx, "on"),
      ]),
    );
    await scene.serve();
    expect(await scene.ended(id)).toMatchObject({ status: "succeeded", output: ["TIMEOUT", "late"] });
    expect(scene.aborted).toBe(1);
    expect(await scene.faults(id)).toEqual([]);
  });

  test("whose input does not fit fails and does not end the run", async () => {
    const picky = { ...patternOf("picky", async () => 1), input: z.object({ n: z.number() }) } as never;
    const id = await scene.start(patternOf("outside", (ctx) => caught(() => ctx.run(picky, { n: "x" }))));
    await scene.serve();
    expect(await scene.ended(id)).toMatchObject({ status: "succeeded", output: "INVALID_INPUT" });
  });
});

describe("a deed", () => {
  const done: string[] = [];
  const deed = (perform: DeedFunction["perform"]): DeedFunction => ({ name: "thing", perform });
  beforeEach(() => done.splice(0));

  test("is done once; what came of it is remembered, a failure as well", async () => {
    scene.deeds = [
      deed(async (input) => {
        done.push(String(input));
        if (input === "bad") throw new Failure("FORBIDDEN", "no");
        return { got: input };
      }),
    ];
    const program = patternOf("acts", async (ctx) => [
      await ctx.act("first", { does: "thing", input: "good" }),
      await caught(() => ctx.act("second", { does: "thing", input: "bad" })),
      await caught(() => ctx.act("third", { does: "thnig", input: 1 })),
      await ask(ctx, "x"),
    ]);
    const id = await scene.start(program);
    const first = await scene.serve((server, count) => {
      if (count === 4) server.die();
    });
    await scene.pass(400);
    await scene.serve();
    expect((await scene.ended(id)).output).toEqual([{ got: "good" }, "FORBIDDEN", "INVALID_INPUT", "fine"]);
    expect(new Set(done)).toEqual(new Set(["good", "bad"]));
    expect(done.filter((each) => each === "good").length).toBeLessThanOrEqual(2);
    expect(await scene.faults(id)).toEqual([]);
    first.die();
  });

  test("that only reads is tried again where its failure passes", async () => {
    scene.deeds = [
      deed(async () => {
        done.push("try");
        if (done.length < 3) throw new Failure("NETWORK", "cut");
        return "there";
      }),
    ];
    const id = await scene.start(patternOf("again", (ctx) => ctx.act("read", { does: "thing", input: 1 })));
    await scene.serve();
    expect(await scene.ended(id)).toMatchObject({ status: "succeeded", output: "there" });
    expect(done).toHaveLength(3);
  });

  test("whose receiver knows a repetition by its key is done again after a crash, under the same key", async () => {
    scene.deeds = [
      deed((_, { key }) => {
        done.push(key);
        return done.length === 1 ? new Promise(() => {}) : Promise.resolve("paid");
      }),
    ];
    const effect = { idempotent: true } as const;
    const program = patternOf("pays", async (ctx) => [
      await ctx.act("pay", { does: "thing", input: { usd: 5 }, effect }),
      await ask(ctx, "x"),
    ]);
    const id = await scene.start(program);
    const first = await scene.serve();
    await scene.pass(50);
    expect(done).toHaveLength(1);
    first.die();
    await scene.pass(400);
    await scene.serve();
    expect((await scene.ended(id)).output).toEqual(["paid", "fine"]);
    expect(done).toHaveLength(2);
    expect(new Set(done).size).toBe(1);
    expect(await scene.faults(id)).toEqual([]);
  });
});

test("a run that remembers ten thousand steps asks nothing more, and keeps them", { timeout: 60_000 }, async () => {
  scene.deeds = [{ name: "thing", perform: async () => 1 }];
  const program = patternOf("endless", async (ctx) => {
    for (let i = 0; ; i++) await ctx.act("step", { does: "thing", input: i });
  });
  const id = await scene.start(program);
  await scene.serve();
  expect(await scene.ended(id)).toMatchObject({ status: "failed", error: { code: "RUN_TOO_LONG" } });
  const { lines } = await scene.store.memory(id);
  expect(lines.length).toBeLessThan(10_010);
});
