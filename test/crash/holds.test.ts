import { afterEach, expect, test } from "vitest";
import { Home } from "./books.ts";
import { expectAllWell } from "./lives.ts";
import { until } from "./patience.ts";
import { Player } from "./player.ts";
import { fanOut, tellStories } from "./stories.ts";

afterEach(() => Player.endAll());

test("what the dead held is charged and free again, though nobody can play their runs", async () => {
  using home = new Home();
  const vendor = await tellStories({ fault: "hang" });
  const setup = { home: home.path, vendor: vendor.v1 };
  const WIDTH = 3;
  const doomed = await Promise.all(Array.from({ length: 4 }, () => Player.open(setup)));
  await Promise.all(doomed.map((player, p) => player.tell("start", fanOut(`doomed ${p}`, WIDTH))));
  await until("all calls are in flight", () => vendor.report().open === doomed.length * WIDTH);
  const before = (await home.runs()).map(({ run }) => run.held);
  expect(before.every((held) => held > 0)).toBe(true);
  await Promise.all(doomed.map((player) => player.kill()));

  const bystander = await Player.open({ ...setup, keyless: true });
  await bystander.tell("awaken");
  await until("all runs are taken from the dead", async () =>
    (await home.runs()).every(({ run }) => run.status === "queued"),
  );
  const told = await home.runs();
  for (const { run, memory } of told) {
    expect(memory.attempts.map(({ result, estimated }) => ({ result, estimated }))).toEqual(
      Array.from({ length: WIDTH }, () => ({ result: "lost", estimated: true })),
    );
    expect(before).toContain(run.usage.usd);
  }
  expect(vendor.report().count).toBe(doomed.length * WIDTH);
  await expectAllWell(home, vendor);
  await vendor.close();
}, 60_000);
