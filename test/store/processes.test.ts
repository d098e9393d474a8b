import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { holdLock, ownerIsDead } from "../../src/store/sqlite/lock.ts";
import { openStore } from "../../src/store/sqlite/open.ts";
import { Child } from "./child.ts";
import { cleaned } from "./home.ts";
import { REAL_CLOCK } from "./kit.ts";

const { folder, after } = cleaned();

async function opened(home: string) {
  const store = await openStore({ home, clock: REAL_CLOCK });
  after(() => store.close());
  return store;
}

function child(script: string, ...args: string[]): Child {
  const made = new Child(script, ...args);
  after(() => made.kill());
  return made;
}

describe("several processes on one file", { timeout: 60_000 }, () => {
  test("make it once, make each run once, play each run once, and share one cap", async () => {
    const home = join(folder(), "new");
    const names = ["a", "b", "c", "d", "e", "f"];
    const said = await Promise.all(names.map((name) => child("worker.child.ts", home, name, "20").ends()));
    const of = (kind: string) => said.flat().flatMap((line) => (line.startsWith(kind) ? [line.split(" ")[1]] : []));
    expect(of("made")).toHaveLength(20);
    expect(of("claimed").toSorted()).toEqual(of("made").toSorted());
    expect(of("held")).toHaveLength(Math.floor(100 / 7));
    const store = await opened(home);
    expect(await store.nodes(["day:shared"])).toMatchObject([{ held: { usd: 98 }, spent: { usd: 0 } }]);
  });

  test("keep what was called durable when one is killed, and nothing of what was not committed", async () => {
    const home = folder();
    const writer = child("writer.child.ts", home);
    const run = await writer.says();
    await writer.says(40);
    await writer.kill();
    const said = Number(writer.lines.at(-1));
    const store = await opened(home);
    const { lines } = await store.memory(run);
    expect(lines.length).toBeGreaterThanOrEqual(said);
    expect(lines.length).toBeLessThanOrEqual(said + 1);
    expect(lines.map(({ seq, value }) => value === `${seq} `.repeat(500))).not.toContain(false);
  });

  test("keep exactly the commits that were made before a kill at a chosen one", async () => {
    for (const commits of [3, 4, 5]) {
      const home = folder();
      const lines = await child("writer.child.ts", home, `${commits}`).ends();
      const store = await opened(home);
      const { lines: kept } = await store.memory(lines[0] ?? "");
      expect(kept).toHaveLength(commits - 2);
      expect(lines.length - 1).toBe(commits - 3);
    }
  });

  test("go on while one of them is frozen in a transaction: the event loop is not held up, and nothing is lost", async () => {
    const home = folder();
    const store = await opened(home);
    const frozen = child("frozen.child.ts", join(home, "baton.db"));
    await frozen.says();
    frozen.process.kill("SIGSTOP");
    const gaps: number[] = [];
    let last = performance.now();
    const ticking = setInterval(() => {
      gaps.push(performance.now() - last);
      last = performance.now();
    }, 5);
    after(() => clearInterval(ticking));
    const identity = { id: "w_1", pid: 1, host: "h", boot: "b", lock: "l" };
    const writing = store.enlist(identity).then(() => "written");
    const pause = new Promise<string>((resolve) => setTimeout(resolve, 2500, "waiting"));
    expect(await Promise.race([writing, pause])).toBe("waiting");
    expect(await store.list({ limit: 1 })).toEqual({ runs: [] });
    expect(gaps.length).toBeGreaterThan(20);
    expect(Math.max(...gaps)).toBeLessThan(2000);
    await frozen.kill();
    expect(await writing).toBe("written");
  });
});

describe("a worker's lock", { timeout: 60_000 }, () => {
  test("shows that its process lives, and that it is dead as soon as it is killed", async () => {
    const home = folder();
    const owner = child("lock.child.ts", home);
    const identity = JSON.parse(await owner.says());
    expect(ownerIsDead(identity)).toBe(false);
    expect(ownerIsDead(identity)).toBe(false);
    owner.process.kill("SIGSTOP");
    expect(ownerIsDead(identity)).toBe(false);
    await owner.kill();
    expect(ownerIsDead(identity)).toBe(true);
    expect(existsSync(identity.lock)).toBe(false);
    expect(ownerIsDead(identity)).toBe(true);
  });

  test("is seen as held in its own process, and not lost by being asked for", () => {
    const home = folder();
    const mine = holdLock(home);
    const second = holdLock(home);
    expect(mine.identity.id).not.toBe(second.identity.id);
    expect(ownerIsDead(mine.identity)).toBe(false);
    expect(ownerIsDead(mine.identity)).toBe(false);
    mine.release();
    expect(ownerIsDead(mine.identity)).toBe(true);
    expect(ownerIsDead(second.identity)).toBe(false);
    second.release();
    expect(readdirSync(join(home, "workers"))).toEqual([]);
  });

  test("says nothing about another machine, or another start of this one", () => {
    const home = folder();
    const { identity, release } = holdLock(home);
    after(release);
    expect(ownerIsDead({ ...identity, boot: "another" })).toBeUndefined();
  });
});
