import { expect } from "vitest";
import { Home } from "./books.ts";
import { expectAllWell } from "./lives.ts";
import { until } from "./patience.ts";
import { Player } from "./player.ts";
import { fanOut, tellStories } from "./stories.ts";

const WIDTH = 3;

/** So many processes die in the middle of their calls, and nobody is left who could play their runs. */
export async function expectHoldsOfTheDeadToBeFreed(dead: number): Promise<void> {
  using home = new Home();
  const vendor = await tellStories({ fault: "hang" });
  const setup = { home: home.path, vendor: vendor.v1, limits: { runs: 1, calls: dead * WIDTH } };
  const doomed = await Promise.all(Array.from({ length: dead }, () => Player.open(setup)));
  await Promise.all(doomed.map((player, p) => player.tell("start", fanOut(`doomed ${p}`, WIDTH))));
  await until("all calls are in flight", () => vendor.report().open === dead * WIDTH, 60_000);
  const before = (await home.runs()).map(({ run }) => run.held);
  expect(before.every((held) => held > 0)).toBe(true);
  await Promise.all(doomed.map((player) => player.kill()));

  const bystander = await Player.open({ ...setup, keyless: true });
  await bystander.tell("awaken");
  await until("all runs are taken from the dead", async () =>
    (await home.runs()).every(({ run }) => run.status === "queued"),
  );
  for (const { run, memory } of await home.runs()) {
    const lost = Array.from({ length: WIDTH }, () => ({ result: "lost", estimated: true }));
    expect(memory.attempts.map(({ result, estimated }) => ({ result, estimated }))).toEqual(lost);
    expect(before).toContain(run.usage.usd);
  }
  expect(vendor.report().count).toBe(dead * WIDTH);
  await expectAllWell(home, vendor);
  await vendor.close();
}
