import { afterEach, expect, test } from "vitest";
import { startVendor } from "../stub/vendor.ts";
import { Home } from "./books.ts";
import { seeded, until } from "./patience.ts";
import { Player } from "./player.ts";
import { openReceivers } from "./receivers.ts";
import { backs, expectTakenBackThroughDeath, undoingOf } from "./undo.ts";

// A death at every commit is in undo.long.ts.
afterEach(() => Player.endAll());

test("a workflow that kills its server three times is dead, and what it did is taken back, the last first", async () => {
  using home = new Home();
  await using receivers = await openReceivers(seeded(1));
  const { host } = receivers;
  const vendor = await startVendor({ script: () => ({ fault: "hang" }) });
  const setup = { home: home.path, vendor: vendor.v1, hosts: [host] };
  const order = (what: string, more: object = {}) => ({
    http: { method: "POST", url: `http://${host}/keyed/${what}` },
    effect: { idempotent: true },
    compensate: { http: { method: "POST", url: `http://${host}/keyed/back-{{ output.order | remove: "/" }}-7` } },
    ...more,
  });
  const nodes = {
    hotel: order("hotel"),
    flight: order("flight", { after: ["hotel"] }),
    deadly: { agent: "openai/stub-model", task: "t", after: ["flight"] },
  };
  let player = await Player.open(setup);
  const { id } = await player.tell("start", { pattern: "run_workflow", input: { definition: { nodes } } });
  for (const nth of [1, 2, 3]) {
    await until("the model is asked", () => vendor.report().count >= nth);
    await player.kill();
    player = await Player.open(setup);
    await player.tell("awaken");
  }
  expect(await player.tell("wait", { id, ms: 30_000 })).toMatchObject({
    status: "dead",
    error: { code: "CRASH_LOOP" },
  });
  const undoing = await undoingOf(home, id);
  expect(await player.tell("wait", { id: undoing, ms: 30_000 })).toMatchObject({ status: "succeeded" });
  expect(backs(receivers, 7)).toEqual([
    ["/keyed/back-keyedflight-7", 1],
    ["/keyed/back-keyedhotel-7", 1],
  ]);
  await player.kill();
  await vendor.close();
}, 120_000);

test("whoever takes it back may die in the middle of it: it is done once", async () => {
  using home = new Home();
  await using receivers = await openReceivers(seeded(2));
  for (const commits of [2, 4]) expect(await expectTakenBackThroughDeath(home, receivers, commits)).toBe("died");
}, 120_000);
