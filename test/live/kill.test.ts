import { afterEach, expect, test } from "vitest";
import { Home } from "../crash/books.ts";
import { Player } from "../crash/player.ts";
import { tellStories } from "../crash/stories.ts";
import { clerk, expectAllWell, expectDoneOnce, Office, survived } from "./clerk.ts";

// The loop over every commit is in kill.long.ts.
afterEach(() => Player.endAll());

test("a process killed by what a tool does: a person says that it was done, and it is not done again", async () => {
  using home = new Home();
  const vendor = await tellStories({}, { script: clerk });
  const office = new Office(home, vendor);
  const player = await Player.open(office.setup);
  office.makeDeadly("pay");
  const life = await survived(office, player, "deadly");
  expect(life).toMatchObject({ died: true });
  expect(life.asked).toContainEqual(expect.stringContaining("desk_pay/~done"));
  expectDoneOnce(office, "deadly", life);
  const [turn] = vendor.requests.filter(({ results }) => results.some(({ content }) => content.includes("not known")));
  expect(turn?.results[1]?.content).toContain("It was done; what it gave is not known.");
  await life.player.kill();
  await expectAllWell(home, vendor);
  await vendor.close();
}, 60_000);
