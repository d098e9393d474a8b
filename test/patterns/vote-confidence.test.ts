import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { normalised } from "../../src/core/texts.ts";
import { posteriorOf } from "../../src/patterns/vote/confidence.ts";
import { isCertain, isSettled, waveOf } from "../../src/patterns/vote/stop.ts";
import { type Ballot, winnerOf } from "../../src/patterns/vote/tally.ts";

const ballot = (choice: string): Ballot => ({ voter: choice, choice, confidence: 1, reason: "", weight: 1 });

interface Vote {
  readonly quorum?: number;
  readonly threshold?: number;
  readonly free?: boolean;
}

/** Asks in waves until nobody else need be asked. */
function inWaves(answers: readonly string[], { quorum = 1, threshold = 0.95, free = false }: Vote = {}) {
  const options = free ? undefined : ["a", "b", "c"];
  const sure = { threshold, quorum };
  const all = answers.map(ballot);
  let asked = 0;
  for (let waves = 0; ; waves++) {
    const ballots = all.slice(0, asked);
    const waiting = all.slice(asked).map(() => 1);
    const standing = { rule: "majority" as const, ballots, waiting, quorum, options, sure };
    if (waiting.length === 0 || isSettled(standing)) return { ballots, waves, standing };
    asked += waveOf(standing);
  }
}

describe("the posterior of a majority", () => {
  test("is one half where nothing speaks for either side", () => {
    expect([0, 1, 7, 500].map((n) => posteriorOf(n, n))).toEqual([0.5, 0.5, 0.5, 0.5]);
  });

  test("is what the Beta distribution says", () => {
    expect(posteriorOf(1, 0)).toBe(0.75);
    expect(posteriorOf(4, 0)).toBe(31 / 32);
    expect(posteriorOf(3, 1)).toBe(26 / 32);
    expect(posteriorOf(0, 2)).toBe(1 / 8);
  });

  test("agrees with the integral, grows with each vote for, and shrinks with each against", () => {
    fc.assert(
      fc.property(fc.nat(30), fc.nat(30), (votes, against) => {
        const share = posteriorOf(votes, against);
        expect(share).toBeCloseTo(integral(votes, against), 6);
        expect(posteriorOf(votes + 1, against)).toBeGreaterThan(share);
        expect(posteriorOf(votes, against + 1)).toBeLessThan(share);
        expect(share + posteriorOf(against, votes)).toBeCloseTo(1, 12);
      }),
    );
  });

  test("is told for thousands of votes as well", () => {
    expect(posteriorOf(3000, 2900)).toBeGreaterThan(0.9);
    expect(posteriorOf(3000, 0)).toBeLessThanOrEqual(1);
  });
});

/** The part above one half of x^votes * (1-x)^against, by Simpson's rule. */
function integral(votes: number, against: number): number {
  const density = (x: number) => x ** votes * (1 - x) ** against;
  const sum = (from: number, to: number, steps = 2000) => {
    const width = (to - from) / steps;
    let total = density(from) + density(to);
    for (let i = 1; i < steps; i++) total += density(from + i * width) * (i % 2 === 1 ? 4 : 2);
    return (total * width) / 3;
  };
  return sum(0.5, 1) / sum(0, 1);
}

const answers = fc.array(fc.constantFrom("a", "a", "a", "b", "c"), { minLength: 2, maxLength: 40 });
const threshold = fc.constantFrom(0.6, 0.8, 0.95, 0.99);

const mostOf = (ballots: readonly Ballot[]): number =>
  Math.max(...["a", "b", "c"].map((one) => ballots.filter(({ choice }) => choice === one).length));

describe("a stop by confidence", () => {
  test("never comes before the threshold is passed or the outcome is certain, nor below the quorum", () => {
    fc.assert(
      fc.property(answers, threshold, fc.integer({ min: 1, max: 10 }), (given, sure, wanted) => {
        const quorum = Math.min(given.length, wanted);
        const { ballots, standing } = inWaves(given, { quorum, threshold: sure });
        expect(ballots.length).toBeGreaterThanOrEqual(quorum);
        if (isCertain(standing)) return;
        const most = mostOf(ballots);
        expect(posteriorOf(most, ballots.length - most)).toBeGreaterThanOrEqual(sure);
        expect(winnerOf("majority", ballots)).toBeDefined();
      }),
      { numRuns: 2000 },
    );
  });

  test("asks nobody after the threshold is passed, though it asks in waves", () => {
    fc.assert(
      fc.property(answers, threshold, (given, sure) => {
        const { ballots } = inWaves(given, { threshold: sure });
        for (let n = 1; n < ballots.length; n++) {
          const most = mostOf(ballots.slice(0, n));
          expect(posteriorOf(most, n - most)).toBeLessThan(sure);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test("decides as the full count does where all agree, with four votes of forty", () => {
    const { ballots, waves } = inWaves(Array(40).fill("a"));
    expect(ballots).toHaveLength(4);
    expect(waves).toBe(1);
  });

  test("asks on where they do not", () => {
    const split = Array.from({ length: 40 }, (_, n) => (n % 2 === 0 ? "a" : "b"));
    expect(inWaves(split).ballots).toHaveLength(40);
  });

  test("asks no more than are needed for certainty", () => {
    expect(inWaves(["a", "a", "a"]).ballots).toHaveLength(2);
  });

  test("takes all rivals in free words as one, since they may mean the same", () => {
    expect(inWaves([...Array(2).fill("Paris"), ...Array(38).fill("paris. ")], { free: true }).ballots).toHaveLength(4);
    const rivals = [
      "Paris",
      "paris",
      "Rome",
      "It is Rome",
      "Paris",
      "Roma",
      "Paris.",
      "Rom",
      ...Array(32).fill("Paris"),
    ];
    const { ballots } = inWaves(rivals, { free: true });
    const paris = ballots.filter(({ choice }) => normalised(choice) === "paris").length;
    expect(posteriorOf(paris, ballots.length - paris)).toBeGreaterThanOrEqual(0.95);
    expect(posteriorOf(paris - 1, ballots.length - paris)).toBeLessThan(0.95);
  });
});
