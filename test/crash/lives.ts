import { expect } from "vitest";
import type { Run } from "../../src/core/store.ts";
import { openHouse } from "../house.ts";
import type { Vendor } from "../stub/vendor.ts";
import { expectBooksToAgree, expectNothingAskedTwice, type Home, plainOutput } from "./books.ts";
import type { Setup, Wish } from "./orders.ts";
import { until } from "./patience.ts";
import { Player } from "./player.ts";

const LONG_MS = 30_000;

/** Starts runs, or finds those that were started before: each has its own key. */
export async function play(player: Player, wishes: readonly Wish[]): Promise<readonly Run[]> {
  const started = await Promise.all(wishes.map((wish) => player.tell("start", wish)));
  return Promise.all(started.map(({ id }) => ended(player, id)));
}

/** Waits for a run; where it waits for a person, the person prefers arches. */
async function ended(player: Player, id: string): Promise<Run> {
  const run = await player.tell("wait", { id, ms: LONG_MS });
  if (run.status !== "waiting") return run;
  await player.tell("answer", { id, value: "arch" });
  return player.tell("wait", { id, ms: LONG_MS });
}

/** Whether a process dies while it plays these; one that does not is ended. */
export async function dies(player: Player, wishes: readonly Wish[]): Promise<boolean> {
  try {
    await play(player, wishes);
  } catch {
    return (await player.exited) === "SIGKILL";
  }
  await player.kill();
  return false;
}

/** Opens a process that takes these up and plays them to their good end; their outputs, and the process, alive. */
export async function survivor(setup: Setup, wishes: readonly Wish[]): Promise<[readonly unknown[], Player]> {
  const player = await Player.open(setup);
  const runs = await play(player, wishes);
  expect(
    runs.map(({ status, error }) => ({ status, error })),
    player.complaints,
  ).toEqual(runs.map(() => ({ status: "succeeded" })));
  return [runs.map(({ output }, i) => plainOutput(output, wishes[i]?.key ?? "")), player];
}

/** All that must be true of a home when its runs have ended; each journal, played again, leads to the same end. */
export async function expectAllWell(home: Home, vendor: Vendor): Promise<void> {
  await until("the vendor's sockets close", () => vendor.report().open === 0);
  expectNothingAskedTwice(await home.runs(), vendor.requests);
  await expectBooksToAgree(home, vendor);
  const house = await openHouse({ home: home.folder, vendor });
  await house[Symbol.asyncDispose]();
}
