import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { normalised } from "../../src/core/texts.ts";
import { isCertain, waveOf } from "../../src/patterns/vote/stop.ts";
import { type Ballot, clamped, grouped, type Rule, tallyOf, winnerOf } from "../../src/patterns/vote/tally.ts";

const ballot = (choice: string, weight = 1, confidence = 0.5): Ballot => ({
  voter: choice,
  choice,
  confidence,
  reason: "",
  weight,
});
const ballots = (...choices: string[]) => choices.map((choice) => ballot(choice));

const OPTIONS = ["a", "b", "c"];
const rule = fc.constantFrom<Rule>("majority", "weighted", "unanimous");
const weight = fc.integer({ min: 1, max: 30 }).map((tenths) => tenths / 10);
const electorate = fc.array(fc.tuple(fc.option(fc.constantFrom(...OPTIONS), { freq: 5 }), weight), {
  minLength: 2,
  maxLength: 9,
});

describe("a count", () => {
  test("needs more than half of the weight cast", () => {
    expect(winnerOf("majority", ballots("a", "a", "b"))).toBe("a");
    expect(winnerOf("majority", ballots("a", "a", "b", "b"))).toBeUndefined();
    expect(winnerOf("majority", ballots("a", "a", "b", "c"))).toBeUndefined();
    expect(winnerOf("weighted", [ballot("a", 3), ballot("b", 1), ballot("c", 1.5)])).toBe("a");
  });

  test("is unanimous only where nobody says otherwise", () => {
    expect(winnerOf("unanimous", ballots("a", "a", "a"))).toBe("a");
    expect(winnerOf("unanimous", ballots("a", "a", "b"))).toBeUndefined();
    expect(winnerOf("unanimous", [])).toBeUndefined();
  });

  test("adds weights as people do: 0.1 and 0.2 do not beat 0.3", () => {
    expect(winnerOf("weighted", [ballot("a", 0.1), ballot("a", 0.2), ballot("b", 0.3)])).toBeUndefined();
    expect(tallyOf([ballot("a", 0.1), ballot("a", 0.2)]).get("a")).toBe(0.3);
  });

  test("shows every option, also one that nobody took, most first", () => {
    expect([...tallyOf(ballots("b", "c", "b"), OPTIONS)]).toEqual([
      ["b", 2],
      ["c", 1],
      ["a", 0],
    ]);
  });

  test("does not depend on the order of the votes, and never picks one of two equals", () => {
    fc.assert(
      fc.property(rule, electorate, fc.infiniteStream(fc.nat()), (by, voters, order) => {
        const cast = voters.flatMap(([choice, heavy]) => (choice ? [ballot(choice, heavy)] : []));
        const mixed = cast.map((each) => [order.next().value, each] as const).sort(([x], [y]) => x - y);
        expect(
          winnerOf(
            by,
            mixed.map(([, each]) => each),
          ),
        ).toBe(winnerOf(by, cast));
        const [first, second] = [...tallyOf(cast).values()];
        if (first === second) expect(winnerOf(by, cast)).toBeUndefined();
      }),
    );
  });
});

/** Asks in waves, as the pattern does; a voter without a choice fails. */
function inWaves(by: Rule, voters: readonly (readonly [string | null, number])[], quorum: number) {
  const cast: Ballot[] = [];
  let waiting = voters;
  const waves: number[] = [];
  for (;;) {
    const standing = { rule: by, ballots: cast, waiting: waiting.map(([, heavy]) => heavy), quorum, options: OPTIONS };
    if (waiting.length === 0 || isCertain(standing)) return { cast, waves };
    const size = waveOf(standing);
    waves.push(size);
    for (const [choice, heavy] of waiting.slice(0, size)) if (choice) cast.push(ballot(choice, heavy));
    waiting = waiting.slice(size);
  }
}

describe("an early stop", () => {
  test("never changes the outcome, whoever votes what and whoever fails", () => {
    fc.assert(
      fc.property(rule, electorate, fc.nat(8), (by, voters, asked) => {
        const quorum = Math.min(voters.length, asked + 1);
        const all = voters.flatMap(([choice, heavy]) => (choice ? [ballot(choice, heavy)] : []));
        const { cast, waves } = inWaves(by, voters, quorum);
        expect(cast.length >= quorum).toBe(all.length >= quorum);
        if (all.length >= quorum) expect(winnerOf(by, cast)).toBe(winnerOf(by, all));
        expect(waves.every((size) => size > 0)).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });

  test("asks no more than a bare majority where all agree", () => {
    for (const n of [2, 3, 4, 5, 9]) {
      const { cast, waves } = inWaves(
        "majority",
        Array.from({ length: n }, () => ["a", 1] as const),
        1,
      );
      expect(cast).toHaveLength(Math.floor(n / 2) + 1);
      expect(waves).toHaveLength(1);
    }
  });

  test("asks just as many more as could settle it", () => {
    expect(
      inWaves(
        "majority",
        ["a", "a", "b", "b", "a"].map((choice) => [choice, 1] as const),
        3,
      ).waves,
    ).toEqual([3, 1, 1]);
    expect(
      inWaves(
        "majority",
        ["a", "b", "c", "a", "a"].map((choice) => [choice, 1] as const),
        3,
      ).waves,
    ).toEqual([3, 2]);
  });

  test("ends a unanimous vote with the first dissent", () => {
    expect(
      inWaves(
        "unanimous",
        ["a", "b", "a", "a"].map((choice) => [choice, 1] as const),
        2,
      ).cast,
    ).toHaveLength(2);
    expect(
      inWaves(
        "unanimous",
        ["a", "a", "b", "a"].map((choice) => [choice, 1] as const),
        2,
      ).waves,
    ).toEqual([2, 1]);
  });

  test("asks nobody in vain once the quorum is out of reach", () => {
    const voters = [null, null, "a", "a"].map((choice) => [choice, 1] as const);
    expect(inWaves("majority", voters, 3).cast).toHaveLength(1);
  });

  test("trusts free answers only where more than half use the same words", () => {
    const free = { rule: "majority" as const, quorum: 1, options: undefined };
    expect(isCertain({ ...free, ballots: ballots("a", "a"), waiting: [1] })).toBe(true);
    expect(isCertain({ ...free, ballots: ballots("a", "b", "c"), waiting: [1] })).toBe(false);
    expect(isCertain({ ...free, rule: "unanimous", ballots: ballots("a", "b"), waiting: [1] })).toBe(false);
  });
});

describe("free answers", () => {
  test("that differ in case, space or a final stop are the same", () => {
    expect(new Set(["Paris", " paris. ", "PARIS!"].map(normalised)).size).toBe(1);
    expect(normalised("Paris")).not.toBe(normalised("Not Paris"));
  });

  test("that say the same are counted under the words of the surest voter", () => {
    const cast = [ballot("Paris", 1, 0.4), ballot("It is Paris", 1, 0.9), ballot("Rome", 1, 1)];
    expect(grouped(cast, [[0, 1]]).map(({ choice }) => choice)).toEqual(["It is Paris", "It is Paris", "Rome"]);
    expect(winnerOf("majority", grouped(cast, [[0, 1]]))).toBe("It is Paris");
  });

  test("survive whatever a judge makes of them: left out, named twice, invented", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("x", "y", "X.", "z"), { minLength: 1, maxLength: 6 }),
        fc.array(fc.array(fc.integer({ min: -3, max: 9 }), { maxLength: 6 }), { maxLength: 4 }),
        (choices, groups) => {
          const cast = ballots(...choices);
          const result = grouped(cast, groups);
          expect(result).toHaveLength(cast.length);
          expect(choices).toEqual(expect.arrayContaining(result.map(({ choice }) => choice)));
          const total = [...tallyOf(result).values()].reduce((sum, n) => sum + n, 0);
          expect(total).toBe(cast.length);
        },
      ),
    );
  });
});

test("a confidence is held within 0 and 1", () => {
  expect([-1, 0, 0.3, 1, 7, Number.NaN].map(clamped)).toEqual([0, 0, 0.3, 1, 1, 0]);
});
