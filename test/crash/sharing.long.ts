import { afterEach, describe, expect, test } from "vitest";
import type { Vendor } from "../stub/vendor.ts";
import { Home } from "./books.ts";
import { expectAllWell, play } from "./lives.ts";
import type { Setup } from "./orders.ts";
import { pause, until } from "./patience.ts";
import { Player } from "./player.ts";
import { answer, oneCall, tellStories } from "./stories.ts";

afterEach(() => Player.endAll());

const wishes = (tag: string, count: number) => Array.from({ length: count }, (_, i) => oneCall(`${tag} ${i}`));

const three = (home: Home, vendor: Vendor, more: Partial<Setup>): Promise<Player[]> =>
  Promise.all([0, 1, 2].map(() => Player.open({ home: home.path, vendor: vendor.v1, limits: { runs: 12 }, ...more })));

/** In which order the processes were served, by the tags of what they asked. */
const served = (vendor: Vendor) => vendor.requests.map(({ user }) => /\[p(\d)/.exec(user)?.[1] ?? "?");

describe("three processes on one store", () => {
  test("never have more calls at a provider than it takes, use all it takes, and each gets its part", async () => {
    using home = new Home();
    const vendor = await tellStories({ latency_ms: 150 });
    const players = await three(home, vendor, { provider: { concurrency: 4 } });
    const ended = await Promise.all(players.map((player, p) => play(player, wishes(`p${p}`, 14))));
    expect(ended.flat().map(({ status }) => status)).toEqual(ended.flat().map(() => "succeeded"));
    expect(vendor.report()).toMatchObject({ count: 42, most_at_once: 4 });
    // With slots taken by whoever is quickest one process would be served to its end before the next begins.
    expect(new Set(served(vendor).slice(0, 24)).size).toBe(3);
    await expectAllWell(home, vendor);
    await vendor.close();
  }, 90_000);

  test("never have more calls in flight than all of them may, use all they may, and each gets its part", async () => {
    using home = new Home();
    const vendor = await tellStories({ latency_ms: 150 });
    const players = await three(home, vendor, { limits: { runs: 12, calls: 4 } });
    const ended = await Promise.all(players.map((player, p) => play(player, wishes(`p${p}`, 14))));
    expect(ended.flat().map(({ status }) => status)).toEqual(ended.flat().map(() => "succeeded"));
    expect(vendor.report()).toMatchObject({ count: 42, most_at_once: 4 });
    expect(new Set(served(vendor).slice(0, 24)).size).toBe(3);
    await expectAllWell(home, vendor);
    await vendor.close();
  }, 90_000);

  test("of which one has a single slot to give take turns at it", async () => {
    using home = new Home();
    const vendor = await tellStories({ latency_ms: 60 });
    const players = await three(home, vendor, { provider: { concurrency: 1 } });
    await Promise.all(players.map((player, p) => play(player, wishes(`p${p}`, 12))));
    expect(vendor.report()).toMatchObject({ count: 36, most_at_once: 1 });
    await vendor.close();
  }, 90_000);

  test("are freed of the slots of one that is killed", async () => {
    using home = new Home();
    const vendor = await tellStories({ fault: "hang" });
    const [doomed, ...heirs] = await three(home, vendor, { provider: { concurrency: 4 } });
    await Promise.all(wishes("p0", 4).map((wish) => doomed?.tell("start", wish)));
    await until("it has all slots", () => vendor.report().open === 4);
    vendor.follow(answer);
    const left = heirs.map((player, p) => play(player, wishes(`p${p + 1}`, 4)));
    await pause(500);
    expect(vendor.report().count).toBe(4);
    await doomed?.kill();
    for (const runs of await Promise.all(left))
      expect(runs.map(({ status }) => status)).toEqual(Array(4).fill("succeeded"));
    await vendor.close();
  }, 90_000);

  test("leave a provider alone that has asked one of them for it", async () => {
    using home = new Home();
    const vendor = await tellStories();
    const players = await three(home, vendor, {});
    let asked = 0;
    vendor.follow((one) => (++asked === 1 ? { status: 429, headers: { "retry-after": "2" } } : answer(one)));
    const [first, ...others] = players;
    const began = performance.now();
    const limited = play(first as Player, wishes("p0", 1));
    await until("it has been refused", () => vendor.requests[0]?.state === "finished");
    await pause(300);
    await Promise.all([limited, ...others.map((player, p) => play(player, wishes(`p${p + 1}`, 2)))]);
    const [refused, ...rest] = vendor.requests;
    expect(rest.map(({ at }) => at - (refused?.at ?? 0) >= 1900)).toEqual(rest.map(() => true));
    expect(performance.now() - began).toBeLessThan(20_000);
    await vendor.close();
  }, 60_000);

  test("spare a vendor that one of them has found to be out of order", async () => {
    using home = new Home();
    const vendor = await tellStories();
    const players = await three(home, vendor, { breaker: { failures: 5, cooldown_seconds: 3 } });
    vendor.follow(() => ({ status: 401 }));
    const [first, second] = players as [Player, Player, Player];
    const [failed] = await play(first, wishes("p0", 1));
    expect(failed).toMatchObject({ status: "failed", error: { code: "UNAUTHORIZED" } });
    vendor.follow(answer);
    await pause(300);
    const asked = vendor.report().count;
    const [spared] = await play(second, wishes("p1", 1));
    expect(spared).toMatchObject({
      status: "failed",
      error: { code: "CIRCUIT_OPEN", message: expect.stringContaining("in another process") },
    });
    expect(vendor.report().count).toBe(asked);
    await pause(3000);
    const [again] = await play(second, wishes("p2", 1));
    expect(again).toMatchObject({ status: "succeeded" });
    await vendor.close();
  }, 60_000);

  test.each([
    ["is overloaded", { status: 503 }, "OVERLOADED"],
    ["refuses their key", { status: 401 }, "UNAUTHORIZED"],
  ] as const)(
    "try a vendor that %s with one request of all, and all hear what came of it",
    async (_, reply, code) => {
      using home = new Home();
      const vendor = await tellStories();
      const players = await three(home, vendor, { breaker: { failures: 1, cooldown_seconds: 2 } });
      const [first] = players as [Player, Player, Player];
      const everywhere = (tag: string, count: number) =>
        Promise.all(players.map((player, p) => play(player, wishes(`p${p} ${tag}`, count))));
      vendor.follow(() => ({ ...reply, latency_ms: 300 }));
      await play(first, wishes("p0 first", 1));
      expect(vendor.report().count).toBe(1);
      await pause(2500);
      const refused = (await everywhere("again", 3)).flat();
      expect(vendor.report().count).toBe(2);
      const codes = refused.map(({ error }) => error?.code);
      expect(codes.filter((each) => each === "CIRCUIT_OPEN").length).toBeGreaterThanOrEqual(8);
      expect(codes.filter((each) => each === code).length).toBeLessThanOrEqual(1);
      vendor.follow((one) => ({ ...answer(one), latency_ms: 600 }));
      await pause(2500);
      const answered = (await everywhere("at last", 3)).flat();
      expect(answered.map(({ status }) => status)).toEqual(answered.map(() => "succeeded"));
      const [, , tried, ...rest] = vendor.requests;
      expect(rest.map(({ at }) => at - (tried?.at ?? 0) >= 600)).toEqual(rest.map(() => true));
      await expectAllWell(home, vendor);
      await vendor.close();
    },
    60_000,
  );

  test("ask no more in a minute than a provider takes from all of them", async () => {
    using home = new Home();
    const vendor = await tellStories();
    const players = await three(home, vendor, { provider: { rpm: 6 } });
    await Promise.all(
      players.map((player, p) => Promise.all(wishes(`p${p}`, 4).map((wish) => player.tell("start", wish)))),
    );
    await until("six are asked", () => vendor.report().count === 6);
    await pause(1500);
    expect(vendor.report().count).toBe(6);
    await vendor.close();
  }, 60_000);
});
