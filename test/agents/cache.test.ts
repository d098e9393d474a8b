import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openCache } from "../../src/agents/cache.ts";
import type { ModelReply } from "../../src/core/provider.ts";

const reply: ModelReply = {
  text: "an answer",
  tokens: { input: 10, cached: 0, cache_write: 0, output: 3, reasoning: 0 },
  stop: "end",
};

let home: string;
let path: string;
let now: number;
const warnings: unknown[] = [];
const open = (at = path) =>
  openCache(
    at,
    (error) => warnings.push(error),
    () => now,
  );

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "baton-cache-"));
  path = join(home, "cache.db");
  now = Date.now();
  warnings.length = 0;
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

it("an answer is remembered, also by the next process", async () => {
  const first = open();
  await first.set("local", "q1", reply, 60);
  expect(await first.get("local", "q1")).toEqual(reply);
  await first.close();
  const second = open();
  expect(await second.get("local", "q1")).toEqual(reply);
  await second.close();
});

it("nobody is given an answer that another caller paid for", async () => {
  const cache = open();
  await cache.set("ann", "q1", reply, 60);
  expect(await cache.get("bob", "q1")).toBeUndefined();
  await cache.close();
});

it("an answer is forgotten when its time is over", async () => {
  const cache = open();
  await cache.set("local", "q1", reply, 60);
  now += 59_000;
  expect(await cache.get("local", "q1")).toEqual(reply);
  now += 2000;
  expect(await cache.get("local", "q1")).toBeUndefined();
  await cache.close();
});

it("nothing is written before it is used, and then for its owner only", async () => {
  const cache = open();
  expect(() => statSync(path)).toThrow();
  await cache.get("local", "q1");
  expect(statSync(path).mode & 0o077).toBe(0);
  await cache.close();
});

it("two processes share one file", async () => {
  const [one, two] = [open(), open()];
  await one.set("local", "q1", reply, 60);
  expect(await two.get("local", "q1")).toEqual(reply);
  await Promise.all([one.close(), two.close()]);
});

it("a file that is no cache is a miss and a warning, never an error", async () => {
  writeFileSync(path, "this is no database, and long enough to be looked at as one. ".repeat(20));
  const cache = open();
  await cache.set("local", "q1", reply, 60);
  expect(await cache.get("local", "q1")).toBeUndefined();
  expect(warnings.length).toBeGreaterThan(0);
  await cache.close();
});
