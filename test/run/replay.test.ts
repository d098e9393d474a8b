import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { Failure } from "../../src/core/errors.ts";
import type { RunContext } from "../../src/core/pattern.ts";
import { patternOf, Scene } from "./scene.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await Scene.open();
});
afterEach(() => scene.close());

const ask = async (ctx: RunContext, prompt: string): Promise<string> => (await ctx.call("ann", { prompt })).output;

describe("the journal of a run that is over", () => {
  test("tells what the run told, from the fixed texts of its answers to their defaults", async () => {
    const shape = z.object({ name: z.string(), sure: z.number().default(0.5), note: z.string().optional() });
    scene.say = ({ prompt }) => (prompt === "who?" ? '{"name":"Eve \\ud83d\\ude00","extra":null}' : "fine");
    const seen: unknown[] = [];
    const id = await scene.start(
      patternOf("shapes", async (ctx) => {
        const { output } = await ctx.call("ann", { prompt: "who?", shape });
        seen.push(structuredClone(output), Object.isFrozen(output));
        const branches = await ctx.map(
          [1, 2],
          async (n) => ({ n, gone: undefined, at: new Date(n), odd: Number.NaN }),
          {
            join: { kind: "settle" },
          },
        );
        seen.push(structuredClone(branches));
        return { output, branches, asked: await ask(ctx, JSON.stringify([output, branches])) };
      }),
    );
    await scene.serve();
    expect(await scene.ended(id)).toMatchObject({ status: "succeeded", output: { output: { sure: 0.5 } } });
    expect(await scene.faults(id)).toEqual([]);
    expect(seen.slice(3)).toEqual(seen.slice(0, 3));
    expect(seen[1]).toBe(true);
    expect(seen[2]).toEqual([
      { ok: true, value: { n: 1, at: "1970-01-01T00:00:00.001Z", odd: null } },
      { ok: true, value: { n: 2, at: "1970-01-01T00:00:00.002Z", odd: null } },
    ]);
  });

  test("tells how it failed, and what was done until then", async () => {
    scene.say = ({ prompt }) => (prompt === "b" ? new Failure("REFUSED", "no") : "fine");
    const id = await scene.start(patternOf("fails", async (ctx) => [await ask(ctx, "a"), await ask(ctx, "b")]));
    await scene.serve();
    expect(await scene.ended(id)).toMatchObject({
      status: "failed",
      error: { code: "REFUSED", step: "ann.2" },
      output: { partial: [{ step: "ann", output: "fine" }] },
    });
    expect(await scene.faults(id)).toEqual([]);
  });

  test("is seen through when the program has changed since", async () => {
    const id = await scene.start(patternOf("changes", async (ctx) => [await ask(ctx, "a"), await ask(ctx, "b")]));
    await scene.serve();
    await scene.ended(id);
    scene.learn(patternOf("changes", async (ctx) => [await ask(ctx, "a"), await ask(ctx, "c")]));
    expect(await scene.faults(id)).toContainEqual(expect.stringContaining("DIVERGED"));
    scene.learn(patternOf("changes", async (ctx) => [await ask(ctx, "a"), "b"]));
    expect(await scene.faults(id)).toContainEqual(expect.stringContaining("DIVERGED"));
    scene.learn(patternOf("changes", async (ctx) => [await ask(ctx, "a"), await ask(ctx, "b"), await ask(ctx, "c")]));
    expect(await scene.faults(id)).toContainEqual(expect.stringContaining("DIVERGED"));
  });
});
