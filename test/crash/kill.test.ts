import { afterEach, expect, test } from "vitest";
import { Home } from "./books.ts";
import { dies, expectAllWell, survivor } from "./lives.ts";
import { pause, seeded } from "./patience.ts";
import { Player } from "./player.ts";
import { stories, tellStories } from "./stories.ts";

// The whole loops, with every commit and many moments, are in kill.long.ts.
afterEach(() => Player.endAll());

test("a process killed right after a commit leaves runs that the next one ends as if nothing had happened", async () => {
  using home = new Home();
  const vendor = await tellStories();
  const setup = { home: home.path, vendor: vendor.v1 };
  let [undisturbed, player] = await survivor(setup, stories("undisturbed"));
  for (const commit of [3, 5, 8]) {
    await player.tell("killAfter", commit);
    expect(await dies(player, stories(`k${commit}`))).toBe(true);
    const [outputs, next] = await survivor(setup, stories(`k${commit}`));
    expect(outputs).toEqual(undisturbed);
    player = next;
  }
  await player.kill();
  await expectAllWell(home, vendor);
  await vendor.close();
}, 60_000);

test("a process killed in the middle of answers loses nothing either", async () => {
  using home = new Home();
  const vendor = await tellStories({ first_token_ms: 30, chunk_ms: 30 });
  const setup = { home: home.path, vendor: vendor.v1 };
  const random = seeded(7);
  let [undisturbed, player] = await survivor(setup, stories("undisturbed"));
  for (const tag of ["d1", "d2"]) {
    const dying = dies(player, stories(tag));
    await pause(20 + random() * 400);
    await player.kill();
    expect(await dying).toBe(true);
    const [outputs, next] = await survivor(setup, stories(tag));
    expect(outputs).toEqual(undisturbed);
    player = next;
  }
  await player.kill();
  await expectAllWell(home, vendor);
  await vendor.close();
}, 60_000);
