import { afterEach, expect, test } from "vitest";
import { expectAllWell } from "./lives.ts";
import { pause, until } from "./patience.ts";
import { Player } from "./player.ts";
import { SmallDisk } from "./small-disk.ts";
import { holdBack, oneCall, pipeline, tellStories } from "./stories.ts";

afterEach(() => Player.endAll());

test("a full disk starts no further paid call and keeps the run, which goes on when there is room again", async ({
  skip,
}) => {
  using disk = SmallDisk.mount();
  if (!disk) return skip("nothing can be mounted here");
  const vendor = await tellStories();
  const answerNow = holdBack(vendor);
  const player = await Player.open({ home: disk.path, vendor: vendor.v1 });
  const { id } = await player.tell("start", pipeline("full disk"));
  await until("its first call is in flight", () => vendor.report().open === 1);
  // At rest the write-ahead log takes no room, and so there is none left in it.
  await pause(3000);
  disk.fill();
  answerNow();
  await until("the first call is answered", () => vendor.report().open === 0);
  await expect(player.tell("start", oneCall("no room"))).rejects.toMatchObject({ code: "STORE_FULL" });
  await pause(2000);
  const kept = await player.tell("wait", { id, ms: 0 });
  expect({ status: kept.status, asked: vendor.report().count }).toEqual({ status: "running", asked: 1 });
  disk.free();
  const run = await player.tell("wait", { id, ms: 30_000 });
  expect({ status: run.status, epoch: run.epoch }).toEqual({ status: "succeeded", epoch: 1 });
  await player.tell("stop", 1000);
  await expectAllWell(disk, vendor);
  await vendor.close();
}, 60_000);
