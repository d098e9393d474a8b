import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { utcDay } from "../../src/core/clock.ts";
import type { Attempt, Memory, Run, RunStore } from "../../src/core/store.ts";
import { addUsage, NO_USAGE } from "../../src/core/usage.ts";
import { openStore } from "../../src/store/sqlite/open.ts";
import type { Entry, Vendor } from "../stub/vendor.ts";

/** A home of its own, gone with the test. */
export class Home implements Disposable {
  readonly folder: string;

  constructor(folder = mkdtempSync(join(tmpdir(), "baton-crash-"))) {
    this.folder = folder;
  }

  get path(): string {
    return join(this.folder, ".baton");
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Looks into the store from this process. */
  async look<T>(see: (store: RunStore) => Promise<T>): Promise<T> {
    const store = await openStore({ home: this.path, clock: systemClock });
    try {
      return await see(store);
    } finally {
      await store.close();
    }
  }

  /** All runs, with what they remember. */
  runs(): Promise<readonly Told[]> {
    return this.look(async (store) => {
      const { runs } = await store.list({ limit: 1000 });
      return Promise.all(runs.map(async (run) => ({ run, memory: await store.memory(run.id) })));
    });
  }
}

export interface Told {
  readonly run: Run;
  readonly memory: Memory;
}

const question = ({ system, user }: { system: string; user: string }): string => `${system}\n---\n${user}`;

const questionOf = ({ input }: Attempt): string =>
  question({ system: input.system, user: input.messages.findLast(({ role }) => role === "user")?.content ?? "" });

function grouped<T>(things: readonly T[], key: (thing: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const thing of things) groups.set(key(thing), [...(groups.get(key(thing)) ?? []), thing]);
  return groups;
}

/**
 * What was asked of the vendor is what stands in the journal: every request has its attempt, nothing was asked again
 * once its answer was written down, and what was in flight at a death is marked as lost and charged at its reserve.
 */
export function expectNothingAskedTwice(told: readonly Told[], requests: readonly Entry[]): void {
  const asked = grouped(requests, question);
  const noted = grouped(
    told.flatMap(({ memory }) => memory.attempts),
    questionOf,
  );
  for (const [prompt, entries] of asked) {
    expect(noted.get(prompt)?.length ?? 0, `requests without a record: ${prompt}`).toBeGreaterThanOrEqual(
      entries.length,
    );
  }
  for (const [prompt, attempts] of noted) {
    const told = attempts.filter(({ result }) => result !== "lost" && result !== "aborted");
    expect(asked.get(prompt)?.length ?? 0, prompt).toBeGreaterThanOrEqual(told.length);
    expect(attempts.map(({ result }) => result).slice(0, -1), `answered, and asked again: ${prompt}`).not.toContain(
      "ok",
    );
    for (const { reserve, usage, estimated } of attempts.filter(({ result }) => result === "lost")) {
      expect({ usd: usage.usd, estimated }).toEqual({ usd: reserve.usd, estimated: true });
    }
  }
}

/** Nothing is held any more, all sums agree, and nobody was billed more than we have counted. */
export async function expectBooksToAgree(home: Home, vendor: Vendor): Promise<void> {
  const told = await home.runs();
  for (const { run, memory } of told) {
    const sum = memory.attempts.reduce((usage, attempt) => addUsage(usage, attempt.usage), NO_USAGE);
    expect({ ...run.usage, held: run.held }, run.id).toMatchObject({ usd: sum.usd, calls: sum.calls, held: 0 });
    expect(memory.attempts.filter(({ state }) => state === "held")).toEqual([]);
  }
  const charged = told.reduce((sum, { run }) => sum + run.usage.usd, 0);
  const days = [...new Set(told.flatMap(({ memory }) => memory.attempts.map(({ at }) => `day:${utcDay(at)}`)))];
  const nodes = await home.look((store) => store.nodes(days));
  const sum = (unit: (node: (typeof nodes)[number]) => number) => nodes.reduce((all, node) => all + unit(node), 0);
  expect({ held: sum(({ held }) => held.usd), spent: sum(({ spent }) => spent.usd) }).toEqual({
    held: 0,
    spent: charged,
  });
  expect(vendor.report().bill, "the vendor's bill, and ours").toBeLessThanOrEqual(charged);
}

const OF_ITS_TIME = new Set(["usage", "timestamp", "processed_at", "estimate"]);

/** An output without what is its run's own: its bills, which a crash may make greater, its times, and its name. */
export function plainOutput(output: unknown, name: string): unknown {
  const text = JSON.stringify(output, (key, value) => (OF_ITS_TIME.has(key) ? undefined : value));
  return JSON.parse(text.replaceAll(`[${name}]`, "[]"));
}
