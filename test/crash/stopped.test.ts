import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, expect, test } from "vitest";
import { expectBooksToAgree, Home } from "./books.ts";
import { expectAllWell } from "./lives.ts";
import { pause, until } from "./patience.ts";
import { Player } from "./player.ts";
import { answer, holdBack, oneCall, pipeline, tellStories } from "./stories.ts";

afterEach(() => Player.endAll());

test("a server that stood still for longer finds its runs taken: it closes its sockets, adds nothing, and corrects its bills", async () => {
  using home = new Home();
  const vendor = await tellStories({}, { bill_aborted: false });
  vendor.follow((asked) =>
    asked.user.includes("[silent]") ? { fault: "hang" } : { ...answer(asked), latency_ms: 500 },
  );
  const setup = { home: home.path, vendor: vendor.v1, lease_ms: 1500, limits: { runs: 2 } };
  const [sleeper, heir] = await Promise.all([Player.open(setup), Player.open(setup)]);
  const { id: late } = await sleeper.tell("start", oneCall("late"));
  const { id: silent } = await sleeper.tell("start", oneCall("silent"));
  await until("both are asked", () => vendor.report().count === 2);
  sleeper.signal("SIGSTOP");
  const answerNow = holdBack(vendor);
  await heir.tell("awaken");
  await until("both are asked again", () => vendor.report().count === 4);
  const before = await home.runs();

  sleeper.signal("SIGCONT");
  await until("its silent socket is closed", () => vendor.requests[1]?.state === "aborted");
  const { run, memory } = await until("the late bill is corrected", async () => {
    const told = (await home.runs()).find((one) => one.run.id === late);
    return told?.memory.attempts[0]?.estimated === false && told;
  });
  expect(memory.attempts[0]).toMatchObject({ result: "lost", usage: { usd: vendor.requests[0]?.billed } });
  expect(run).toMatchObject({ status: "running", epoch: 3, crashes: 1 });
  for (const told of await home.runs()) {
    const then = before.find((one) => one.run.id === told.run.id);
    expect(told.memory.lines).toEqual(then?.memory.lines);
    expect(told.memory.attempts.length).toBe(2);
  }

  answerNow();
  const ended = await Promise.all([late, silent].map((id) => heir.tell("wait", { id, ms: 30_000 })));
  expect(ended.map(({ status, epoch, crashes }) => ({ status, epoch, crashes }))).toEqual([
    { status: "succeeded", epoch: 3, crashes: 1 },
    { status: "succeeded", epoch: 3, crashes: 1 },
  ]);
  expect(vendor.report().count).toBe(4);
  await expectBooksToAgree(home, vendor);
  // Both of its places are free again.
  await heir.kill();
  const { id: next } = await sleeper.tell("start", oneCall("after all that"));
  expect(await sleeper.tell("wait", { id: next, ms: 10_000 })).toMatchObject({ status: "succeeded" });
  await vendor.close();
}, 60_000);

test("a server that loses a run in the very moment of its end keeps no place for it", async () => {
  using home = new Home();
  const vendor = await tellStories();
  const steal = () =>
    home.look(async (store) => {
      for (const lease of await store.leases()) expect(await store.reap(lease)).toBe(true);
    });
  vendor.follow(async (asked) => {
    if (asked.n === 1) await steal();
    return answer(asked);
  });
  const robbed = await Player.open({ home: home.path, vendor: vendor.v1, limits: { runs: 1 } });
  const { id } = await robbed.tell("start", oneCall("stolen"));
  expect(await robbed.tell("wait", { id, ms: 10_000 })).toMatchObject({ status: "succeeded", epoch: 3 });
  expect(vendor.report().count).toBe(2);
  const [told] = await home.runs();
  expect(told?.memory.attempts).toMatchObject([
    { result: "lost", estimated: false, usage: { usd: vendor.requests[0]?.billed } },
    { result: "ok", estimated: false },
  ]);
  await expectBooksToAgree(home, vendor);
  await vendor.close();
}, 60_000);

test("a server that is frozen in the middle of a transaction does not freeze another one", async () => {
  using home = new Home();
  const vendor = await tellStories();
  const setup = { home: home.path, vendor: vendor.v1 };
  const [frozen, other] = await Promise.all([Player.open(setup), Player.open(setup)]);
  await frozen.tell("freezeInTransaction");
  const lost = frozen.tell("start", oneCall("frozen"));
  await until("it stands still", () => frozen.isStopped);
  await other.tell("longestBlock");
  const starting = other.tell("start", pipeline("behind the frozen one"));
  let started = false;
  void starting.then(() => {
    started = true;
  });
  await pause(2500);
  expect(started).toBe(false);
  const block = await other.tell("longestBlock");
  console.log(`its longest block was ${Math.round(block)} ms`);
  expect(block).toBeLessThan(1000);
  frozen.signal("SIGCONT");
  const runs = await Promise.all([await lost, await starting].map(({ id }) => other.tell("wait", { id, ms: 30_000 })));
  expect(runs.map(({ status }) => status)).toEqual(["succeeded", "succeeded"]);
  await expectAllWell(home, vendor);
  await vendor.close();
}, 60_000);

test("a file that somebody has locked for minutes costs no answer: what is paid for waits in memory", async () => {
  using home = new Home();
  const vendor = await tellStories({ fault: "hang" });
  const player = await Player.open({ home: home.path, vendor: vendor.v1 });
  const answerNow = holdBack(vendor);
  const { id } = await player.tell("start", pipeline("behind a lock"));
  await until("its first call is in flight", () => vendor.report().open === 1);
  using lock = new DatabaseSync(join(home.path, "baton.db"));
  lock.exec("begin immediate");
  answerNow();
  await until("the call is answered", () => vendor.report().open === 0);
  const refused = player.tell("start", oneCall("refused"));
  await pause(300);
  await player.tell("skip", 120_000);
  await expect(refused).rejects.toMatchObject({ code: "STORE_BUSY" });
  lock.exec("rollback");
  const run = await player.tell("wait", { id, ms: 30_000 });
  expect({ status: run.status, epoch: run.epoch }).toEqual({ status: "succeeded", epoch: 1 });
  await player.tell("stop", 1000);
  await expectAllWell(home, vendor);
  await vendor.close();
}, 60_000);
