import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { allowsKey, MOST_VALUE_BYTES } from "../../../src/core/memory.ts";
import type { OpenStore } from "../contract.ts";

const DAY = 86_400_000;
const ALL = ["*"];
const BY = { run: "r_1", place: "map/2/critic", agent: "critic@1a2b3c4d" };
const note = (key: string, value: unknown, more: object = {}) => ({ key, value, by: BY, ...more });
const LIMITS = { most_bytes: 1_000_000, most_versions: 3 };

export function rememberedContract(open: OpenStore): void {
  describe("what is remembered", () => {
    test("is read by whoever comes later, with who wrote it and when; older versions stay readable", async () => {
      const { store, other, clock } = await open();
      const at = clock.now();
      await store.remembered.write("ann", note("style", { tone: "dry" }));
      clock.pass(1000);
      await other.remembered.write("ann", { key: "style", value: "short", by: {} });
      expect(await store.remembered.read("ann", "style")).toMatchObject({
        value: "short",
        version: 2,
        caller: "ann",
        by: {},
      });
      expect(await other.remembered.read("ann", "style", 1)).toMatchObject({ value: { tone: "dry" }, by: BY, at });
      expect((await store.remembered.history("ann", "style")).map(({ version }) => version)).toEqual([2, 1]);
      expect(await store.remembered.read("ann", "style", 3)).toBeUndefined();
      expect(await store.remembered.read("ann", "other")).toBeUndefined();
    });

    test("is nobody else's: another caller neither reads, finds, lists nor forgets it", async () => {
      const { store } = await open();
      await store.remembered.write("ann", note("style", "a secret of ann"));
      const { remembered } = store;
      expect(await remembered.read("bob", "style")).toBeUndefined();
      expect(await remembered.search("bob", { query: "secret", keys: ALL, limit: 9 })).toEqual([]);
      expect(await remembered.list("bob", { keys: ALL, limit: 9 })).toEqual({ entries: [] });
      expect(await remembered.history("bob", "style")).toEqual([]);
      expect(await remembered.forget("bob", "style", {})).toBeUndefined();
      expect(await remembered.purge("bob", "style", {})).toBe(0);
      await remembered.write("bob", note("style", "bob's own"));
      expect(await remembered.read("ann", "style")).toMatchObject({ value: "a secret of ann", version: 1 });
    });

    test("is written once, however often the same deed writes it, whoever comes between", async () => {
      const { store, other } = await open();
      const first = await store.remembered.write("ann", note("n", "one", { once: "k1" }));
      await other.remembered.write("ann", note("n", "two", { once: "k2" }));
      expect(await other.remembered.write("ann", note("n", "one", { once: "k1" }))).toEqual(first);
      expect(await store.remembered.read("ann", "n")).toMatchObject({ value: "two", version: 2 });
      const gone = await store.remembered.forget("ann", "n", BY, "k3");
      await store.remembered.write("ann", note("n", "three"));
      expect(await store.remembered.forget("ann", "n", BY, "k3")).toEqual(gone);
      expect(await store.remembered.read("ann", "n")).toMatchObject({ value: "three" });
      await store.remembered.write("bob", note("n", "bob's", { once: "k1" }));
      expect(await store.remembered.read("bob", "n")).toMatchObject({ value: "bob's" });
    });

    test("is found by all its words, by their beginnings, else by some of them, the best first", async () => {
      const { store } = await open();
      await store.remembered.write("ann", note("trips/rome", "We walked through Rome and ate artichokes."));
      await store.remembered.write("ann", note("trips/oslo", { where: "Oslo", note: "rain, and no artichokes" }));
      await store.remembered.write(
        "ann",
        note("food", "Naïve opinions about artichoke hearts, artichokes, artichokes"),
      );
      const find = async (query: string, keys = ALL) =>
        (await store.remembered.search("ann", { query, keys, limit: 9 })).map(({ key }) => key);
      expect(await find("artichokes rain")).toEqual(["trips/oslo"]);
      expect((await find("artichok*")).toSorted()).toEqual(["food", "trips/oslo", "trips/rome"]);
      expect((await find("artichokes")).at(0)).toBe("food");
      expect(await find("naive")).toEqual(["food"]);
      expect(await find("rome")).toEqual(["trips/rome"]);
      expect((await find("what did we eat in rome")).at(0)).toBe("trips/rome");
      expect(await find("artichokes", ["trips/*"])).not.toContain("food");
      expect(await find("artichokes", [])).toEqual([]);
      const [hit] = await store.remembered.search("ann", { query: "walked", keys: ALL, limit: 1 });
      expect(hit).toMatchObject({ snippet: expect.stringContaining("[walked]"), version: 1, by: BY });
    });

    test("is found by what stands there now alone", async () => {
      const { store } = await open();
      await store.remembered.write("ann", note("n", "an old elephant"));
      await store.remembered.write("ann", note("n", "a new giraffe"));
      const find = (query: string) => store.remembered.search("ann", { query, keys: ALL, limit: 9 });
      expect(await find("elephant")).toEqual([]);
      expect(await find("giraffe")).toHaveLength(1);
      await store.remembered.forget("ann", "n", BY);
      expect(await find("giraffe")).toEqual([]);
    });

    test("is searched with any text at all: some find nothing, none is wrong", async () => {
      const { store } = await open();
      await store.remembered.write("ann", note("n", "plain words"));
      const odd = fc.oneof(
        fc.string({ unit: "binary", maxLength: 40 }),
        fc
          .array(
            fc.constantFrom('"', "*", "AND", "NOT", "NEAR(", ")", "^", ":", "-", "key:", "{", "'", "\0", "plain"),
            { maxLength: 8 },
          )
          .map((list) => list.join(" ")),
      );
      await fc.assert(
        fc.asyncProperty(odd, async (query) => {
          expect(Array.isArray(await store.remembered.search("ann", { query, keys: ALL, limit: 3 }))).toBe(true);
        }),
        { numRuns: 100 },
      );
      expect(await store.remembered.search("ann", { query: 'plain" OR "words', keys: ALL, limit: 3 })).toHaveLength(1);
    });

    test("is told for the very keys that a grant allows, by the store as by everybody else", async () => {
      const { store } = await open();
      const part = fc.constantFrom("a", "b", "ab", "a/b", "a.b", "_", "-");
      const key = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
      const grant = fc.tuple(fc.option(key, { nil: "" }), fc.boolean()).map(([stem, all]) => (all ? `${stem}*` : stem));
      let n = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.uniqueArray(key, { maxLength: 6 }),
          fc.array(grant, { maxLength: 3 }),
          async (keys, grants) => {
            const caller = `c${n++}`;
            for (const each of keys) await store.remembered.write(caller, note(each, "word"));
            const allowed = keys.filter((each) => allowsKey(grants, each)).toSorted();
            const { entries } = await store.remembered.list(caller, { keys: grants, limit: 50 });
            expect(entries.map((entry) => entry.key).toSorted()).toEqual(allowed);
            const hits = await store.remembered.search(caller, { query: "word", keys: grants, limit: 50 });
            expect(hits.map((hit) => hit.key).toSorted()).toEqual(allowed);
          },
        ),
        { numRuns: 40 },
      );
    });

    test("is listed by key, page by page, or by how keys begin", async () => {
      const { store } = await open();
      for (const key of ["b", "a/2", "a/1", "c"]) await store.remembered.write("ann", note(key, key));
      const first = await store.remembered.list("ann", { keys: ALL, limit: 3 });
      expect(first).toMatchObject({ entries: [{ key: "a/1" }, { key: "a/2" }, { key: "b" }], next: "b" });
      const rest = await store.remembered.list("ann", { keys: ALL, limit: 3, after: "b" });
      expect(rest).toMatchObject({ entries: [{ key: "c" }] });
      expect(rest.next).toBeUndefined();
      const { entries } = await store.remembered.list("ann", { keys: ALL, limit: 9, prefix: "a/" });
      expect(entries.map(({ key }) => key)).toEqual(["a/1", "a/2"]);
    });
  });

  describe("what is forgotten", () => {
    test("is there no more, and can be looked up by its version until it is purged", async () => {
      const { store } = await open();
      await store.remembered.write("ann", note("n", "first"));
      await store.remembered.write("ann", note("n", "second"));
      expect(await store.remembered.forget("ann", "n", { agent: "a@1" })).toMatchObject({
        version: 3,
        state: "forgotten",
      });
      expect(await store.remembered.read("ann", "n")).toBeUndefined();
      expect(await store.remembered.list("ann", { keys: ALL, limit: 9 })).toEqual({ entries: [] });
      expect(await store.remembered.read("ann", "n", 2)).toMatchObject({ value: "second" });
      expect(await store.remembered.purge("ann", "n", {})).toBe(2);
      const history = await store.remembered.history("ann", "n");
      expect(history.map(({ state }) => state)).toEqual(["forgotten", "erased", "erased"]);
      expect(JSON.stringify(history)).not.toContain("second");
      expect(await store.remembered.write("ann", note("n", "anew"))).toMatchObject({ version: 4, state: "kept" });
    });

    test("is gone for good after thirty days, though nobody purged it", async () => {
      const { store, clock } = await open();
      await store.remembered.write("ann", note("n", "first"));
      await store.remembered.forget("ann", "n", {});
      clock.pass(30 * DAY + 1);
      expect(await store.remembered.read("ann", "n", 1)).toBeUndefined();
      expect(await store.remembered.history("ann", "n")).toEqual([]);
    });
  });

  describe("the limits of memory", () => {
    test("keep a value for as long as its write says, else as the settings say, and sweep it when somebody writes or begins", async () => {
      const { store, clock } = await open([], { ...LIMITS, keep_days: 10 });
      await store.remembered.write("ann", note("short", "one day", { ttl_days: 1 }));
      await store.remembered.write("ann", note("usual", "ten days"));
      clock.pass(DAY);
      expect(await store.remembered.read("ann", "short")).toBeUndefined();
      expect(await store.remembered.search("ann", { query: "day", keys: ALL, limit: 9 })).toEqual([]);
      expect(await store.remembered.read("ann", "usual")).toMatchObject({ value: "ten days" });
      clock.pass(9 * DAY);
      expect(await store.remembered.list("ann", { keys: ALL, limit: 9 })).toEqual({ entries: [] });
      await store.enlist({ id: "w_1", pid: 1, host: "h", boot: "b", lock: "l" });
      expect(await store.remembered.write("ann", note("usual", "again"))).toMatchObject({ version: 1 });
    });

    test("leave the latest versions readable, and of older ones who wrote them", async () => {
      const { store } = await open([], LIMITS);
      for (const n of [1, 2, 3, 4, 5]) await store.remembered.write("ann", note("n", `value ${n}`));
      const history = await store.remembered.history("ann", "n");
      expect(history.map(({ state }) => state)).toEqual(["kept", "kept", "kept", "erased", "erased"]);
      expect(history.at(-1)).toMatchObject({ by: BY, bytes: 0 });
      expect(history.at(-1)).not.toHaveProperty("value");
    });

    test("refuse what is too much, say what to do, and keep what was there", async () => {
      const { store } = await open([], { most_bytes: 100, most_versions: 3 });
      await store.remembered.write("ann", note("n", "x".repeat(58)));
      const more = store.remembered.write("ann", note("m", "y".repeat(58)));
      await expect(more).rejects.toMatchObject({
        code: "TOO_LARGE",
        options: { hint: expect.stringContaining("purge") },
      });
      await store.remembered.write("bob", note("m", "y".repeat(58)));
      expect(await store.remembered.read("ann", "n")).toMatchObject({ version: 1 });
      await store.remembered.purge("ann", "n", {});
      expect(await store.remembered.write("ann", note("m", "y".repeat(58)))).toMatchObject({ version: 1 });
      const huge = store.remembered.write("ann", note("m", "é".repeat(MOST_VALUE_BYTES / 2)));
      await expect(huge).rejects.toMatchObject({ code: "TOO_LARGE" });
    });
  });
}
