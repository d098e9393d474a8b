import { describe, expect, test } from "vitest";
import type { RunContext } from "../../src/core/pattern.ts";
import type { Run } from "../../src/core/store.ts";
import { openReceiver } from "../workflows/receiver.ts";
import { openForkHouse, play, say } from "./forks.ts";

type Receiver = Awaited<ReturnType<typeof openReceiver>>;

const told = (receiver: Receiver): readonly string[] => receiver.asked.splice(0);

const read = (ctx: RunContext, { host }: Receiver, path: string): Promise<unknown> =>
  ctx.act(path, { does: "http", input: { method: "GET", url: `http://${host}/${path}` } });

const send = (ctx: RunContext, { host }: Receiver, path: string): Promise<unknown> =>
  ctx.act(path, { does: "http", input: { method: "POST", url: `http://${host}/${path}` }, effect: true });

const openWorld = async (run: (ctx: RunContext, receiver: Receiver) => Promise<unknown>) => {
  const receiver = await openReceiver();
  const house = await openForkHouse({
    patterns: [play("world", (ctx) => run(ctx, receiver))],
    settings: { hosts: [`http://${receiver.host}`] },
  });
  return {
    ...house,
    told: () => told(receiver),
    async [Symbol.asyncDispose]() {
      await house[Symbol.asyncDispose]();
      await receiver[Symbol.asyncDispose]();
    },
  };
};

const patch = (place: string) => ({ changes: { steps: { [place]: { prompt: "otherwise" } } } });

describe("what reads the world, in a fork", () => {
  test("is reused where nothing before it was asked anew, and read again where something was", async () => {
    await using world = await openWorld(async (ctx, receiver) => {
      await read(ctx, receiver, "early");
      await say(ctx, "one", "one");
      await read(ctx, receiver, "late");
      return say(ctx, "two", "two");
    });
    const source = await world.play("world", { task: "t" });
    expect(world.told()).toEqual(["GET /early", "GET /late"]);
    const after = await world.fork(source, patch("two"));
    expect(world.told()).toEqual([]);
    expect(await world.reused(after)).toEqual(["early", "one", "late"]);
    const before = await world.fork(source, patch("one"));
    expect(world.told()).toEqual(["GET /late"]);
    expect(await world.reused(before)).toEqual(["early", "two"]);
  });

  test("is read again in a branch after one that asked anew, and not in one before it", async () => {
    await using world = await openWorld((ctx, receiver) =>
      ctx.map(["x", "y", "z"], async (name, inner) => [
        await say(inner, `ask ${name}`, "ask"),
        await read(inner, receiver, name),
      ]),
    );
    const source = await world.play("world", { task: "t" });
    world.told();
    await world.fork(source, patch("map/1/ask"));
    expect(world.told().toSorted()).toEqual(["GET /y", "GET /z"]);
  });
});

describe("an effect in a fork", () => {
  const mail = async (ctx: RunContext, receiver: Receiver) => {
    const draft = await say(ctx, "write", "draft");
    await send(ctx, receiver, "mail");
    return say(ctx, `sent ${draft.length > 0}`, "report");
  };

  test("is reused where nothing before it was asked anew", async () => {
    await using world = await openWorld(mail);
    const source = await world.play("world", { task: "t" });
    expect(world.told()).toEqual(["POST /mail"]);
    const fork = await world.fork(source, patch("report"));
    expect(fork.status).toBe("succeeded");
    expect(world.told()).toEqual([]);
  });

  test("waits for a person where it would be had again, and is had once when they approve", async () => {
    await using world = await openWorld(mail);
    const source = await world.play("world", { task: "t" });
    world.told();
    const fork = await world.fork(source, patch("draft"));
    expect(fork.status).toBe("waiting");
    expect(world.told()).toEqual([]);
    expect((await decided(world, fork, "approved")).status).toBe("succeeded");
    expect(world.told()).toEqual(["POST /mail"]);
    const again = await world.fork(fork, { from_step: "draft" });
    expect(again.status).toBe("waiting");
    const refused = await decided(world, again, "rejected");
    expect(refused).toMatchObject({ status: "failed", error: { code: "REJECTED", step: "mail" } });
    expect(world.told()).toEqual([]);
    const retried = await world.retry(again.id);
    expect(retried.status).toBe("waiting");
    expect((await decided(world, retried, "approved")).status).toBe("succeeded");
    expect(world.told()).toEqual(["POST /mail"]);
  });

  test("is had without asking where the caller says so", async () => {
    await using world = await openWorld(mail);
    const source = await world.play("world", { task: "t" });
    world.told();
    const fork = await world.fork(source, { ...patch("draft"), effects: "run" });
    expect(fork.status).toBe("succeeded");
    expect(world.told()).toEqual(["POST /mail"]);
  });
});

describe("what somebody has decided, in a fork", () => {
  const asking = async (ctx: RunContext) => {
    await say(ctx, "one", "one");
    const { how } = await ctx.wait("ok", { kind: "approval", show: "go on?" });
    return [how, await say(ctx, "two", "two")];
  };

  test("stands where nothing before it was asked anew, and is asked again where something was", async () => {
    await using world = await openWorld(asking);
    const waiting = await world.play("world", { task: "t" });
    const source = await decided(world, waiting, "approved");
    expect(source.status).toBe("succeeded");
    const after = await world.fork(source, patch("two"));
    expect(after).toMatchObject({ status: "succeeded", output: ["approved", expect.any(String)] });
    const before = await world.fork(source, patch("one"));
    expect(before.status).toBe("waiting");
    expect(await decided(world, before, "rejected")).toMatchObject({ output: ["rejected", expect.any(String)] });
  });
});

async function decided(
  { store, engine, ended }: Pick<Awaited<ReturnType<typeof openForkHouse>>, "store" | "engine" | "ended">,
  run: Run,
  how: "approved" | "rejected",
): Promise<Run> {
  const [wait] = (await store.progress(run.id)).waiting;
  if (!wait?.approval) throw new Error(`${run.id} waits for nobody`);
  await store.decide(run.id, wait.place, { how, approval: wait.approval }, "somebody");
  engine.nudge(run.id);
  return ended(run.id);
}
