import { afterEach, expect, test } from "vitest";
import { Home } from "./books.ts";
import { seeded } from "./patience.ts";
import { Player } from "./player.ts";
import { openReceivers } from "./receivers.ts";
import { expectTakenBackThroughDeath } from "./undo.ts";

afterEach(() => Player.endAll());

test("a death at whichever commit of the taking back changes nothing: each deed is taken back once, in order", async () => {
  using home = new Home();
  await using receivers = await openReceivers(seeded(3));
  let commits = 1;
  while ((await expectTakenBackThroughDeath(home, receivers, commits)) === "died") commits++;
  expect(commits).toBeGreaterThan(4);
}, 600_000);
