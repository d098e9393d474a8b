import { afterEach, expect, test } from "vitest";
import { baton } from "../cli/server-process.ts";
import { expectAllWell } from "./lives.ts";
import { pause, until } from "./patience.ts";
import { Player } from "./player.ts";
import { SmallDisk } from "./small-disk.ts";
import { answer, pipeline, tellStories } from "./stories.ts";

afterEach(() => Player.endAll());

test("a server that dies on a full disk loses no run and no money", async ({ skip }) => {
  using disk = SmallDisk.mount();
  if (!disk) return skip("nothing can be mounted here");
  const vendor = await tellStories({ latency_ms: 4000 });
  const setup = { home: disk.path, vendor: vendor.v1 };
  const doomed = await Player.open(setup);
  const { id } = await doomed.tell("start", pipeline("dies full"));
  await until("its first call is in flight", () => vendor.report().open === 1);
  await pause(3000);
  disk.fill();
  await until("the first call is answered", () => vendor.report().open === 0);
  await pause(500);
  await doomed.kill();
  vendor.follow(answer);
  disk.free();
  const heir = await Player.open(setup);
  await heir.tell("awaken");
  const run = await heir.tell("wait", { id, ms: 30_000 });
  expect({ status: run.status, crashes: run.crashes }).toEqual({ status: "succeeded", crashes: 1 });
  await heir.tell("stop", 1000);
  await expectAllWell(disk, vendor);
  await vendor.close();
}, 60_000);

test("a server that starts on a full disk says so and stops, alone or beside another", async ({ skip }) => {
  using disk = SmallDisk.mount();
  if (!disk) return skip("nothing can be mounted here");
  const vendor = await tellStories();
  const other = await Player.open({ home: disk.path, vendor: vendor.v1 });
  await pause(3000);
  disk.fill();
  const begin = async () => {
    const { code, stderr } = await baton(["serve", "--http", "--port", "0"], disk.path);
    expect(stderr).toMatch(/nothing can be written[\s\S]*free some space/i);
    expect(code).toBe(1);
  };
  await begin();
  await other.kill();
  await begin();
  await vendor.close();
}, 60_000);
