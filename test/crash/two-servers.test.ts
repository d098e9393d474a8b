import { afterEach, expect, test } from "vitest";
import { Home } from "./books.ts";
import { expectAllWell, play } from "./lives.ts";
import { until } from "./patience.ts";
import { Player } from "./player.ts";
import { answer, oneCall, stories, tellStories } from "./stories.ts";

afterEach(() => Player.endAll());

test("two servers on one file play every run once, whoever started it", async () => {
  using home = new Home();
  const vendor = await tellStories({ first_token_ms: 10, chunk_ms: 5 });
  const setup = { home: home.path, vendor: vendor.v1, limits: { runs: 3 } };
  const players = await Promise.all([Player.open(setup), Player.open(setup)]);
  const played = await Promise.all(
    players.map((player, p) =>
      play(player, [...stories(`p${p}`), ...Array.from({ length: 10 }, (_, i) => oneCall(`p${p} ${i}`))]),
    ),
  );
  const runs = played.flat();
  expect(runs.map(({ status }) => status)).toEqual(runs.map(() => "succeeded"));
  expect(runs.map(({ epoch, crashes }) => ({ epoch, crashes }))).toEqual(runs.map(() => ({ epoch: 1, crashes: 0 })));
  const prompts = vendor.requests.map(({ system, user }) => `${system} ${user}`);
  expect(prompts.toSorted()).toEqual([...new Set(prompts)].toSorted());
  await expectAllWell(home, vendor);
  await vendor.close();
}, 60_000);

test("a server takes over the runs of one that was killed at once, since its lock died with it", async () => {
  using home = new Home();
  const vendor = await tellStories({ fault: "hang" });
  const setup = { home: home.path, vendor: vendor.v1 };
  const [doomed, heir] = await Promise.all([Player.open(setup), Player.open(setup)]);
  const wishes = Array.from({ length: 6 }, (_, i) => oneCall(`${i}`));
  const started = await Promise.all(wishes.map((wish) => doomed.tell("start", wish)));
  await until("all are being asked", () => vendor.report().count === 6);
  vendor.follow(answer);
  await heir.tell("awaken");
  const died = performance.now();
  await doomed.kill();
  const runs = await Promise.all(started.map(({ id }) => heir.tell("wait", { id, ms: 30_000 })));
  const took = performance.now() - died;
  expect(runs.map(({ status, crashes }) => `${status} ${crashes}`)).toEqual(runs.map(() => "succeeded 1"));
  // The lease would have been ten seconds.
  expect(took).toBeLessThan(5000);
  console.log(`taken over and ended ${Math.round(took)} ms after the death`);
  await expectAllWell(home, vendor);
  await vendor.close();
}, 60_000);

test("an end asked for in one server stops the request of the other; one asked for after a death needs no player", async () => {
  using home = new Home();
  const vendor = await tellStories({ fault: "hang" });
  const setup = { home: home.path, vendor: vendor.v1 };
  const [here, there] = await Promise.all([Player.open(setup), Player.open({ ...setup, keyless: true })]);
  const { id: first } = await here.tell("start", oneCall("cancelled alive"));
  const { id: second } = await here.tell("start", oneCall("cancelled dead"));
  await until("both are asked", () => vendor.report().open === 2);
  const asked = performance.now();
  await there.tell("cancel", first);
  await until("its socket is closed", () => vendor.report().open === 1, 5000);
  console.log(`closed by another server ${Math.round(performance.now() - asked)} ms after the cancel`);
  expect(await there.tell("wait", { id: first, ms: 10_000 })).toMatchObject({ status: "cancelled" });
  here.signal("SIGSTOP");
  await there.tell("cancel", second);
  await here.kill();
  await there.tell("awaken");
  expect(await there.tell("wait", { id: second, ms: 10_000 })).toMatchObject({ status: "cancelled", crashes: 1 });
  await expectAllWell(home, vendor);
  await vendor.close();
}, 60_000);
