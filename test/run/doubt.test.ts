import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Deed } from "../../src/core/deed.ts";
import { Failure } from "../../src/core/errors.ts";
import type { Decision } from "../../src/core/store.ts";
import { patternOf, Scene } from "./scene.ts";
import type { Server } from "./server.ts";

let scene: Scene;
/** What was paid, and how often it was looked whether it was. */
const paid: string[] = [];
let looked = 0;

beforeEach(async () => {
  paid.splice(0);
  looked = 0;
  scene = await Scene.open();
});
afterEach(() => scene.close());

const PAY: Deed = { does: "pay", input: { usd: 5 }, effect: true };
const verify = { does: "look", input: 5, read: (found: unknown) => found as { done: true; value: unknown } };
const pays = (deed: Deed) =>
  patternOf("pays", async (ctx) => [await ctx.act("pay", deed), (await ctx.call("ann", { prompt: "x" })).output]);

/** So many payments are heard and never answered; what is found when it is looked for them is told. */
function deeds(silent: number, found: () => unknown = () => ({ done: false })): void {
  scene.deeds = [
    {
      name: "pay",
      perform: async (_, { place }) => {
        paid.push(place);
        return paid.length > silent ? "receipt" : new Promise(() => {});
      },
    },
    {
      name: "look",
      perform: async () => {
        looked++;
        return found();
      },
    },
  ];
}

/** A server that dies while a payment is under way, and another that takes its run up. */
async function crashed(): Promise<Server> {
  const before = paid.length;
  const first = await scene.serve();
  await scene.until(() => paid.length > before);
  first.die();
  await scene.pass(400);
  return scene.serve();
}

async function decided(id: string, decision: Decision): Promise<void> {
  await scene.until(() => scene.is(id, "waiting"));
  const [wait] = (await scene.store.progress(id)).waiting;
  await scene.store.decide(id, wait?.place ?? "", decision, "eve");
}

describe("an effect that a crash cut off", () => {
  test("is not had again: a person is asked what became of it, is shown what it was, and no model may answer", async () => {
    deeds(1);
    const id = await scene.start(pays(PAY));
    await crashed();
    await scene.until(() => scene.is(id, "waiting"));
    const [wait] = (await scene.store.progress(id)).waiting;
    expect(wait).toMatchObject({
      kind: "answer",
      place: "pay/~done",
      show: { action: "pay", input: { usd: 5 }, problem: expect.stringContaining("nobody knows") },
      terms: { choices: ["approve", "answer", "reject"], self: false },
    });
    expect(paid).toHaveLength(1);
  });

  test.each([
    ["was done and gave a value: that is what the step gives", { how: "answered", value: "r-7" }, "r-7", 1],
    ["was done: the step gives nothing", { how: "approved" }, null, 1],
    ["was not done: it is done now", { how: "rejected" }, "receipt", 2],
  ] as const)("of which a person says that it %s", async (_, decision, output, times) => {
    deeds(1);
    const id = await scene.start(pays(PAY));
    await crashed();
    await decided(id, decision);
    expect(await scene.ended(id)).toMatchObject({ status: "succeeded", output: [output, "fine"] });
    expect(paid).toHaveLength(times);
    expect(await scene.faults(id)).toEqual([]);
  });

  test("and is cut off again after a person had it done is asked about again", async () => {
    deeds(2);
    const id = await scene.start(pays(PAY));
    const second = await crashed();
    await decided(id, { how: "rejected" });
    await scene.until(() => paid.length === 2);
    second.die();
    await scene.pass(400);
    await scene.serve();
    await decided(id, { how: "answered", value: "r-8" });
    expect(await scene.ended(id)).toMatchObject({ output: ["r-8", "fine"] });
    expect(paid).toHaveLength(2);
    expect(await scene.faults(id)).toEqual([]);
  });

  test("is not had again by a retry of its run, which was cancelled for another branch's failure", async () => {
    deeds(1);
    const program = patternOf("two", (ctx) =>
      ctx.map(
        ["pay", "fail"],
        async (what, branch) => {
          if (what === "pay") return branch.act("pay", PAY);
          return (await branch.call("ann", { prompt: "fail" })).output;
        },
        { join: { kind: "all" } },
      ),
    );
    scene.say = ({ nth }) => (nth === 1 ? { say: new Failure("BAD_REQUEST", "no"), ms: 20 } : "fine");
    const id = await scene.start(program);
    await scene.serve();
    expect(await scene.ended(id)).toMatchObject({ status: "failed" });
    await scene.store.again(id, "failed");
    await decided(id, { how: "answered", value: "r-9" });
    expect(await scene.ended(id)).toMatchObject({ status: "succeeded" });
    expect(paid).toEqual(["map/0/pay"]);
  });
});

describe("an effect with `verify` that a crash cut off", () => {
  test.each([
    ["and was had gives what was found", { done: true, value: "r-1" }, "r-1", 1],
    ["and was not had is had now", { done: false }, "receipt", 2],
  ])("%s", async (_, found, output, times) => {
    deeds(1, () => found);
    const id = await scene.start(pays({ ...PAY, verify }));
    await crashed();
    expect(await scene.ended(id)).toMatchObject({ status: "succeeded", output: [output, "fine"] });
    expect([paid.length, looked]).toEqual([times, 1]);
    expect(await scene.faults(id)).toEqual([]);
  });

  test("is looked for again where the look fails and that may pass", async () => {
    deeds(1, () => {
      if (looked === 1) throw new Failure("NETWORK", "cut");
      return { done: true, value: "r-2" };
    });
    const id = await scene.start(pays({ ...PAY, verify }));
    await crashed();
    expect(await scene.ended(id)).toMatchObject({ output: ["r-2", "fine"] });
    expect([paid.length, looked]).toEqual([1, 2]);
  });

  test("is a person's to tell where it cannot be looked for", async () => {
    deeds(1, () => {
      throw new Failure("FORBIDDEN", "not for you");
    });
    const id = await scene.start(pays({ ...PAY, verify }));
    await crashed();
    await decided(id, { how: "approved", value: "r-3" });
    expect(await scene.ended(id)).toMatchObject({ output: ["r-3", "fine"] });
    expect(paid).toHaveLength(1);
    expect(await scene.faults(id)).toEqual([]);
  });

  test("is not looked for where nothing was cut off", async () => {
    deeds(0);
    const id = await scene.start(pays({ ...PAY, verify }));
    await scene.serve();
    expect(await scene.ended(id)).toMatchObject({ output: ["receipt", "fine"] });
    expect(looked).toBe(0);
  });
});
