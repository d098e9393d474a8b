import { afterEach, test } from "vitest";
import { expectHoldsOfTheDeadToBeFreed } from "./holds.ts";
import { Player } from "./player.ts";

afterEach(() => Player.endAll());

test("what three dead processes held is charged and free again, though nobody can play their runs", async () => {
  await expectHoldsOfTheDeadToBeFreed(3);
}, 60_000);
