import { describe, expect, test } from "vitest";
import type { OpenStore } from "../contract.ts";
import { CATALOGUE, claim, doing, end, hold, line, newRun, played, ROOM, settle } from "../kit.ts";

const DAY = 86_400_000;

const spec = (version: string, more: object = {}) => ({
  name: "writer",
  version,
  description: "Writes.",
  system: `You are writer ${version}. ${"Write well. ".repeat(20)}`,
  models: ["stub/small"],
  max_output_tokens: 100,
  source: "writer.md",
  ...more,
});
const pinning = (version: string, more: object = {}) => ({
  catalogue: { ...CATALOGUE, agents: { writer: spec(version, more) } },
});

export function versionsContract(open: OpenStore): void {
  describe("a version of an agent", () => {
    test("is kept whole when a run first pins it, and once, whoever pins it again", async () => {
      const { store, other, clock } = await open();
      expect(await store.versions.standing()).toMatchObject({ versions: [] });
      const since = clock.now();
      await store.create(newRun(pinning("1a2b", { tag: "1.0.0" })), ROOM);
      clock.pass(2 * DAY);
      await other.create(newRun(pinning("1a2b", { tag: "1.0.0" })), ROOM);
      await other.create(newRun(pinning("3c4d")), ROOM);
      const { versions } = await store.versions.standing();
      expect(versions).toMatchObject([
        { name: "writer", version: "1a2b", tag: "1.0.0", tried: false, first_seen: since, last_seen: since + 2 * DAY },
        { name: "writer", version: "3c4d" },
      ]);
      expect(JSON.parse(versions[0]?.body ?? "")).toEqual(spec("1a2b", { tag: "1.0.0" }));
    });

    test("that only forks have pinned is one that was tried out", async () => {
      const { store } = await open();
      const { run } = await store.create(newRun(pinning("1a2b")), ROOM);
      await store.create(newRun({ ...pinning("3c4d"), source: run.id, fork: { generation: 1 } as never }), ROOM);
      const { versions } = await store.versions.standing();
      expect(versions.map(({ version, tried }) => [version, tried])).toEqual([
        ["1a2b", false],
        ["3c4d", true],
      ]);
    });

    test("is learnt by those who have known less, and nothing is read again where nothing has changed", async () => {
      const { store, other } = await open();
      await store.create(newRun(pinning("1a2b")), ROOM);
      const before = await store.versions.standing();
      expect(await store.versions.standing(before)).toBe(before);
      await store.create(newRun(pinning("1a2b")), ROOM);
      expect(await store.versions.standing(before)).toBe(before);
      await other.create(newRun(pinning("3c4d")), ROOM);
      const after = await store.versions.standing(before);
      expect(after.versions.map(({ version }) => version)).toEqual(["1a2b", "3c4d"]);
      expect(after.versions[0]).toBe(before.versions[0]);
    });
  });

  describe("the active version", () => {
    test("is the last that was chosen, and every choice is kept with who made it", async () => {
      const { store, other } = await open();
      await store.versions.choose("writer", "1a2b", "ann");
      await other.versions.choose("writer", "3c4d", "bob");
      const { active } = await store.versions.standing();
      expect(active.get("writer")).toMatchObject({ version: "3c4d", by: "bob" });
      await store.versions.choose("writer", undefined, "ann");
      expect((await other.versions.standing()).active.size).toBe(0);
      const choices = await store.versions.choices("writer");
      expect(choices.map(({ version, by }) => [version, by])).toEqual([
        [undefined, "ann"],
        ["3c4d", "bob"],
        ["1a2b", "ann"],
      ]);
    });
  });

  describe("a name that is retired", () => {
    test("is so until it is restored; doing either twice changes nothing", async () => {
      const { store, other } = await open();
      expect(await store.versions.restore("agent", "writer", "ann")).toBe(false);
      expect(await store.versions.retire("agent", "writer", "ann", "too long")).toBe(true);
      expect(await other.versions.retire("agent", "writer", "bob")).toBe(false);
      const { retired } = await other.versions.standing();
      expect(retired).toMatchObject([{ kind: "agent", name: "writer", by: "ann", note: "too long" }]);
      expect(await other.versions.restore("workflow", "writer", "ann")).toBe(false);
      expect(await other.versions.restore("agent", "writer", "bob")).toBe(true);
      expect((await store.versions.standing()).retired).toEqual([]);
    });
  });

  describe("how agents have done", () => {
    test("is summed over runs that have ended, by version; what was only rehearsed or remembered is not counted", async () => {
      const { store } = await open();
      const fence = await played(store, pinning("1a2b"));
      const rehearsed = hold(3, 5);
      if (rehearsed.do === "hold") Object.assign(rehearsed.hold.attempt, { model: "rehearsal/default" });
      await store.write(fence, [hold(1, 50), hold(2, 50), rehearsed]);
      await store.write(fence, [settle(1, 20), settle(2, 30, { result: "bad", ms: 8 }), settle(3, 0)]);
      expect(await store.versions.records()).toEqual([]);
      await doing(store, fence, end("failed"));
      const sums = { runs: 1, calls: 2, bad: 1, usd: 50, ms: 20, passed: 0, failed: 0 };
      expect(await store.versions.records()).toEqual([{ name: "writer", version: "1a2b", ...sums }]);
      await store.again(fence.run, "failed");
      const second = await claim(store);
      const next = { run: fence.run, epoch: second?.run.epoch ?? 0 };
      await store.write(next, [hold(4, 50, { generation: 2 })]);
      await store.write(next, [settle(4, 7)]);
      await doing(store, next, end("succeeded"));
      expect(await store.versions.records()).toMatchObject([{ runs: 2, calls: 3, usd: 57 }]);
    });

    test("counts an agent whose version nobody keeps under no version", async () => {
      const { store } = await open();
      const fence = await played(store);
      await store.write(fence, [hold(1, 50)]);
      await store.write(fence, [settle(1, 20)]);
      await doing(store, fence, end("succeeded"));
      expect(await store.versions.records()).toMatchObject([{ name: "writer", version: "", runs: 1 }]);
    });
  });

  describe("a rating", () => {
    test("of a run or a step is kept for who answered there; the same person's later one counts", async () => {
      const { store, other } = await open();
      const fence = await played(store);
      await store.write(fence, [line(1), line(2, { agent: "critic@5e6f" })]);
      const rating = { run: fence.run, place: "", by: "ann", score: 5 };
      expect(await store.versions.rate(rating)).toMatchObject({ agents: ["writer@1a2b", "critic@5e6f"] });
      await other.versions.rate({ ...rating, place: "step2", score: 1, note: "missed it" });
      await other.versions.rate({ ...rating, by: "bob", score: 2 });
      await other.versions.rate({ ...rating, by: "bob", score: 4 });
      expect(await store.versions.ratingMeans()).toEqual([
        { agent: "critic@5e6f", mean: 3.33, count: 3 },
        { agent: "writer@1a2b", mean: 4.5, count: 2 },
      ]);
      expect(await store.versions.ratings(fence.run)).toMatchObject([
        { place: "", by: "ann", score: 5 },
        { place: "", by: "bob", score: 4 },
        { place: "step2", score: 1, note: "missed it" },
      ]);
      const nowhere = store.versions.rate({ ...rating, place: "step9" });
      await expect(nowhere).rejects.toMatchObject({
        code: "NOT_FOUND",
        options: { hint: expect.stringContaining("step1") },
      });
      await expect(store.versions.rate({ ...rating, run: "r_none" })).rejects.toMatchObject({ code: "NOT_FOUND" });
    });
  });
}
