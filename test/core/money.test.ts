import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { affordableOutput, costOf, type PriceCard, showUsd, toNano, toUsd, worstCost } from "../../src/core/money.ts";

const rate = fc.integer({ min: 0, max: 200_000_000_000 });
const rates = { input: rate, cached: rate, cache_write: rate, output: rate };
const card: fc.Arbitrary<PriceCard> = fc
  .record({
    ...rates,
    tiers: fc.array(fc.record({ ...rates, above: fc.integer({ min: 0, max: 400_000 }) }), { maxLength: 3 }),
  })
  .map(({ tiers, ...flat }) => ({ ...flat, tiers: tiers.sort((a, b) => a.above - b.above), source: "test" }));

const tokens = fc
  .tuple(fc.nat(1_000_000), fc.nat(1_000_000), fc.nat(1_000_000), fc.nat(200_000))
  .map(([plain, cached, cache_write, output]) => ({
    input: plain + cached + cache_write,
    cached,
    cache_write,
    output,
    reasoning: 0,
  }));

describe("money", () => {
  test("never loses to a rounding: a sum in nano-dollars is at least the sum in dollars", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000_000_000_000 }), (nano) => {
        expect(toNano(toUsd(nano))).toBe(nano);
      }),
    );
    expect(toNano(0.1 + 0.2)).toBe(300_000_000);
    expect(toNano(0.000_000_000_1)).toBe(1);
    expect(toNano(0)).toBe(0);
  });

  test("that is too much to count exactly is refused", () => {
    expect(() => toNano(1e10)).toThrow(RangeError);
  });

  test("is rounded up to the next nano-dollar for each call", () => {
    const cheap = { input: 1, cached: 0, cache_write: 0, output: 0, source: "test" };
    expect(costOf(cheap, { input: 1, cached: 0, cache_write: 0, output: 0, reasoning: 0 })).toBe(1);
    expect(costOf(cheap, { input: 1_000_000, cached: 0, cache_write: 0, output: 0, reasoning: 0 })).toBe(1);
    expect(costOf(cheap, { input: 1_000_001, cached: 0, cache_write: 0, output: 0, reasoning: 0 })).toBe(2);
  });

  test("counts cached and written tokens at their own price, within the input", () => {
    const prices = {
      input: 3_000_000_000,
      cached: 300_000_000,
      cache_write: 3_750_000_000,
      output: 15_000_000_000,
      source: "t",
    };
    const used = { input: 1_000_000, cached: 400_000, cache_write: 100_000, output: 10_000, reasoning: 5_000 };
    expect(toUsd(costOf(prices, used))).toBeCloseTo(0.5 * 3 + 0.4 * 0.3 + 0.1 * 3.75 + 0.01 * 15, 9);
  });

  test("of a long context is that of the highest tier it passes", () => {
    const prices: PriceCard = {
      input: 1_000_000,
      cached: 0,
      cache_write: 0,
      output: 0,
      tiers: [
        { above: 1000, input: 2_000_000, cached: 0, cache_write: 0, output: 0 },
        { above: 2000, input: 4_000_000, cached: 0, cache_write: 0, output: 0 },
      ],
      source: "test",
    };
    const cost = (input: number) => costOf(prices, { input, cached: 0, cache_write: 0, output: 0, reasoning: 0 });
    expect([cost(1000), cost(1001), cost(2000), cost(2001)]).toEqual([1000, 2002, 4000, 8004]);
  });

  test("reserved before a call is never less than what the call costs, however its tokens split", () => {
    fc.assert(
      fc.property(card, tokens, (prices, used) => {
        expect(worstCost(prices, used.input, used.output)).toBeGreaterThanOrEqual(costOf(prices, used));
      }),
      { numRuns: 2000 },
    );
  });

  test("that is left buys so much output and not a token more", () => {
    fc.assert(
      fc.property(
        card.filter(({ output }) => output > 0),
        fc.nat(200_000),
        fc.nat(2_000_000_000),
        (prices, input, left) => {
          const output = affordableOutput(prices, input, left);
          if (output > 0) expect(worstCost(prices, input, output)).toBeLessThanOrEqual(left);
          expect(worstCost(prices, input, output + 1)).toBeGreaterThan(left);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test("is shown as people read it", () => {
    expect([0, 42_100_000, 1_500_000_000, 123].map(showUsd)).toEqual(["$0", "$0.0421", "$1.5000", "$1.23e-7"]);
  });
});
