import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Deed, DeedScene } from "../../src/core/deed.ts";
import { Failure } from "../../src/core/errors.ts";
import type { RunContext } from "../../src/core/pattern.ts";
import type { Run } from "../../src/core/store.ts";
import { patternOf, Scene } from "./scene.ts";
import type { Server } from "./server.ts";

let scene: Scene;
/** What was done in the world, in order: a payment as `+a`, its way back as `-a`; each key counts once. */
const world: string[] = [];
const keys = new Set<string>();
/** What happens when something is paid, or given back. */
let mishap: (what: string, nth: number) => unknown = () => undefined;
let tries = 0;

beforeEach(async () => {
  world.splice(0);
  keys.clear();
  tries = 0;
  mishap = () => undefined;
  scene = await Scene.open();
  const perform =
    (sign: string) =>
    async (input: unknown, { key }: DeedScene) => {
      const what = `${sign}${String((input as { what: unknown }).what)}`;
      const hurt = await mishap(what, ++tries);
      if (hurt instanceof Failure) throw hurt;
      if (!keys.has(key)) world.push(what);
      keys.add(key);
      if (hurt !== undefined) return hurt;
      return { receipt: `${what}#${world.length}` };
    };
  scene.deeds = [
    { name: "pay", perform: perform("+") },
    { name: "refund", perform: perform("-") },
  ];
});
afterEach(() => scene.close());

const pay = (what: string, more: Partial<Deed> = {}): Deed => ({
  does: "pay",
  input: { what },
  effect: true,
  compensate: { does: "refund", input: { what } },
  ...more,
});

/** Pays for a, and for b and c side by side; then something terrible happens. */
const terrible = (end: (ctx: RunContext) => Promise<unknown>) =>
  patternOf("shop", async (ctx) => {
    await ctx.act("a", pay("a"));
    await ctx.map(["b", "c"], (what, branch) => branch.act(what, pay(what)));
    return end(ctx);
  });

async function undoingOf(id: string): Promise<Run> {
  await scene.until(async () => (await scene.store.undoings(id)).length > 0);
  const [undoing] = (await scene.store.undoings(id)).toReversed();
  if (!undoing) throw new Error("nothing is taken back");
  return undoing;
}

/** The end of what takes back what a run did. */
const undone = async (id: string): Promise<Run> => scene.ended((await undoingOf(id)).id);

const backs = () => world.filter((what) => what.startsWith("-"));

async function died(first: Server): Promise<Server> {
  first.die();
  await scene.pass(400);
  return scene.serve();
}

describe("what a run did that ends by a catastrophe is taken back, the last first", () => {
  test.each([
    [
      "a bug",
      "BUG",
      async () => {
        throw new Error("oh");
      },
    ],
    [
      "two things at once",
      "OVERLAPPED",
      async (ctx: RunContext) => Promise.all([ctx.call("ann", { prompt: "x" }), ctx.call("ann", { prompt: "y" })]),
    ],
    [
      "damage that a deed reports",
      "DAMAGE",
      (ctx: RunContext) => ctx.act("hurt", { does: "pay", input: { what: "hurt" } }),
    ],
  ] as const)("after %s", async (_, code, end) => {
    mishap = (what) => (what === "+hurt" ? new Failure("DAMAGE", "the drawer is broken") : undefined);
    const id = await scene.start(terrible(end as (ctx: RunContext) => Promise<unknown>));
    await scene.serve();
    expect(await scene.ended(id)).toMatchObject({ status: "dead", error: { code } });
    const last = await undone(id);
    expect(last).toMatchObject({ status: "succeeded", pattern: "compensate", undoes: id, caller: "eve" });
    expect(last.output).toMatchObject({ run: id, taken_back: ["map/1/c", "map/0/b", "a"] });
    expect(backs()).toEqual(["-c", "-b", "-a"]);
    expect((await scene.run(id)).degraded).toEqual(["what it did was taken back: map/1/c, map/0/b, a"]);
  });

  test("after memory and pattern disagree", async () => {
    let question = "one";
    const shop = terrible(async (ctx) => (await ctx.call("ann", { prompt: question })).output);
    scene.say = () => "silence";
    const id = await scene.start(
      patternOf("diverging", async (ctx, input) => {
        await ctx.act(question === "one" ? "first" : "other", pay("z"));
        return shop.run(ctx, input);
      }),
    );
    const server = await scene.serve();
    await scene.until(() => scene.asked.length > 0);
    question = "two";
    await died(server);
    expect(await scene.ended(id)).toMatchObject({ status: "dead", error: { code: "DIVERGED" } });
    expect(await undone(id)).toMatchObject({ status: "succeeded" });
    expect(backs()).toEqual(["-c", "-b", "-a", "-z"]);
  });

  test("after a step that kills its server again and again", async () => {
    scene.say = () => "silence";
    const id = await scene.start(terrible(async (ctx) => (await ctx.call("ann", { prompt: "crash" })).output));
    let server = await scene.serve();
    for (const nth of [1, 2, 3]) {
      await scene.until(() => scene.asked.length >= nth);
      server = await died(server);
    }
    expect(await scene.ended(id)).toMatchObject({ status: "dead", error: { code: "CRASH_LOOP" } });
    expect(await undone(id)).toMatchObject({ status: "succeeded" });
    expect(backs()).toEqual(["-c", "-b", "-a"]);
  });

  test("though its pattern is there no more", async () => {
    const bug = terrible(async () => {
      throw new Error("oh");
    });
    const id = await scene.start(bug);
    const first = await scene.serve((server) => {
      void scene.is(id, "dead").then((dead) => dead && server.die());
    });
    await scene.until(() => first.dead);
    scene.forget(bug);
    await scene.pass(400);
    await scene.serve();
    expect(await undone(id)).toMatchObject({ status: "succeeded" });
    expect(backs()).toEqual(["-c", "-b", "-a"]);
  });
});

const BUG = terrible(async () => {
  throw new Error("oh");
});

describe("what is taken back", () => {
  test("by a server that is killed at whichever commit is done once all the same, in the same order", async () => {
    for (let commit = 1; commit <= 14; commit++) {
      world.splice(0);
      const id = await scene.start(BUG);
      let since: number | undefined;
      let begun = false;
      const server = await scene.serve((each, count) => {
        if (begun) since ??= count;
        if (since !== undefined && count === since + commit - 1) each.die();
      });
      await scene.until(async () => {
        begun ||= (await scene.store.undoings(id)).length > 0;
        return server.dead || (begun && (await undoingOf(id)).status === "succeeded");
      });
      if (!server.dead) server.die();
      await scene.pass(400);
      const second = await scene.serve();
      expect(await undone(id), String(commit)).toMatchObject({ status: "succeeded" });
      expect(backs(), String(commit)).toEqual(["-c", "-b", "-a"]);
      expect(await scene.faults((await undoingOf(id)).id)).toEqual([]);
      second.die();
    }
  });

  test("and may not be repeated is a person's to tell, where a crash cut that off", async () => {
    mishap = (what, nth) => (what === "-a" && nth === 2 ? new Promise(() => {}) : undefined);
    const way = { does: "refund", input: { what: "a" }, effect: true } as const;
    const id = await scene.start(
      patternOf("one", async (ctx) => {
        await ctx.act("a", pay("a", { compensate: way }));
        throw new Error("oh");
      }),
    );
    const server = await scene.serve();
    await scene.until(() => tries === 2);
    await died(server);
    const { id: undoing } = await undoingOf(id);
    await scene.until(() => scene.is(undoing, "waiting"));
    await scene.store.decide(undoing, "a/~done", { how: "approved" }, "eve");
    expect(await undone(id)).toMatchObject({ status: "succeeded" });
    expect(backs()).toEqual([]);
  });

  test("is told what the deed gave, and what was known when it was claimed", async () => {
    const way = {
      does: "refund",
      input: { what: "{{ output.receipt }} of {{ shop.name }}", by: "= size(output.receipt) + shop.n" },
      values: { shop: { name: "ann", n: 1 } },
    };
    const id = await scene.start(
      patternOf("one", async (ctx) => {
        await ctx.act("a", pay("a", { compensate: way }));
        throw new Error("oh");
      }),
    );
    await scene.serve();
    expect(await undone(id)).toMatchObject({ status: "succeeded" });
    expect(backs()).toEqual(["-+a#1 of ann"]);
  });

  test("keeps nothing else from being taken back where it fails; then the run says so, and a retry tries it alone", async () => {
    let broken = true;
    mishap = (what) => (what === "-b" && broken ? new Failure("BAD_REQUEST", "closed") : undefined);
    const id = await scene.start(BUG);
    await scene.serve();
    const left = await undone(id);
    expect(left).toMatchObject({
      status: "failed",
      error: { code: "NOT_UNDONE", message: expect.stringContaining("map/0/b (BAD_REQUEST") },
    });
    expect(backs()).toEqual(["-c", "-a"]);
    expect((await scene.run(id)).degraded).toEqual([
      expect.stringMatching(/has ended as failed .*map\/0\/b.*taken back: map\/1\/c, a/),
    ]);
    broken = false;
    const { run, existed } = await scene.store.compensate(id, { ask: false });
    expect([run.id, existed]).toEqual([left.id, true]);
    expect(await scene.ended(left.id)).toMatchObject({ status: "succeeded" });
    expect(backs()).toEqual(["-c", "-a", "-b"]);
    expect((await scene.run(id)).degraded).toEqual(["what it did was taken back: map/1/c, map/0/b, a"]);
  });

  test("is tried again where its failure passes", async () => {
    mishap = (what, nth) => (what === "-c" && nth < 6 ? new Failure("OVERLOADED", "later") : undefined);
    const id = await scene.start(BUG);
    await scene.serve();
    expect(await undone(id)).toMatchObject({ status: "succeeded" });
    expect(backs()).toEqual(["-c", "-b", "-a"]);
  });

  test.each([
    ["it was done", { how: "answered", value: {} }, ["-b", "-a"]],
    ["it was not", { how: "rejected" }, ["-a"]],
  ] as const)("of a deed that was cut off is told by a person: %s", async (_, decision, expected) => {
    mishap = (what) => (what === "+b" ? new Promise(() => {}) : undefined);
    const id = await scene.start(
      patternOf("cut", async (ctx) => {
        await ctx.act("a", pay("a"));
        await ctx.map(["b", "x"], async (what, branch) => {
          if (what === "b") return branch.act("b", pay("b"));
          await branch.act("x", { does: "pay", input: { what: "x" } });
          throw new Error("oh");
        });
      }),
    );
    await scene.serve();
    const { id: undoing } = await undoingOf(id);
    await scene.until(() => scene.is(undoing, "waiting"));
    const [wait] = (await scene.store.progress(undoing)).waiting;
    expect(wait).toMatchObject({
      kind: "answer",
      show: { action: "pay", input: { what: "b" } },
      terms: { self: false },
    });
    expect(backs()).toEqual([]);
    await scene.store.decide(undoing, wait?.place ?? "", decision, "eve");
    expect(await undone(id)).toMatchObject({ status: "succeeded" });
    expect(backs()).toEqual(expected);
  });
});

describe("a deed that was cut off and says how it is looked for", () => {
  const tells = { done: "output.paid", value: "output.receipt", values: {}, output: "body", missing: [404] };
  const verify = { does: "look", input: "b", tells, read: () => ({ done: false }) as const };
  const way = { does: "refund", input: { what: "{{ output }}" }, values: {}, output: "body" };

  test.each([
    ["was had: it is taken back", { status: 200, body: { paid: true, receipt: "r7" } }, ["-r7"]],
    ["is not there", { status: 404, body: null }, []],
    ["is there, and not done", { status: 200, body: { paid: false } }, []],
  ])("%s", async (_, found, expected) => {
    mishap = (what) => (what === "+b" ? new Failure("TIMEOUT", "no answer") : undefined);
    scene.deeds = [...scene.deeds, { name: "look", perform: async () => found }];
    const id = await scene.start(
      patternOf("cut", async (ctx) => {
        await ctx.act("b", pay("b", { verify, compensate: way })).catch(() => {});
        throw new Error("oh");
      }),
    );
    await scene.serve();
    expect(await undone(id)).toMatchObject({ status: "succeeded" });
    expect(backs()).toEqual(expected);
  });

  test("is a person's to tell where the look fails", async () => {
    mishap = (what) => (what === "+b" ? new Failure("TIMEOUT", "no answer") : undefined);
    const id = await scene.start(
      patternOf("cut", async (ctx) => {
        await ctx.act("b", pay("b", { verify, compensate: way })).catch(() => {});
        throw new Error("oh");
      }),
    );
    await scene.serve();
    const { id: undoing } = await undoingOf(id);
    await scene.until(() => scene.is(undoing, "waiting"));
    const [wait] = (await scene.store.progress(undoing)).waiting;
    await scene.store.decide(undoing, wait?.place ?? "", { how: "answered", value: "r9" }, "eve");
    expect(await undone(id)).toMatchObject({ status: "succeeded" });
    expect(backs()).toEqual(["-r9"]);
  });
});

describe("on request", () => {
  const shop = (end: (ctx: RunContext) => Promise<unknown>) => terrible(end);

  test.each([
    ["failed", async () => Promise.reject(new Failure("GATE_FAILED", "no"))],
    ["cancelled", (ctx: RunContext) => ctx.call("ann", { prompt: "x" })],
  ] as const)("what a run did that has %s is taken back, once however often it is asked", async (status, end) => {
    scene.say = () => "silence";
    const id = await scene.start(shop(end));
    await scene.serve();
    if (status === "cancelled") {
      await scene.until(() => scene.asked.length > 0);
      await expect(scene.store.compensate(id, { ask: false })).rejects.toMatchObject({ code: "ILLEGAL_CHANGE" });
      await scene.store.cancel(id);
    }
    expect(await scene.ended(id)).toMatchObject({ status });
    expect(backs()).toEqual([]);
    const asked = await Promise.all([1, 2].map(() => scene.store.compensate(id, { ask: false })));
    expect(new Set(asked.map(({ run }) => run.id)).size).toBe(1);
    expect(await undone(id)).toMatchObject({ status: "succeeded" });
    await scene.store.compensate(id, { ask: false });
    expect(backs()).toEqual(["-c", "-b", "-a"]);
    expect(await scene.store.undoable(id)).toMatchObject({ steps: [], undone: ["map/1/c", "map/0/b", "a"] });
    expect(await scene.run(id)).toMatchObject({ status });
  });

  test("what was stopped in the middle goes on where it was", async () => {
    let stuck = true;
    mishap = (what) => (what === "-b" && stuck ? new Promise(() => {}) : undefined);
    const id = await scene.start(BUG);
    await scene.serve();
    const first = await undoingOf(id);
    await scene.until(() => backs().length === 1 && tries === 5);
    await scene.store.cancel(first.id);
    await scene.ended(first.id);
    stuck = false;
    const { run } = await scene.store.compensate(id, { ask: false });
    expect(run.id).not.toBe(first.id);
    expect(await scene.ended(run.id)).toMatchObject({ status: "succeeded", output: { taken_back: ["map/0/b", "a"] } });
    expect(backs()).toEqual(["-c", "-b", "-a"]);
  });

  test.each([
    ["approved", ["-c", "-b", "-a"], "succeeded"],
    ["rejected", [], "failed"],
  ] as const)("what a run did that succeeded waits until somebody has %s it", async (how, expected, status) => {
    const id = await scene.start(shop(async () => "well"));
    await scene.serve();
    await scene.ended(id);
    const { run } = await scene.store.compensate(id, { ask: true });
    await scene.until(() => scene.is(run.id, "waiting"));
    const [wait] = (await scene.store.progress(run.id)).waiting;
    expect(wait).toMatchObject({
      kind: "approval",
      show: {
        why: expect.stringContaining("3 steps would be taken back"),
        steps: [
          { step: "map/1/c", did: { does: "pay" }, taken_back_by: { does: "refund", input: { what: "c" } } },
          { step: "map/0/b" },
          { step: "a" },
        ],
      },
    });
    expect(backs()).toEqual([]);
    await scene.store.decide(run.id, "~allow", { how, approval: wait?.approval ?? "" }, "eve");
    expect(await scene.ended(run.id)).toMatchObject({ status });
    expect(backs()).toEqual(expected);
    expect(await scene.run(id)).toMatchObject({ status: "succeeded", output: "well" });
    expect((await scene.run(id)).degraded).toHaveLength(how === "approved" ? 1 : 0);
  });

  test("a run that did nothing that can be taken back says what stays", async () => {
    const id = await scene.start(
      patternOf("plain", (ctx) => ctx.act("a", { does: "pay", input: { what: "a" }, effect: true })),
    );
    await scene.serve();
    await scene.ended(id);
    await expect(scene.store.compensate(id, { ask: false })).rejects.toMatchObject({
      code: "ILLEGAL_CHANGE",
      message: expect.stringContaining("nothing says how a would be"),
    });
  });
});

describe("a run that is tried again", () => {
  test("after its deeds were taken back does them again, under other keys; not while they are being taken back", async () => {
    let bad = true;
    let free = () => {};
    const hold = new Promise<void>((resolve) => {
      free = resolve;
    });
    mishap = async (what) => {
      if (what === "-b") await hold;
    };
    const id = await scene.start(
      terrible(async () => {
        if (bad) throw new Error("oh");
        return "well";
      }),
    );
    await scene.serve();
    await scene.until(() => tries === 5);
    await expect(scene.store.again(id, "dead")).rejects.toMatchObject({ code: "ILLEGAL_CHANGE" });
    free();
    const first = await undone(id);
    bad = false;
    await scene.store.again(id, "dead");
    expect(await scene.ended(id)).toMatchObject({ status: "succeeded", output: "well", degraded: [] });
    expect(world).toEqual(["+a", "+b", "+c", "-c", "-b", "-a", "+a", "+b", "+c"]);
    expect(await scene.faults(id)).toEqual([]);
    const { run } = await scene.store.compensate(id, { ask: false });
    expect(run.id).not.toBe(first.id);
    await scene.ended(run.id);
    expect(backs()).toEqual(["-c", "-b", "-a", "-c", "-b", "-a"]);
  });

  test("keeps what could not be taken back, and that is then not taken back under its feet", async () => {
    let bad = true;
    mishap = (what) => (what === "-b" ? new Failure("BAD_REQUEST", "closed") : undefined);
    const id = await scene.start(
      terrible(async (ctx) => {
        if (bad) throw new Error("oh");
        return (await ctx.call("ann", { prompt: "x" })).output;
      }),
    );
    await scene.serve();
    const left = await undone(id);
    bad = false;
    scene.say = () => "silence";
    await scene.store.again(id, "dead");
    await scene.until(() => scene.asked.length > 0);
    expect(world.filter((what) => what === "+b")).toHaveLength(1);
    expect(world.filter((what) => what === "+a")).toHaveLength(2);
    await expect(scene.store.again(left.id, "failed")).rejects.toMatchObject({ code: "ILLEGAL_CHANGE" });
  });
});
