import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { pointsOf, rankingOf } from "../../src/patterns/vote/ranked.ts";
import { isCertain, waveOf } from "../../src/patterns/vote/stop.ts";
import { type Ballot, tallyOf, winnerOf } from "../../src/patterns/vote/tally.ts";

const OPTIONS = ["a", "b", "c", "d"];

const ballot = (ranking: readonly string[], weight = 1): Ballot => ({
  voter: "v",
  choice: ranking[0] ?? "",
  confidence: 1,
  reason: "",
  weight,
  ranking,
});

const ranking = fc.shuffledSubarray(OPTIONS, { minLength: 1 });
const weight = fc.integer({ min: 1, max: 30 }).map((tenths) => tenths / 10);
const electorate = fc.array(fc.tuple(ranking, weight), { minLength: 1, maxLength: 9 });
const castOf = (voters: readonly (readonly [string[], number])[]) =>
  voters.map(([order, heavy]) => ballot(order, heavy));
const winner = (cast: readonly Ballot[]) => winnerOf("ranked", cast, OPTIONS);

describe("a ranked vote", () => {
  test("gives each option a point for every option ranked below it", () => {
    expect(Object.fromEntries(pointsOf(["c", "a", "b", "d"], OPTIONS))).toEqual({ c: 3, a: 2, b: 1, d: 0 });
  });

  test("lets options that a ballot leaves out share what is left, and passes over what is no option or comes twice", () => {
    expect(Object.fromEntries(pointsOf(["b"], OPTIONS))).toEqual({ b: 3, a: 1, c: 1, d: 1 });
    expect(rankingOf(["b", "x", "b", "a"], OPTIONS)).toEqual(["b", "a"]);
    expect(pointsOf(["b", "x", "b", "a"], OPTIONS)).toEqual(pointsOf(["b", "a"], OPTIONS));
    expect(new Set(pointsOf([], OPTIONS).values())).toEqual(new Set([1.5]));
  });

  test("counts weights, and may choose what most rank second", () => {
    const split = [ballot(["a", "c", "b", "d"], 2), ballot(["b", "c", "a", "d"], 2), ballot(["c", "d", "a", "b"])];
    expect(winner(split)).toBe("c");
    expect(winner([...split, ballot(["a", "b", "c", "d"], 4)])).toBe("a");
  });

  test("reports a tie, and never breaks it", () => {
    expect(winner([ballot(["a", "b", "c", "d"]), ballot(["b", "a", "c", "d"])])).toBeUndefined();
    expect(winner([])).toBeUndefined();
  });

  test("gives every ballot the same sum, however much of it is left out", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...OPTIONS, "x", "y"), { maxLength: 8 }), (given) => {
        const points = [...pointsOf(given, OPTIONS).values()];
        expect(points.reduce((sum, n) => sum + n, 0)).toBe(6);
        expect(Math.min(...points)).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  test("does not depend on the order of the voters, nor on that of the options", () => {
    fc.assert(
      fc.property(
        electorate,
        fc.infiniteStream(fc.nat()),
        fc.shuffledSubarray(OPTIONS, { minLength: 4 }),
        (voters, order, named) => {
          const cast = castOf(voters);
          const mixed = cast
            .map((each) => [order.next().value, each] as const)
            .sort(([x], [y]) => x - y)
            .map(([, each]) => each);
          expect(winnerOf("ranked", mixed, named)).toBe(winner(cast));
          expect(Object.fromEntries(tallyOf(mixed, named))).toEqual(Object.fromEntries(tallyOf(cast, OPTIONS)));
        },
      ),
    );
  });

  test("is won by nobody whom every voter puts below another, and by an option that all rank first", () => {
    fc.assert(
      fc.property(electorate, fc.constantFrom(...OPTIONS), (voters, first) => {
        const cast = voters.map(([order, heavy]) => ballot([first, ...order.filter((one) => one !== first)], heavy));
        expect(winner(cast)).toBe(first);
      }),
    );
  });
});

describe("an early stop of a ranked vote", () => {
  test("never changes the outcome, whoever ranks what, and however much of it", () => {
    fc.assert(
      fc.property(electorate, fc.nat(8), (voters, asked) => {
        const all = castOf(voters);
        const quorum = Math.min(all.length, asked + 1);
        let cast: Ballot[] = [];
        let standing = {
          rule: "ranked" as const,
          ballots: cast,
          waiting: all.map((one) => one.weight),
          quorum,
          options: OPTIONS,
        };
        while (standing.waiting.length > 0 && !isCertain(standing)) {
          const size = waveOf(standing);
          expect(size).toBeGreaterThan(0);
          cast = all.slice(0, cast.length + size);
          standing = { ...standing, ballots: cast, waiting: standing.waiting.slice(size) };
        }
        expect(cast.length).toBeGreaterThanOrEqual(quorum);
        expect(winner(cast)).toBe(winner(all));
      }),
      { numRuns: 3000 },
    );
  });

  test("saves the last voters where the first agree", () => {
    const options = ["a", "b"];
    const standing = { rule: "ranked" as const, ballots: [], waiting: [1, 1, 1, 1, 1], quorum: 1, options };
    expect(waveOf(standing)).toBe(3);
    expect(isCertain({ ...standing, ballots: Array(3).fill(ballot(["a", "b"])), waiting: [1, 1] })).toBe(true);
    expect(isCertain({ ...standing, ballots: Array(2).fill(ballot(["a", "b"])), waiting: [1, 1] })).toBe(false);
  });
});
