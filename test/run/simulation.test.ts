import { describe, expect, test } from "vitest";
import { playWorld, type WorldOptions } from "./world.ts";

/** Random programs on the real journal, money and play, in worlds that go wrong in different ways. */
const WORLDS: Readonly<Record<string, WorldOptions>> = {
  "where nothing but the models goes wrong": {},
  "where servers die before and after their commits": { fate: { dies: 0.04 } },
  "where servers are stopped for longer than their lease": { fate: { stops: 0.04 } },
  "where the machine sleeps for hours": { sleeps: 0.1, fate: { lags: 0.05 } },
  "where the file is often locked": { fate: { lags: 0.2, dies: 0.01 } },
  "where servers are drained, die and are stopped": { drains: 0.1, fate: { dies: 0.02, stops: 0.02 } },
  "where people pause and resume": {
    temper: { pauses: 0.08 },
    drains: 0.03,
    fate: { dies: 0.02, stops: 0.01, lags: 0.05 },
  },
  "where money is short": { usd: [0.0002, 0.004], fate: { dies: 0.02, stops: 0.01 } },
};

const EACH = 32;

describe("a world of runs", () => {
  for (const [index, [name, options]] of Object.entries(WORLDS).entries()) {
    test(`${name} breaks no promise`, { timeout: 120_000 }, async () => {
      const broken: object[] = [];
      for (let seed = index * EACH; seed < (index + 1) * EACH; seed++) {
        const { faults } = await playWorld(seed, options);
        if (faults.length > 0) broken.push({ seed, faults });
      }
      expect(broken).toEqual([]);
    });
  }
});
