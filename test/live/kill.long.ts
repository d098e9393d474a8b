import { afterEach, expect, test } from "vitest";
import { Home } from "../crash/books.ts";
import { Player } from "../crash/player.ts";
import { tellStories } from "../crash/stories.ts";
import { clerk, expectAllWell, expectDoneOnce, Office, survived } from "./clerk.ts";

afterEach(() => Player.endAll());

test("killed right after every commit of a dialogue with tools: what was finished is not called again, what pays pays once", async () => {
  using home = new Home();
  const vendor = await tellStories({}, { script: clerk });
  const office = new Office(home, vendor);
  let player = await Player.open(office.setup);
  expectDoneOnce(office, "calm", await office.play(player, "calm"));
  let deaths = 0;
  let asked = 0;
  for (let commit = 1; ; commit++) {
    const tag = `k${commit}`;
    await player.tell("killAfter", commit);
    const life = await survived(office, player, tag);
    expectDoneOnce(office, tag, life);
    player = life.player;
    asked += life.asked.filter((place) => place.includes("~done")).length;
    if (!life.died) break;
    deaths++;
  }
  // It was killed between each claim and its end too, and then somebody was asked.
  expect(deaths).toBeGreaterThan(12);
  expect(asked).toBeGreaterThanOrEqual(2);
  await player.kill();
  await expectAllWell(home, vendor);
  await vendor.close();
});

test.each(["look", "file", "pay", "delete_all"])(
  "killed by what %s does, before anybody has heard of it: it is done again only where that does no harm",
  async (tool) => {
    using home = new Home();
    const vendor = await tellStories({}, { script: clerk });
    const office = new Office(home, vendor);
    const player = await Player.open(office.setup);
    office.makeDeadly(tool);
    const life = await survived(office, player, "deadly");
    expect(life.died).toBe(true);
    expectDoneOnce(office, "deadly", life);
    const isAsked = life.asked.some((place) => place.includes("~done"));
    expect(isAsked).toBe(tool === "pay" || tool === "delete_all");
    await life.player.kill();
    await expectAllWell(home, vendor);
    await vendor.close();
  },
);
