import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { RunContext } from "../../src/core/pattern.ts";
import type { ModelReply, Provider } from "../../src/core/provider.ts";
import { eventually, openHouse } from "../house.ts";
import { Dice } from "./dice.ts";
import { patternOf, Scene } from "./scene.ts";
import { Server, type ServerOptions } from "./server.ts";

const COST = { input: 10, cached: 0, cache_write: 0, output: 10, reasoning: 0 };
const PATIENCE = { timeout: 60_000 };

/** A request that is answered when the test says so, and in the turn in which it says so. */
interface Open {
  readonly prompt: string;
  answer(text: string): void;
}

let scene: Scene;
let open: Open[];

beforeEach(async () => {
  scene = await Scene.open();
  open = [];
});
afterEach(() => scene.close());

const held: Provider = {
  id: "tin",
  free: false,
  concurrency: 100,
  bound: ({ messages }) => (messages[0]?.content.startsWith("large") ? 1000 : 100),
  complete: (request, { signal }) =>
    new Promise<ModelReply>((resolve, reject) => {
      const answer = (text: string) => resolve({ text, tokens: COST, stop: "end" });
      open.push({ prompt: request.messages[0]?.content ?? "", answer });
      signal.addEventListener("abort", () => reject(signal.reason));
    }),
};

/** A server whose model answers by hand. */
async function byHand(
  id: string,
  patterns: ServerOptions["patterns"],
  more: Partial<ServerOptions> = {},
): Promise<Server> {
  const server = new Server(id, {
    home: scene.home,
    time: scene.time,
    dice: new Dice(1),
    providers: () => [held, { ...held, id: "oak" }],
    patterns,
    purse: { caller: {}, day: {} },
    fate: { dies: 0, stops: 0, lags: 0 },
    knowsTheDead: () => undefined,
    onCommit: () => {},
    onPlay: () => {},
    onTrouble: () => {},
    onDeath: () => {},
    ...more,
  });
  await server.boot();
  return server;
}

function answer(prompt: string): void {
  const at = open.findIndex((each) => each.prompt === prompt);
  if (at < 0) throw new Error(`nobody has asked ${prompt}`);
  open.splice(at, 1)[0]?.answer("fine");
}

const asked = (prompt: string) => () => open.some((each) => each.prompt === prompt);

describe("a call that waits for money", () => {
  test("is woken by a bill that comes in the very turn in which it asked", PATIENCE, async () => {
    const relay = patternOf("relay", (ctx) =>
      ctx.map(["b", "c"], async (item, inner) => {
        await inner.call("ann", { prompt: `${item} 1` });
        if (item === "c") await inner.call("ann", { prompt: `${item} 2` });
      }),
    );
    const id = await scene.start(relay, { caps: { explicit: true, tokens: 410 } });
    const server = await byHand("hand", [relay]);
    await scene.until(() => asked("b 1")() && asked("c 1")());
    answer("c 1");
    for (let i = 0; i < 200; i++) await Promise.resolve();
    answer("b 1");
    await scene.until(async () => asked("c 2")() || (await scene.is(id, "failed")));
    answer("c 2");
    expect(await scene.ended(id)).toMatchObject({ status: "succeeded" });
    server.die();
  });

  test("is woken when what a dead server held of the day's money is charged", PATIENCE, async () => {
    const elsewhere = patternOf("elsewhere", async (ctx) => (await ctx.call("ann", { prompt: "far" })).output);
    const here = patternOf("here", async (ctx) => (await ctx.call("ann", { prompt: "near" })).output);
    const purse = { caller: {}, day: { tokens: 300 } };
    const far = await scene.start(elsewhere);
    const first = await byHand("far", [elsewhere], { purse });
    await scene.until(asked("far"));
    const near = await scene.start(here);
    let gone = false;
    const second = await byHand("near", [here], { purse, knowsTheDead: ({ id }) => gone && id === "far" });
    await scene.until(() => scene.is(near, "running"));
    await scene.pass(100);
    first.die();
    await scene.pass(100);
    gone = true;
    await scene.pass(500);
    expect(await scene.run(near)).toMatchObject({ status: "failed", error: { code: "BUDGET_EXCEEDED" } });
    expect(await scene.run(far)).toMatchObject({ status: "queued", crashes: 1 });
    second.die();
  });
});

describe("a run that asks for a larger budget", () => {
  const two = patternOf("two", async (ctx) => {
    const branch = async (item: string, inner: RunContext) => (await inner.call("ann", { prompt: item })).output;
    await ctx.map(["small", "large"], branch, { join: { kind: "settle" } });
    return (await ctx.call("ann", { prompt: "last" })).output;
  });

  test("asks nobody once its seconds are over", PATIENCE, async () => {
    const id = await scene.start(two, { on_budget: "ask", caps: { explicit: true, tokens: 500, seconds: 0.1 } });
    const server = await byHand("hand", [two]);
    await scene.until(() => scene.is(id, "failed", "waiting"));
    expect(await scene.run(id)).toMatchObject({ status: "failed", error: { code: "DEADLINE_EXCEEDED" } });
    server.die();
  });

  test("goes on at once where it is raised before the run is put down", PATIENCE, async () => {
    const id = await scene.start(two, { on_budget: "ask", caps: { explicit: true, tokens: 500 } });
    const server = await byHand("hand", [two]);
    await scene.until(() => open.length === 1);
    await scene.pass(20);
    await scene.store.raise(id, { tokens: 5000 }, "eve");
    await scene.pass(60);
    answer("small");
    await scene.until(async () => asked("large")() || (await scene.is(id, "waiting")));
    answer("large");
    await scene.until(asked("last"));
    answer("last");
    expect(await scene.ended(id)).toMatchObject({ status: "succeeded" });
    server.die();
  });
});

describe("a bug in a pattern ends its run and nothing else", () => {
  const nothing = patternOf("nothing", async () => "nothing");
  const hasty = patternOf("hasty", async (ctx) => void ctx.call("ann", { prompt: "forgotten" }));
  const bugs: Readonly<Record<string, (ctx: RunContext) => Promise<unknown>>> = {
    "that does not await what it asks inside another": (ctx) => ctx.run(hasty, {}),
    "whose result JSON cannot hold": async () => 1n,
    "that gives back what JSON cannot hold": (ctx) => ctx.map([1], async () => 1n),
    "that gives back what JSON cannot hold inside another": (ctx) => ctx.run({ ...nothing, run: async () => 1n }, {}),
    "whose test throws": (ctx) =>
      ctx.map([1, 2], async (item) => item, {
        join: {
          kind: "until",
          test: () => {
            throw new Error("oh");
          },
        },
      }),
  };
  for (const [name, run] of Object.entries(bugs))
    test(name, PATIENCE, async () => {
      const broken = patternOf("broken", run);
      const id = await scene.start(broken);
      const server = await byHand("hand", [broken, nothing]);
      expect(await scene.ended(id)).toMatchObject({ status: "dead", error: { code: "BUG" } });
      expect(await scene.ended(await scene.start(nothing))).toMatchObject({ status: "succeeded" });
      server.die();
    });
});

test("a step whose name is no text that a store can keep is found again", async () => {
  await using house = await openHouse({ script: [{ reply: { text: "fine" } }] });
  const steps = ["a\ud800", "a\ud801", "b\0c", "d/e.f\\"].map((name) => ({ agent: "oa/m", name }));
  expect(await house.play("run_pipeline", { task: "What is a baton?", steps })).toMatchObject({ status: "succeeded" });
});

test("what was kept for a closing call is free once it is made, after a crash as well", PATIENCE, async () => {
  const long = "long".repeat(110);
  const once = patternOf("once", async (ctx) => {
    const branch = async (prompt: string, inner: RunContext) => (await inner.call("ann", { prompt })).output;
    await ctx.map(["one"], branch, { closing: "ann" });
    await ctx.call("ann", { prompt: "close", closing: true });
    return ctx.map([long], branch);
  });
  let first: Server | undefined;
  scene.say = ({ prompt, nth }) => {
    if (prompt !== long || nth > 1) return "fine";
    first?.die();
    return "silence";
  };
  const id = await scene.start(once, { caps: { explicit: true, tokens: 1500 } });
  first = await scene.serve();
  await scene.until(() => scene.prompts().includes(long));
  const second = await scene.serve();
  expect(await scene.ended(id)).toMatchObject({ status: "succeeded" });
  second.die();
});

test("a call whose run is taken away before its money is held gives its slot back", PATIENCE, async () => {
  const single = patternOf("single", async (ctx) => (await ctx.call("cyd", { prompt: "one" })).output);
  const id = await scene.start(single);
  const thief = new DatabaseSync(join(scene.home, "baton.db"));
  const steal = thief.prepare("update runs set status = 'queued', epoch = epoch + 1 where status = 'running'");
  let stolen = 0;
  const server = await byHand("hand", [single], {
    onCommit: () => {
      stolen += stolen === 0 ? Number(steal.run().changes) : 0;
    },
  });
  await scene.until(asked("one"));
  answer("one");
  expect(await scene.ended(id)).toMatchObject({ status: "succeeded", epoch: 3 });
  thief.close();
  server.die();
});

test("a server stops within its grace though nothing can be written", async () => {
  await using house = await openHouse({ script: () => ({ fault: "hang" }) });
  await house.start("run_agent", { task: "long", agent: "oa/m" });
  await eventually(() => house.vendor.requests.length === 1);
  const other = new DatabaseSync(join(house.home, ".baton", "baton.db"));
  other.exec("begin immediate");
  const began = performance.now();
  await Promise.race([house.engine.stop(100), setTimeout(8000)]);
  other.exec("rollback");
  other.close();
  expect(performance.now() - began).toBeLessThan(7000);
});
