import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Failure } from "../../src/core/errors.ts";
import type { RunContext, WaitAsk } from "../../src/core/pattern.ts";
import type { Wait } from "../../src/core/store.ts";
import { patternOf, Scene } from "./scene.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await Scene.open();
});
afterEach(() => scene.close());

/** Asks, and gives what it was told. */
const asking = (name: string, ask: WaitAsk) => patternOf(name, (ctx) => ctx.wait("gate", ask));

const gate = async (id: string): Promise<Wait | undefined> =>
  (await scene.store.progress(id)).waiting.find(({ place }) => place === "gate");

describe("nobody decides", () => {
  test.each([
    ["approved", { how: "approved" }, { how: "approved", note: "nobody has decided in time" }],
    ["rejected", { how: "rejected" }, { how: "rejected", note: "nobody has decided in time" }],
    ["answered", { how: "answered", value: 7 }, { how: "answered", value: 7, note: "nobody has decided in time" }],
  ] as const)(
    "and the default is taken: %s, also where the server was away when the time was over",
    async (_, instead, told) => {
      const id = await scene.start(
        asking("late", { kind: "approval", show: "Pay 5.", within_seconds: 3600, default: instead }),
      );
      const server = await scene.serve();
      await scene.until(() => scene.is(id, "waiting"));
      server.die();
      scene.time.jump(4_000_000);
      const late = await scene.store.decide(id, "gate", { how: "approved" }, "eve").catch((error) => error);
      expect(late).toMatchObject({ code: "ILLEGAL_CHANGE" });
      await scene.serve();
      expect(await scene.ended(id)).toMatchObject({ status: "succeeded", output: told });
      expect((await scene.store.memory(id)).waits).toMatchObject([{ place: "gate", state: "expired" }]);
      expect(await scene.faults(id)).toEqual([]);
    },
  );

  test("and it is told again when its time has come, by whichever server is there then; the run goes on waiting", async () => {
    const escalate = { after_seconds: 600, note: "ask Ada instead" };
    const id = await scene.start(asking("slow", { kind: "approval", escalate, within_seconds: 3600 }));
    const server = await scene.serve();
    await scene.until(() => scene.is(id, "waiting"));
    server.die();
    scene.time.jump(599_000);
    await scene.serve();
    await scene.pass(500);
    expect((await gate(id))?.escalated_at).toBeUndefined();
    await scene.pass(3000);
    expect(await gate(id)).toMatchObject({ state: "open", escalated_at: expect.any(Number), terms: { escalate } });
    await scene.store.decide(id, "gate", { how: "approved" }, "Ada");
    expect(await scene.ended(id)).toMatchObject({ output: { how: "approved" } });
  });
});

describe("an approval", () => {
  test("stands for the step, what is shown, the action with its arguments, and what asks: another hash for each", async () => {
    const action = { name: "pay", arguments: { sum: 5 } };
    const ways: Record<string, (ctx: RunContext) => Promise<unknown>> = {
      a: (ctx) => ctx.wait("gate", { kind: "approval", show: "x", action }),
      b: (ctx) => ctx.wait("gate", { kind: "approval", show: "y", action }),
      c: (ctx) => ctx.wait("gate", { kind: "approval", show: "x", action: { name: "pay", arguments: { sum: 6 } } }),
      d: (ctx) => ctx.wait("gate", { kind: "approval", show: "x", action: { name: "give", arguments: { sum: 5 } } }),
      e: (ctx) => ctx.wait("gate", { kind: "approval", show: "x", action, definition: "flow@2" }),
      f: (ctx) => ctx.wait("door", { kind: "approval", show: "x", action }),
    };
    const id = await scene.start(
      patternOf("ways", (ctx) =>
        ctx.run(
          patternOf("inner", (inner) => inner.map(Object.values(ways), (way, branch) => way(branch))),
          {},
        ),
      ),
    );
    await scene.serve();
    await scene.until(() => scene.is(id, "waiting"));
    const { waiting } = await scene.store.progress(id);
    expect(waiting).toHaveLength(6);
    expect(new Set(waiting.map(({ approval }) => approval)).size).toBe(6);
    expect(waiting[0]?.terms).toMatchObject({ definition: "ways@1", action });
    expect(waiting[4]?.terms).toMatchObject({ definition: "flow@2" });
  });

  test("of what was shown before a step was done again does not count for what is shown now", async () => {
    const drafts = ["pay 5 to Ada", "pay 500 to Eve"];
    scene.say = ({ nth }) => drafts[nth - 1] ?? "";
    const id = await scene.start(
      patternOf("drafts", async (ctx) => {
        const { output } = await ctx.call("ann", { name: "draft", prompt: "Draft it." });
        const { how } = await ctx.wait("gate", { kind: "approval", action: { name: "pay", arguments: output } });
        if (how !== "approved") throw new Failure("REJECTED", "no");
        return output;
      }),
    );
    await scene.serve();
    await scene.until(() => scene.is(id, "waiting"));
    const first = await gate(id);
    await scene.store.decide(id, "gate", { how: "rejected" }, "eve");
    await scene.ended(id);
    await scene.store.again(id, "failed", "draft");
    await scene.until(() => scene.is(id, "waiting"));
    const second = await gate(id);
    expect(second?.terms?.action?.arguments).toBe("pay 500 to Eve");
    const stale = { how: "approved", approval: first?.approval ?? "" } as const;
    await expect(scene.store.decide(id, "gate", stale, "eve")).rejects.toMatchObject({ code: "STALE_APPROVAL" });
    expect(await scene.is(id, "waiting")).toBe(true);
    await scene.store.decide(id, "gate", { how: "approved", approval: second?.approval ?? "" }, "eve");
    expect(await scene.ended(id)).toMatchObject({ output: "pay 500 to Eve" });
  });
});
