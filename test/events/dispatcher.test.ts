import { setImmediate as turn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Failure } from "../../src/core/errors.ts";
import type { StoredEvent, Subscription } from "../../src/core/event.ts";
import type { Log } from "../../src/core/log.ts";
import { SILENT } from "../../src/core/log.ts";
import type { RunStore } from "../../src/core/store.ts";
import { Dispatcher } from "../../src/events/dispatcher.ts";
import { openStore } from "../../src/store/sqlite/open.ts";
import { cleaned } from "../store/home.ts";
import { event, FakeClock, newRun, ROOM } from "../store/kit.ts";

const { folder, after } = cleaned();
const known: Subscription[] = [];
let clock: FakeClock;
let store: RunStore;
let home: string;

beforeEach(async () => {
  home = folder();
  clock = new FakeClock();
  known.splice(0, known.length, { name: "all", on: { type: "*" }, run: "writer" });
  store = await openStore({ home, clock, subscriptions: () => known });
  after(() => store.close());
});

const opened: Dispatcher[] = [];
afterEach(async () => {
  for (const each of opened.splice(0)) await each.stop();
});

type Start = (subscription: Subscription, event: StoredEvent) => Promise<{ readonly id: string }>;

/** A dispatcher that begins runs as the engine does: each event once, by its key. */
function dispatcher(before: (event: StoredEvent) => void = () => {}, on = store, log: Log = SILENT): Dispatcher {
  const start: Start = async ({ name }, { number, ...rest }) => {
    before({ number, ...rest });
    const wish = newRun({ idempotency: { key: `event/${number}/${name}`, hash: "h" } });
    return (await on.create(wish, ROOM)).run;
  };
  const made = new Dispatcher({ store: on, start, subscriptions: () => known, clock, log });
  opened.push(made);
  return made;
}

/** Lets so much time pass, and everything that is begun by it come to rest. */
async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 50) {
    clock.pass(Math.min(50, left));
    for (let i = 0; i < 8; i++) await turn();
  }
}

const states = async (): Promise<string[]> =>
  (await store.deliveries({ subscription: "all", limit: 20 })).map(({ event: { id }, state }) => `${id} ${state}`);

const runs = async (): Promise<number> => (await store.list({ limit: 100 })).runs.length;

describe("a dispatcher", () => {
  test("begins what is due, once, however often it looks", async () => {
    await store.publish(event("1"), "local");
    dispatcher().start();
    await pass(3000);
    expect(await states()).toEqual(["1 started"]);
    expect(await runs()).toBe(1);
  });

  test("does nothing before it is started, and nothing more once it is stopped", async () => {
    const one = dispatcher();
    await store.publish(event("1"), "local");
    one.kick();
    await pass(1000);
    expect(await runs()).toBe(0);
    one.start();
    await pass(100);
    await one.stop();
    await store.publish(event("2"), "local");
    one.kick();
    await pass(2000);
    expect(await states()).toEqual(["2 due", "1 started"]);
  });

  test("tries again after pauses that double, from a second on, and gives up after five tries", async () => {
    const tried: number[] = [];
    const began = clock.mono();
    await store.publish(event("1"), "local");
    dispatcher(() => {
      tried.push(Math.round((clock.mono() - began) / 1000));
      throw new Failure("UNKNOWN_AGENT", "there is no writer");
    }).start();
    await pass(40_000);
    expect(tried).toEqual([0, 1, 3, 7, 15]);
    expect(await store.deliveries({ state: "dead", limit: 10 })).toMatchObject([
      { tries: 5, error: "UNKNOWN_AGENT: there is no writer" },
    ]);
  });

  test("waits no longer than five minutes, and tries as often as the subscription says", async () => {
    known.splice(0, 1, { name: "all", on: { type: "order.*" }, run: "writer", attempts: 11 });
    const tried: number[] = [];
    await store.publish(event("1"), "local");
    dispatcher(() => {
      tried.push(clock.mono());
      throw new Failure("UNKNOWN_AGENT", "there is no writer");
    }).start();
    for (let i = 0; i < 120; i++) {
      clock.pass(10_000);
      for (let j = 0; j < 8; j++) await turn();
    }
    const pauses = tried.slice(1).map((at, i) => at - (tried[i] ?? 0));
    expect(tried).toHaveLength(11);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(310_000);
    expect(await states()).toEqual(["1 dead"]);
  });

  test("goes on once what was wrong is right again", async () => {
    let isWrong = true;
    await store.publish(event("1"), "local");
    dispatcher(() => {
      if (isWrong) throw new Failure("UNKNOWN_WORKFLOW", "there is none");
    }).start();
    await pass(4000);
    isWrong = false;
    await pass(5000);
    expect(await states()).toEqual(["1 started"]);
  });

  test("waits for room in a full queue for as long as it takes: that is no try", async () => {
    let isFull = true;
    await store.publish(event("1"), "local");
    dispatcher(() => {
      if (isFull) throw new Failure("QUEUE_FULL", "come back", { retry_after_ms: 2000 });
    }).start();
    await pass(60_000);
    expect(await store.deliveries({ limit: 1 })).toMatchObject([{ state: "due", tries: 0 }]);
    isFull = false;
    await pass(2000);
    expect(await states()).toEqual(["1 started"]);
  });

  test("blames no delivery for a store that cannot be written", async () => {
    let isFull = true;
    await store.publish(event("1"), "local");
    dispatcher(() => {
      if (isFull) throw new Failure("STORE_FULL", "the disk is full");
    }).start();
    await pass(20_000);
    expect(await store.deliveries({ limit: 1 })).toMatchObject([{ state: "due", tries: 0 }]);
    isFull = false;
    await pass(1500);
    expect(await states()).toEqual(["1 started"]);
  });

  test("begins the events of one correlation one after another, and the others meanwhile", async () => {
    for (const [id, more] of [
      ["a1", { correlationid: "a" }],
      ["a2", { correlationid: "a" }],
      ["x", {}],
      ["y", {}],
    ] as const)
      await store.publish(event(id, more), "local");
    known.splice(0, 1, { name: "all", on: { type: "order.*" }, run: "writer" });
    dispatcher().start();
    await pass(3000);
    expect(await states()).toEqual(["y started", "x started", "a2 due", "a1 started"]);
    const [first] = (await store.deliveries({ subscription: "all", limit: 20 })).slice(-1);
    const { run: unrelated } = await store.create(newRun(), ROOM);
    await store.cancel(unrelated.id);
    await pass(1000);
    expect(await states()).toContain("a2 due");
    await store.cancel(first?.run ?? "");
    await pass(1000);
    expect(await states()).toEqual(["y started", "x started", "a2 started", "a1 done"]);
  });

  test("in two processes begins every event once", async () => {
    const other = await openStore({ home, clock, subscriptions: () => known });
    after(() => other.close());
    known.splice(0, 1, { name: "all", on: { type: "order.*" }, run: "writer" });
    dispatcher().start();
    dispatcher(undefined, other).start();
    for (let i = 0; i < 20; i++) {
      await (i % 2 === 0 ? store : other).publish(event(`${i}`), "local");
      if (i % 5 === 0) await pass(100);
    }
    await pass(2000);
    expect(await runs()).toBe(20);
    expect(new Set((await states()).map((each) => each.split(" ")[1]))).toEqual(new Set(["started"]));
  });

  test("leaves alone what is meant for subscriptions that it does not know", async () => {
    await store.publish(event("1"), "local");
    known.splice(0, 1, { name: "new", on: { type: "*" }, run: "writer" });
    dispatcher().start();
    await pass(2000);
    expect(await states()).toEqual(["1 due"]);
  });

  test("says in the log what it could not begin, and what it gives up", async () => {
    const said: object[] = [];
    const tell = (fields: object) => said.push(fields);
    await store.publish(event("1"), "local");
    known.splice(0, 1, { name: "all", on: { type: "order.*" }, run: "writer", attempts: 2 });
    const wrong = () => {
      throw new Failure("UNKNOWN_AGENT", "there is no writer");
    };
    dispatcher(wrong, store, { ...SILENT, warn: tell, error: tell }).start();
    await pass(3000);
    expect(said).toMatchObject([
      { event: "delivery.failed", subscription: "all", code: "UNKNOWN_AGENT", about: { id: "1", type: "order.paid" } },
      { event: "delivery.dead", subscription: "all" },
    ]);
  });
});
