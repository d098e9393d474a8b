import { describe, expect, test } from "vitest";
import { playWorld, type WorldOptions } from "./world.ts";

const WORLDS: Readonly<Record<string, WorldOptions>> = {
  "of everything at once": { drains: 0.05, fate: { dies: 0.03, stops: 0.02, lags: 0.05 } },
  "of many runs": { runs: 6, fate: { dies: 0.01, stops: 0.01 } },
  "of the poor": { usd: [0.0002, 0.006], fate: { dies: 0.03, stops: 0.01 }, temper: { retries: 2 } },
  "of people who cannot decide": {
    temper: { cancels: 0.01, retries: 2, pauses: 0.05 },
    fate: { dies: 0.02, stops: 0.02 },
  },
};

const BATCHES = 10;
const EACH = 60;

describe("a long row of worlds", () => {
  for (const [name, options] of Object.entries(WORLDS)) {
    for (let batch = 0; batch < BATCHES; batch++) {
      const from = 10_000 + batch * EACH;
      test(`${name}, from seed ${from}, breaks no promise`, async () => {
        const broken: object[] = [];
        for (let seed = from; seed < from + EACH; seed++) {
          const { faults } = await playWorld(seed, options);
          if (faults.length > 0) broken.push({ seed, faults });
        }
        expect(broken).toEqual([]);
      });
    }
  }
});
