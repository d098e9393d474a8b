import { afterEach, expect, test } from "vitest";
import { Home } from "./books.ts";
import { expectAllWell } from "./lives.ts";
import { pause, until } from "./patience.ts";
import { Player } from "./player.ts";
import { answer, holdBack, oneCall, pipeline, tellStories } from "./stories.ts";

afterEach(() => Player.endAll());

test("a server that stands still for less than its lease keeps its run", async () => {
  using home = new Home();
  const vendor = await tellStories({ fault: "hang" });
  const setup = { home: home.path, vendor: vendor.v1, lease_ms: 6000 };
  const [sleeper, other] = await Promise.all([Player.open(setup), Player.open(setup)]);
  await other.tell("awaken");
  vendor.follow(async (asked) => {
    await pause(2500);
    return answer(asked);
  });
  const { id } = await sleeper.tell("start", oneCall("short sleep"));
  await until("it is asked", () => vendor.report().count === 1);
  sleeper.signal("SIGSTOP");
  await pause(2000);
  sleeper.signal("SIGCONT");
  const run = await other.tell("wait", { id, ms: 30_000 });
  expect({ status: run.status, epoch: run.epoch, crashes: run.crashes }).toEqual({
    status: "succeeded",
    epoch: 1,
    crashes: 0,
  });
  expect(vendor.report().count).toBe(1);
  await expectAllWell(home, vendor);
  await vendor.close();
}, 60_000);

test("clocks set back and forward by hours take no run from its player", async () => {
  using home = new Home();
  const HOUR = 3_600_000;
  const vendor = await tellStories();
  const answerNow = holdBack(vendor);
  const setup = { home: home.path, vendor: vendor.v1, lease_ms: 1500 };
  const [here, there] = await Promise.all([Player.open(setup), Player.open({ ...setup, clock_off_ms: 2 * HOUR })]);
  await there.tell("awaken");
  const { id } = await here.tell("start", oneCall("clocks"));
  await until("it is asked", () => vendor.report().count === 1);
  for (const [mine, theirs] of [
    [-5, 5],
    [5, -5],
    [0, 30],
  ] as const) {
    await here.tell("setClock", mine * HOUR);
    await there.tell("setClock", theirs * HOUR);
    await pause(1000);
  }
  answerNow();
  const run = await there.tell("wait", { id, ms: 30_000 });
  expect({ status: run.status, epoch: run.epoch, asked: vendor.report().count }).toEqual({
    status: "succeeded",
    epoch: 1,
    asked: 1,
  });
  await expectAllWell(home, vendor);
  await vendor.close();
}, 60_000);

test("a server that is killed in the middle of a transaction leaves nothing of it, and holds nobody up", async () => {
  using home = new Home();
  const vendor = await tellStories();
  const setup = { home: home.path, vendor: vendor.v1 };
  const [frozen, other] = await Promise.all([Player.open(setup), Player.open(setup)]);
  await frozen.tell("freezeInTransaction");
  const lost = frozen.tell("start", oneCall("never written")).catch(() => undefined);
  await until("it stands still", () => frozen.isStopped);
  const starting = other.tell("start", pipeline("goes on"));
  await pause(300);
  await frozen.kill();
  await lost;
  const { id } = await starting;
  const run = await other.tell("wait", { id, ms: 30_000 });
  expect(run.status).toBe("succeeded");
  const told = await home.runs();
  expect(told.map((one) => one.run.id)).toEqual([id]);
  await expectAllWell(home, vendor);
  await vendor.close();
}, 60_000);

test("a clock set back does not keep a server from waking what others put down", async () => {
  using home = new Home();
  const HOUR = 3_600_000;
  const vendor = await tellStories({ status: 429, headers: { "retry-after": "40" } });
  const setup = { home: home.path, vendor: vendor.v1 };
  const [here, there] = await Promise.all([Player.open({ ...setup, clock_off_ms: -5 * HOUR }), Player.open(setup)]);
  await there.tell("awaken");
  await pause(1000);
  await there.tell("setClock", -5 * HOUR);
  const { id } = await here.tell("start", oneCall("put down"));
  await until("it is put down", async () => (await home.runs())[0]?.run.status === "waiting");
  await here.kill();
  vendor.follow(answer);
  await there.tell("setClock", -5 * HOUR + 45_000);
  // The vendor asked to be left alone for so long, and that is kept by the clock that nobody sets.
  expect(await there.tell("wait", { id, ms: 60_000 })).toMatchObject({ status: "succeeded", crashes: 0 });
  await expectAllWell(home, vendor);
  await vendor.close();
}, 120_000);
