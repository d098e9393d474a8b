import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Failure } from "../../src/core/errors.ts";
import type { RunContext } from "../../src/core/pattern.ts";
import { patternOf, Scene } from "./scene.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await Scene.open();
});
afterEach(() => scene.close());

const ask = async (ctx: RunContext, prompt: string) => (await ctx.call("ann", { prompt })).output;

const twoSteps = patternOf("two", async (ctx) => [await ask(ctx, "first"), await ask(ctx, "second")]);

const questions = patternOf("questions", async (ctx) => {
  const said = await ctx.wait("gate", { kind: "answer", within_seconds: 0.5 });
  return [said.how, await ask(ctx, "after")];
});

const slow = (ms: number) => {
  scene.say = () => ({ say: "fine", ms });
};

describe("a run that is paused", () => {
  test("while it is asked lets that call end and keeps it, starts none, and goes on from there", async () => {
    slow(90);
    const id = await scene.start(twoSteps);
    await scene.serve();
    await scene.until(() => scene.asked.length === 1);
    expect(await scene.store.pause(id)).toMatchObject({ status: "running", paused: true });
    await scene.until(() => scene.is(id, "waiting"));
    expect(scene.aborted).toBe(0);
    expect((await scene.store.memory(id)).lines).toMatchObject([{ state: "done", value: "fine" }]);
    await scene.pass(2000);
    expect(scene.prompts()).toEqual(["first"]);
    expect(await scene.store.resume(id)).toMatchObject({ status: "queued", paused: false });
    expect(await scene.ended(id)).toMatchObject({ status: "succeeded", output: ["fine", "fine"] });
    expect(scene.prompts()).toEqual(["first", "second"]);
    expect(await scene.faults(id)).toEqual([]);
  });

  test("in the queue is not taken up before it is resumed, and then has its old rank", async () => {
    const first = await scene.start(twoSteps);
    const second = await scene.start(twoSteps);
    expect(await scene.store.pause(first)).toMatchObject({ status: "waiting", paused: true });
    await scene.store.resume(first);
    await scene.store.pause(second);
    const claimed = await scene.store.claim("somebody", [], [{ name: "two", version: 1 }]);
    expect(claimed?.run.id).toBe(first);
    expect(await scene.store.claim("somebody", [], [{ name: "two", version: 1 }])).toBeUndefined();
  });

  test("is not woken by its answer, which it finds when it goes on", async () => {
    const id = await scene.start(questions);
    await scene.serve();
    await scene.until(() => scene.is(id, "waiting"));
    await scene.store.pause(id);
    await scene.store.decide(id, "gate", { how: "answered", value: 1 }, "eve");
    await scene.pass(2000);
    expect(await scene.run(id)).toMatchObject({ status: "waiting", paused: true });
    await scene.store.resume(id);
    expect(await scene.ended(id)).toMatchObject({ output: ["answered", "fine"] });
  });

  test("is not woken by its timer either", async () => {
    const id = await scene.start(questions);
    await scene.serve();
    await scene.until(() => scene.is(id, "waiting"));
    await scene.store.pause(id);
    await scene.pass(2000);
    expect(await scene.is(id, "waiting")).toBe(true);
    await scene.store.resume(id);
    expect(await scene.ended(id)).toMatchObject({ output: ["expired", "fine"] });
  });

  test("does not age: its seconds count while it is played", async () => {
    slow(90);
    const id = await scene.start(twoSteps, { caps: { explicit: true, seconds: 0.6 } });
    await scene.serve();
    await scene.until(() => scene.asked.length === 1);
    await scene.store.pause(id);
    await scene.until(() => scene.is(id, "waiting"));
    await scene.pass(3000);
    await scene.store.resume(id);
    expect(await scene.ended(id)).toMatchObject({ status: "succeeded" });
  });

  test("goes on at once where it is resumed before its call has ended", async () => {
    slow(90);
    const id = await scene.start(twoSteps);
    await scene.serve();
    await scene.until(() => scene.asked.length === 1);
    await scene.store.pause(id);
    await scene.pass(40);
    await scene.store.resume(id);
    expect(await scene.ended(id)).toMatchObject({ status: "succeeded", epoch: 1 });
    expect(scene.prompts()).toEqual(["first", "second"]);
  });

  test("stays paused when the server that played it dies or ends", async () => {
    slow(100);
    const ids = [await scene.start(twoSteps), await scene.start(twoSteps)];
    const server = await scene.serve();
    await scene.until(() => scene.asked.length === 2);
    for (const id of ids) await scene.store.pause(id);
    await scene.pass(40);
    server.die();
    await scene.serve();
    for (const id of ids) await scene.until(() => scene.is(id, "waiting"));
    await scene.pass(1000);
    expect(scene.asked).toHaveLength(2);
    for (const id of ids) await scene.store.resume(id);
    for (const id of ids) expect(await scene.ended(id)).toMatchObject({ status: "succeeded", crashes: 1 });
  });

  test("can be cancelled", async () => {
    const id = await scene.start(twoSteps);
    await scene.store.pause(id);
    expect(await scene.store.cancel(id)).toMatchObject({ status: "cancelled", paused: false });
    expect(await scene.store.resume(id)).toMatchObject({ status: "cancelled" });
  });

  test("stays what it is where it had ended", async () => {
    const id = await scene.start(twoSteps);
    await scene.serve();
    await scene.ended(id);
    expect(await scene.store.pause(id)).toMatchObject({ status: "succeeded", paused: false });
  });

  test("is put down though a call of it sleeps before its next attempt", async () => {
    const busy = new Failure("OVERLOADED", "too much", { billed: "nothing", retry_after_ms: 90 });
    scene.say = ({ nth }) => (nth === 1 ? busy : "fine");
    const id = await scene.start(twoSteps);
    await scene.serve();
    await scene.until(() => scene.asked.length === 1);
    await scene.store.pause(id);
    await scene.until(() => scene.is(id, "waiting"));
    expect(scene.asked).toHaveLength(1);
    await scene.store.resume(id);
    expect(await scene.ended(id)).toMatchObject({ status: "succeeded" });
    expect(await scene.faults(id)).toEqual([]);
  });

  test("is put down at once though a call of it waits in a queue for what others hold", async () => {
    slow(110);
    const one = patternOf("one", async (ctx) => (await ctx.call("cyd", { prompt: "one at a time" })).output);
    const ids = [await scene.start(one), await scene.start(one)];
    await scene.serve();
    await scene.until(() => scene.asked.length === 1);
    const held = await Promise.all(ids.map(async (id) => (await scene.run(id)).held > 0));
    const [asked = "", queued = ""] = held[0] ? ids : [...ids].reverse();
    await scene.store.pause(queued);
    await scene.until(() => scene.is(queued, "waiting"));
    expect(await scene.is(asked, "running")).toBe(true);
    expect(await scene.ended(asked)).toMatchObject({ status: "succeeded" });
    await scene.store.resume(queued);
    expect(await scene.ended(queued)).toMatchObject({ status: "succeeded" });
    expect(scene.asked).toHaveLength(2);
    for (const id of ids) expect(await scene.faults(id)).toEqual([]);
  });
});
