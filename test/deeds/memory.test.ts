import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { memoryDeed } from "../../src/deeds/memory.ts";
import { openStore } from "../../src/store/sqlite/open.ts";
import { Child } from "../store/child.ts";
import { cleaned } from "../store/home.ts";
import { REAL_CLOCK } from "../store/kit.ts";

const { folder, after } = cleaned();
const MAY = { read: ["notes/*", "style"], write: ["notes/*"] };

async function opened() {
  const store = await openStore({ home: folder(), clock: REAL_CLOCK });
  after(() => store.close());
  const deed = memoryDeed(() => store.remembered);
  let n = 0;
  const does = (input: object, { caller = "ann", key = `k${n++}` } = {}) => {
    const whole = { may: MAY, agent: "critic@1a2b3c4d", ...input };
    const scene = { run: "r_1", caller, place: "critic", key, signal: new AbortController().signal };
    deed.check?.(whole);
    return deed.perform(whole, scene);
  };
  return { store, does };
}

describe("the deed memory", () => {
  test("writes under keys that the agent may write, and reads, finds and lists what it may read", async () => {
    const { store, does } = await opened();
    expect(await does({ op: "write", key: "notes/tone", value: { tone: "dry" } })).toEqual({
      key: "notes/tone",
      version: 1,
    });
    await store.remembered.write("ann", { key: "private", value: "dry things", by: {} });
    expect(await does({ op: "read", key: "notes/tone" })).toMatchObject({
      value: { tone: "dry" },
      by: "critic@1a2b3c4d",
    });
    expect(await does({ op: "search", query: "dry" })).toMatchObject({ hits: [{ key: "notes/tone", version: 1 }] });
    expect(await does({ op: "list" })).toMatchObject({ keys: [{ key: "notes/tone" }] });
    expect(await does({ op: "read", key: "notes/tome" })).toEqual({
      key: "notes/tome",
      found: false,
      did_you_mean: ["notes/tone"],
    });
    expect(await store.remembered.read("ann", "notes/tone")).toMatchObject({ by: { run: "r_1", place: "critic" } });
    expect(await does({ op: "forget", key: "notes/tone" })).toEqual({ key: "notes/tone", version: 2, forgotten: true });
    expect(await does({ op: "forget", key: "notes/tone" })).toEqual({ key: "notes/tone", found: false });
  });

  test("is one write for one step that says one thing, and another where a later try says something else", async () => {
    const { does } = await opened();
    const first = { op: "write", key: "notes/n", value: "a" };
    expect(await does(first, { key: "k" })).toMatchObject({ version: 1 });
    expect(await does(first, { key: "k" })).toMatchObject({ version: 1 });
    expect(await does({ ...first, value: "b" }, { key: "k" })).toMatchObject({ version: 2 });
  });

  test.each([
    [{ op: "write", key: "style", value: "x" }, 'memory: {"read":["notes/*","style"],"write":["notes/*","style"]}'],
    [{ op: "forget", key: "style" }, '"write":["notes/*","style"]'],
    [{ op: "read", key: "private" }, '"read":["notes/*","style","private"]'],
    [{ op: "search", query: "x", may: { write: ["a"] } }, '"read":["*"]'],
    [{ op: "list", may: {} }, '"read":["*"]'],
  ])("refuses %j with the line that would allow it", async (input, line) => {
    const { does } = await opened();
    const asked = Promise.resolve().then(() => does(input));
    await expect(asked).rejects.toMatchObject({ code: "FORBIDDEN", options: { hint: expect.stringContaining(line) } });
  });

  test.each([
    [{ op: "write", key: "notes/n" }],
    [{ op: "write", key: "notes/ n", value: 1 }],
    [{ op: "search" }],
    [{ op: "read" }],
    [{ op: "burn", key: "notes/n" }],
  ])("says of %j what is missing", async (input) => {
    const { does } = await opened();
    await expect(Promise.resolve().then(() => does(input))).rejects.toMatchObject({ code: "INVALID_INPUT" });
  });
});

interface Told {
  readonly status: string;
  readonly output: readonly { readonly version: number }[];
  readonly history: readonly { readonly value: string }[];
  readonly commits: number;
}

/** Plays the run in a process of its own, which may be killed at a commit; undefined where it was. */
async function played(home: string, killAt = ""): Promise<Told | undefined> {
  const child = new Child("../deeds/memory.child.ts", home, killAt);
  after(() => child.kill());
  const [said] = await child.ends();
  return said === undefined ? undefined : JSON.parse(said);
}

describe("a server that is killed while a run writes into memory", { timeout: 240_000 }, () => {
  test("leaves each write done once, at whatever commit it dies", async () => {
    const whole = await played(join(folder(), "home"));
    const commits = whole?.commits ?? 0;
    expect(commits).toBeGreaterThan(6);
    for (const share of [0.4, 0.6, 0.75, 0.9]) {
      const home = join(folder(), "home");
      expect(await played(home, `${Math.round(commits * share)}`)).toBeUndefined();
      const told = await played(home);
      expect(told?.status).toBe("succeeded");
      expect(told?.output.map(({ version }) => version)).toEqual([1, 2, 3]);
      expect(told?.history.map(({ value }) => value)).toEqual(["write 3", "write 2", "write 1"]);
    }
  });
});
