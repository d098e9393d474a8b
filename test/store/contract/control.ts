import { describe, expect, test } from "vitest";
import type { Room } from "../../../src/core/store.ts";
import type { OpenStore } from "../contract.ts";
import { claim, doing, end, HAS, hold, newRun, PLAY, played, ROOM, settle } from "../kit.ts";

const room = (more: Partial<Room>): { room: Room } => ({ room: { provider: "stub", tokens: 10, ...more } });

export function controlContract(open: OpenStore): void {
  describe("a pause", () => {
    test("puts a queued run down at once, and resume gives it back to the queue at its old rank", async () => {
      const { store, other } = await open();
      const { run: first } = await store.create(newRun(), ROOM);
      const { run: second } = await store.create(newRun(), ROOM);
      expect(await other.pause(first.id)).toMatchObject({ status: "waiting", paused: true });
      expect(await store.resume(first.id)).toMatchObject({ status: "queued", paused: false });
      expect((await claim(store))?.run.id).toBe(first.id);
      expect((await claim(store))?.run.id).toBe(second.id);
    });

    test("of a run in play is news to its player, who puts it down; one that is taken back puts nothing down", async () => {
      const { store, other } = await open();
      const fence = await played(store);
      expect(await doing(store, fence, { do: "pause" })).toEqual({ did: "parked", ok: false });
      await other.pause(fence.run);
      expect(await store.news(fence.run)).toMatchObject({ paused: true });
      expect(await doing(store, fence, { do: "pause" })).toEqual({ did: "parked", ok: true });
      expect(await store.write(fence, [{ do: "beat" }])).toBeUndefined();
      expect(await claim(store)).toBeUndefined();
    });

    test("stands where its player gives the run back or is gone, and ends with the run", async () => {
      const { store } = await open();
      const back = await played(store);
      await store.pause(back.run);
      await store.write(back, [{ do: "release" }]);
      expect(await store.get(back.run)).toMatchObject({ status: "waiting", paused: true });
      const lost = await played(store);
      await store.pause(lost.run);
      const [lease] = await store.leases();
      if (lease) await store.reap(lease);
      expect(await store.get(lost.run)).toMatchObject({ status: "waiting", paused: true, crashes: 1 });
      const ended = await played(store);
      await store.pause(ended.run);
      await doing(store, ended, end("succeeded"));
      expect(await store.get(ended.run)).toMatchObject({ status: "succeeded", paused: false });
    });
  });

  describe("the room at a provider", () => {
    test("is what the calls in flight of all runs leave of it, and of nobody else's", async () => {
      const { store, other } = await open();
      const [one, two] = [await played(store), await played(store)];
      const most = room({ most: 2 });
      expect(await doing(store, one, hold(1, 10, most))).toMatchObject({ did: "held" });
      expect(await doing(other, two, hold(1, 10, most))).toMatchObject({ did: "held" });
      expect(await doing(store, one, hold(2, 10, most))).toEqual({ did: "full" });
      expect(await doing(store, one, hold(3, 10, room({ most: 2, provider: "stu" })))).toMatchObject({ did: "held" });
      await store.write(one, [settle(3, 10)]);
      expect(await doing(store, one, hold(2, 10, most))).toEqual({ did: "full" });
      await other.write(two, [settle(1, 10)]);
      expect(await doing(store, one, hold(2, 10, most))).toMatchObject({ did: "held" });
    });

    test("is no more than what all calls in flight leave of it, whomever they ask", async () => {
      const { store, other } = await open();
      const [one, two] = [await played(store), await played(store)];
      const all = room({ most: 9, all: 2 });
      expect(await doing(store, one, hold(1, 10, all))).toMatchObject({ did: "held" });
      const elsewhere = room({ most: 9, all: 2, provider: "stu" });
      expect(await doing(other, two, hold(1, 10, elsewhere))).toMatchObject({ did: "held" });
      expect(await doing(other, two, hold(2, 10, elsewhere))).toEqual({ did: "full", all: true });
      await store.write(one, [settle(1, 10)]);
      expect(await doing(other, two, hold(2, 10, elsewhere))).toMatchObject({ did: "held" });
    });

    test("is held by a repeated write only once", async () => {
      const { store } = await open();
      const fence = await played(store);
      const again = hold(1, 10, room({ most: 1 }));
      expect(await doing(store, fence, again)).toMatchObject({ did: "held" });
      expect(await doing(store, fence, again)).toMatchObject({ did: "held" });
    });

    test("has its turns a minute, told from when on there is one again", async () => {
      const { store, clock } = await open();
      const fence = await played(store);
      const rate = room({ rpm: 2 });
      expect(await doing(store, fence, hold(1, 10, rate))).toMatchObject({ did: "held" });
      clock.pass(20_000);
      expect(await doing(store, fence, hold(2, 10, rate))).toMatchObject({ did: "held" });
      const full = await doing(store, fence, hold(3, 10, rate));
      expect(full).toMatchObject({ did: "full" });
      clock.pass(full?.did === "full" ? (full.wait_ms ?? 0) : 0);
      expect(await doing(store, fence, hold(3, 10, rate))).toMatchObject({ did: "held" });
    });

    test("takes a call that is larger than a minute where nothing else was asked", async () => {
      const { store } = await open();
      const fence = await played(store);
      expect(await doing(store, fence, hold(1, 10, room({ tpm: 5 })))).toMatchObject({ did: "held" });
      expect(await doing(store, fence, hold(2, 10, room({ tpm: 15 })))).toMatchObject({ did: "full" });
    });
  });

  describe("what processes tell each other", () => {
    test("reaches all but whom it comes from, for as long as it holds", async () => {
      const { store, other, clock } = await open();
      const until = clock.now() + 1000;
      await store.want("w_1", ["openai"], until);
      await store.shut({ subject: "openai", kind: "open", until, failures: 5, last: "no" }, "w_1");
      const told = { wants: [{ provider: "openai", worker: "w_1" }], doors: [{ subject: "openai", failures: 5 }] };
      expect(await other.traffic("w_2")).toMatchObject(told);
      expect(await store.traffic("w_1")).toMatchObject({ wants: [], doors: [] });
      await store.reopen("openai");
      expect((await other.traffic("w_2")).doors).toEqual([]);
      clock.pass(1001);
      expect((await other.traffic("w_2")).wants).toEqual([]);
    });

    test("is one request that tries a breaker whose time is over, for as long as it is in flight", async () => {
      const { store, other, clock } = await open();
      const [one, two] = [await played(store), await played(store)];
      const door = { subject: "stub", kind: "open", until: clock.now() + 1000, failures: 5 } as const;
      await store.shut(door, "w_1");
      const most = room({ most: 9 });
      expect(await doing(other, two, hold(1, 10, most))).toMatchObject({ did: "shut", door });
      clock.pass(1000);
      const tries = { did: "held", tries: ["stub"] };
      expect(await doing(other, two, hold(1, 10, most))).toMatchObject(tries);
      expect(await doing(store, one, hold(1, 10, most))).toEqual({ did: "tried" });
      expect((await store.traffic("w_1")).breakers).toEqual([{ subject: "stub", tried: true }]);
      await other.write(two, [settle(1, 10)]);
      expect(await doing(store, one, hold(1, 10, most))).toMatchObject(tries);
      await store.shut({ ...door, until: clock.now() + 1000 }, "w_1");
      expect((await other.traffic("w_2")).breakers).toEqual([{ subject: "stub", tried: false }]);
      await store.reopen("stub");
      const held = await doing(other, two, hold(2, 10, most));
      expect(held).toMatchObject({ did: "held" });
      expect(held).not.toHaveProperty("tries");
    });

    test("is what has been switched off, once, until it is switched on", async () => {
      const { store, other } = await open();
      expect(await store.switchOff("agent:ann", "eve")).toBe(true);
      expect(await other.switchOff("agent:ann", "finn")).toBe(false);
      expect(await other.switches()).toMatchObject([{ subject: "agent:ann", off_by: "eve" }]);
      expect(await other.switchOn("agent:ann")).toBe(true);
      expect(await store.switches()).toEqual([]);
    });

    test("is who plays what, and how much is there to be played", async () => {
      const { store, other, clock } = await open();
      await store.enlist({ id: "w_1", pid: 7, host: "h", boot: "b", lock: "l", role: "detached worker" });
      const fence = await played(store);
      await store.create(newRun({ labels: ["example"] }), ROOM);
      await store.create(newRun({ needs: ["provider:rare"] }), ROOM);
      expect(await other.players()).toMatchObject([
        { run: fence.run, owner: { pid: 7, role: "detached worker" }, leaving: false, since: clock.now() },
      ]);
      expect(await store.ready(HAS, PLAY, clock.now(), [])).toBe(1);
      expect(await store.ready(HAS, PLAY, clock.now(), ["example"])).toBe(0);
      await store.leave("w_1");
      expect(await other.players()).toMatchObject([{ leaving: true }]);
    });
  });
}
