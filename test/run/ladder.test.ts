import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { Failure } from "../../src/core/errors.ts";
import type { RunContext, Settled } from "../../src/core/pattern.ts";
import { type Asked, ONE_CALL, patternOf, Scene } from "./scene.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await Scene.open();
});
afterEach(() => scene.close());

const ask = async (ctx: RunContext, prompt: string, agent = "ann"): Promise<string> =>
  (await ctx.call(agent, { prompt })).output;

const told = (results: readonly Settled<string>[]): readonly string[] =>
  results.map((result) => (result.ok ? result.value : result.error.code));

const busy = new Failure("OVERLOADED", "busy", { billed: "nothing" });

describe("a failure that a pattern has seen", () => {
  test("is still a failure after a crash, whatever has become of the model", async () => {
    scene.say = ({ prompt }) => (prompt === "b" ? busy : prompt.startsWith("join") ? "silence" : "fine");
    const id = await scene.start(
      patternOf("fan", async (ctx) => {
        const results = await ctx.map(["a", "b", "c"], (item, branch) => ask(branch, item), {
          join: { kind: "settle" },
        });
        return ask(ctx, `join ${told(results).join()}`);
      }),
    );
    const first = await scene.serve();
    await scene.until(() => scene.prompts().includes("join fine,OVERLOADED,fine"));
    first.die();
    const before = scene.asked.length;
    scene.say = () => "healed";
    await scene.serve();
    expect(await scene.ended(id)).toMatchObject({ status: "succeeded", output: "healed" });
    expect(scene.prompts().slice(before)).toEqual(["join fine,OVERLOADED,fine"]);
    expect(await scene.faults(id)).toEqual([]);
  });

  test("is remembered where nobody could be asked at all", async () => {
    const id = await scene.start(
      patternOf("lost", async (ctx) => {
        const code = await ask(ctx, "who?", "nobody").catch((error) => error.code);
        return [code, await ask(ctx, `told ${code}`)];
      }),
    );
    await scene.serve();
    expect(await scene.ended(id)).toMatchObject({ status: "succeeded", output: ["UNKNOWN_AGENT", "fine"] });
    const { lines } = await scene.store.memory(id);
    expect(lines).toMatchObject([{ place: "nobody", state: "failed" }, { place: "ann" }]);
    expect(await scene.faults(id)).toEqual([]);
  });
});

describe("a call that is killed", () => {
  const shape = z.object({ n: z.number() });
  /** Fails, is useless, is useless again, and then the next model answers. */
  const moody = ({ model, messages, nth }: Asked) => {
    if (model === "oak/large") return '{"n": 7}';
    if (messages.length > 1) return "still no JSON";
    return nth === 1 ? busy : "no JSON";
  };
  const climb = patternOf(
    "climb",
    async (ctx, input) => (await ctx.call("bob", { prompt: `count ${input}`, shape })).output,
  );

  test("at any commit goes on at the rung where it stood, and every request is paid once", async () => {
    scene.say = moody;
    const whole = await scene.start(climb, { input: 0 });
    let commits = 0;
    const calm = await scene.serve((_, count) => {
      commits = count;
    });
    expect(await scene.ended(whole)).toMatchObject({ status: "succeeded", output: { n: 7 } });
    expect(scene.asked).toHaveLength(4);
    calm.die();
    for (let k = 1; k <= commits; k++) {
      const before = scene.asked.length;
      const id = await scene.start(climb, { input: k });
      await scene.serve((server, count) => {
        if (count === k) server.die();
      });
      await scene.pass(3000);
      const second = await scene.serve();
      const run = await scene.ended(id);
      expect(run).toMatchObject({ status: "succeeded", output: { n: 7 } });
      const { attempts } = await scene.store.memory(id);
      const lost = attempts.filter(({ result }) => result === "lost");
      expect(lost.every(({ estimated, usage, reserve }) => estimated && usage.usd === reserve.usd)).toBe(true);
      const useful = attempts.filter(({ result }) => result !== "lost" && result !== "aborted");
      const rungs = useful.map(({ rung, turn, result }) => `${rung}.${turn} ${result}`);
      expect(rungs.filter((rung) => rung !== "0.0 failed")).toEqual(["0.0 bad", "0.1 bad", "1.0 ok"]);
      expect(scene.asked.length - before).toBeLessThanOrEqual(useful.length + lost.length);
      expect(run.usage.usd).toBeGreaterThanOrEqual(ONE_CALL * 3);
      expect(await scene.faults(id)).toEqual([]);
      second.die();
    }
  });

  test("three times in its flight is not asked a fourth time: the run is dead until somebody looks", async () => {
    scene.say = () => "silence";
    const id = await scene.start(patternOf("deadly", (ctx) => ask(ctx, "crash")));
    for (let life = 1; life <= 3; life++) {
      const server = await scene.serve();
      await scene.until(() => scene.asked.length === life);
      server.die();
    }
    await scene.serve();
    expect(await scene.ended(id)).toMatchObject({ status: "dead", error: { code: "CRASH_LOOP" }, crashes: 3 });
    expect(scene.asked).toHaveLength(3);
    scene.say = () => "fine";
    await scene.store.again(id, "dead");
    expect(await scene.ended(id)).toMatchObject({ status: "succeeded", output: "fine" });
  });
});

describe("a run that is tried again", () => {
  /** Of these, b fails until it is healed. */
  const sick = (sickly: readonly string[]) => (asked: Asked) =>
    sickly.includes(asked.prompt) ? new Failure("BAD_REQUEST", "no", { billed: "nothing" }) : "fine";

  async function againAfter(id: string, code: string): Promise<readonly string[]> {
    expect(await scene.ended(id)).toMatchObject({ status: "failed", error: { code } });
    const before = scene.asked.length;
    scene.say = () => "fine";
    await scene.store.again(id, "failed");
    expect(await scene.ended(id)).toMatchObject({ status: "succeeded", generation: 2 });
    expect(await scene.faults(id)).toEqual([]);
    return scene.prompts().slice(before);
  }

  test("asks only the step that failed, and what follows", async () => {
    scene.say = sick(["b"]);
    const id = await scene.start(
      patternOf("row", async (ctx) => [await ask(ctx, "a"), await ask(ctx, "b"), await ask(ctx, "c")]),
    );
    await scene.serve();
    expect(await againAfter(id, "BAD_REQUEST")).toEqual(["b", "c"]);
  });

  test("asks only the branches that failed where no quorum came together", async () => {
    scene.say = sick(["b", "c"]);
    const id = await scene.start(
      patternOf("quorum", async (ctx) => {
        const options = { join: { kind: "quorum", count: 2 } } as const;
        return ask(ctx, `join ${told(await ctx.map(["a", "b", "c"], (item, branch) => ask(branch, item), options))}`);
      }),
    );
    await scene.serve();
    const asked = await againAfter(id, "NO_QUORUM");
    expect(asked.toSorted().slice(0, 2)).toEqual(["b", "c"]);
    expect(asked).not.toContain("a");
  });

  test("asks only what its budget had refused", async () => {
    const id = await scene.start(
      patternOf("poor", async (ctx) => [await ask(ctx, "a"), await ask(ctx, "b"), await ask(ctx, "c")]),
      { caps: { explicit: true, calls: 2 } },
    );
    await scene.serve();
    await scene.until(() => scene.is(id, "failed"));
    await scene.store.raise(id, { calls: 5 }, "eve");
    expect(await againAfter(id, "BUDGET_EXCEEDED")).toEqual(["c"]);
  });

  test("keeps to the branches that a decision had counted, as long as it holds", async () => {
    scene.say = ({ prompt }) => {
      if (prompt.startsWith("join")) return new Failure("BAD_REQUEST", "no", { billed: "nothing" });
      return prompt === "slow" ? { say: "late", ms: 500 } : "fine";
    };
    const id = await scene.start(
      patternOf("race", async (ctx) => {
        const options = { join: { kind: "first" } } as const;
        return ask(ctx, `join ${told(await ctx.map(["slow", "quick"], (item, branch) => ask(branch, item), options))}`);
      }),
    );
    await scene.serve();
    expect(await againAfter(id, "BAD_REQUEST")).toEqual(["join CANCELLED,fine"]);
  });

  test("does not think itself out of money that it had met the end of before", async () => {
    scene.say = () => "fine";
    const id = await scene.start(
      patternOf("asks", async (ctx) => [await ask(ctx, "a"), await ask(ctx, "b")]),
      {
        caps: { explicit: true, calls: 1 },
        on_budget: "ask",
      },
    );
    await scene.serve();
    await scene.until(() => scene.is(id, "waiting"));
    await scene.store.raise(id, { calls: 2 }, "eve");
    expect(await scene.ended(id)).toMatchObject({ status: "succeeded", output: ["fine", "fine"], degraded: [] });
    expect(scene.prompts()).toEqual(["a", "b"]);
  });
});
