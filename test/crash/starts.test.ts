import { afterEach, expect, test } from "vitest";
import { Home } from "./books.ts";
import { expectAllWell } from "./lives.ts";
import { Player } from "./player.ts";
import { oneCall, tellStories } from "./stories.ts";

afterEach(() => Player.endAll());

test("fifty starts at once with one key, from three processes, are one run; with other input they are refused", async () => {
  using home = new Home();
  const vendor = await tellStories({ latency_ms: 50 });
  const setup = { home: home.path, vendor: vendor.v1 };
  const players = await Promise.all([1, 2, 3].map(() => Player.open(setup)));
  const wish = { ...oneCall("same"), key: "the key" };
  const starts = await Promise.all(
    Array.from({ length: 50 }, (_, i) => players[i % 3]?.tell("start", wish) ?? Promise.reject(new Error("nobody"))),
  );
  expect(new Set(starts.map((start) => start.id)).size).toBe(1);
  expect(starts.filter(({ existed }) => !existed).length).toBe(1);

  const others = await Promise.allSettled(
    players.map((player, p) => player.tell("start", { ...oneCall(`other ${p}`), key: "the key" })),
  );
  expect(others.map((other) => other.status === "rejected" && other.reason.code)).toEqual([
    "KEY_REUSED",
    "KEY_REUSED",
    "KEY_REUSED",
  ]);

  const [id = ""] = starts.map((start) => start.id);
  const ended = await Promise.all(players.map((player) => player.tell("wait", { id, ms: 30_000 })));
  expect(ended.map(({ status }) => status)).toEqual(["succeeded", "succeeded", "succeeded"]);
  const stranger = await players[0]?.tell("start", {
    ...oneCall("stranger"),
    key: "the key",
    caller: "somebody else",
  });
  expect(stranger).toMatchObject({ existed: false });
  expect(stranger?.id).not.toBe(id);
  await players[0]?.tell("wait", { id: stranger?.id ?? "", ms: 30_000 });

  expect((await home.runs()).length).toBe(2);
  expect(vendor.report().count).toBe(2);
  await expectAllWell(home, vendor);
  await vendor.close();
}, 60_000);
