import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  graver,
  isOutside,
  type State,
  stallOf,
  stateAs,
  stateOf,
  type Verdict,
  warned,
} from "../../src/core/stalls.ts";

const states = (...words: string[]): State[] => words.map((word) => stateOf(word, word));
const waiting = (word: string): State => ({ ...stateOf(word, word), waiting: true });

const word = fc.constantFrom("a", "b", "c", "d");
const loop = fc.array(word, { maxLength: 30 });
const fresh = fc.uniqueArray(fc.nat(10_000), { maxLength: 60 }).map((numbers) => numbers.map(String));

describe("a loop", () => {
  test("that brings something new each time is never stopped", () => {
    fc.assert(
      fc.property(fresh, (words) => {
        expect(stallOf(states(...words))).toEqual({ is: "fine" });
      }),
    );
  });

  test("that does the same again is warned, and stopped at the third time", () => {
    expect(stallOf(states("a")).is).toBe("fine");
    expect(stallOf(states("a", "a"))).toEqual({ is: "warn", evidence: "a (2 times)" });
    expect(stallOf(states("a", "a", "a"))).toEqual({ is: "stop", evidence: "a (3 times)" });
  });

  test("that goes to and fro, or round in a ring of any size, is warned at the first step that is old and stopped at the next", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 15 }), (size) => {
        const ring = Array.from({ length: size }, (_, n) => `s${n}`);
        expect(stallOf(states(...ring)).is).toBe("fine");
        expect(stallOf(states(...ring, "s0")).is).toBe("warn");
        expect(stallOf(states(...ring, "s0", size > 1 ? "s1" : "s0")).is).toBe("stop");
      }),
    );
  });

  test("that is stopped has been warned the turn before", () => {
    fc.assert(
      fc.property(loop, (words) => {
        const verdict = stallOf(states(...words)).is;
        const before = stallOf(states(...words.slice(0, -1))).is;
        if (verdict === "stop") expect(before).not.toBe("fine");
        if (verdict === "warn") expect(before).toBe("fine");
      }),
    );
  });

  test("is fine again as soon as something new comes", () => {
    fc.assert(
      fc.property(loop, (words) => {
        expect(stallOf(states(...words, "new"))).toEqual({ is: "fine" });
      }),
    );
  });

  test("may wait as often and as long as it must, and its waiting changes no verdict", () => {
    fc.assert(
      fc.property(loop, fc.array(fc.nat(30), { maxLength: 10 }), (words, places) => {
        const mixed = states(...words);
        for (const place of places) mixed.splice(Math.min(place, mixed.length), 0, waiting("a"));
        expect(stallOf([...mixed, waiting("a")]).is).toBe("fine");
        while (mixed.at(-1)?.waiting) mixed.pop();
        expect(stallOf(mixed)).toEqual(stallOf(states(...words)));
      }),
    );
  });

  test("may come back to what lies before the window", () => {
    expect(stallOf(states("a", "b", "c", "a"), { window: 2 }).is).toBe("fine");
    expect(stallOf(states("a", "b", "c", "a"), { window: 3 }).is).toBe("warn");
  });

  test("is given the patience that is asked for", () => {
    const seen = [1, 2, 3, 4, 5].map((n) => stallOf(states(...Array<string>(n).fill("a")), { patience: 3 }).is);
    expect(seen).toEqual(["fine", "warn", "warn", "stop", "stop"]);
  });

  test("is told with every state that came again", () => {
    const verdict = stallOf(states("x", "a", "b", "a", "b"));
    expect(verdict).toEqual({ is: "stop", evidence: "a (2 times); b (2 times)" });
  });
});

describe("a state", () => {
  test("is the same whatever the case, the space and the final punctuation", () => {
    expect(stateOf("1", "Draft  the text.").print).toBe(stateOf("2", " draft the\ntext").print);
  });

  test("is another one where a word is another, or stands elsewhere", () => {
    const prints = [
      stateOf("", "a", "b"),
      stateOf("", "b", "a"),
      stateOf("", "a b"),
      stateOf("", "a", "b", ""),
      stateOf("", "a"),
    ].map(({ print }) => print);
    expect(new Set(prints).size).toBe(5);
  });

  test("of work that is to be mended is another one wherever one character is, and the same in whatever order keys stand", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
        const isSame = JSON.stringify(sorted(one)) === JSON.stringify(sorted(other));
        expect(stateAs("1", one).print === stateAs("2", other).print).toBe(isSame);
        expect(stateAs("1", one).print).toBe(stateAs("2", sorted(one)).print);
      }),
    );
    expect(stateAs("", "if x:\n y").print).not.toBe(stateAs("", "if x:\n  y").print);
  });
});

/** The same value with its keys in order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}

describe("two looks at one loop", () => {
  const looks = ["fine", "warn", "stop"] as const;
  const verdict = (is: (typeof looks)[number], evidence: string): Verdict =>
    is === "fine" ? { is } : { is, evidence };

  test("count as the graver, and of equals as the first", () => {
    for (const [a, one] of looks.entries())
      for (const [b, other] of looks.entries()) {
        const graverOne = b > a ? verdict(other, "second") : verdict(one, "first");
        expect(graver(verdict(one, "first"), verdict(other, "second"))).toEqual(graverOne);
      }
  });

  test("are told to whoever is warned, as data, and to nobody else", () => {
    expect(warned(verdict("fine", ""))).toBeUndefined();
    expect(warned(verdict("stop", "x (3 times)"))).toBeUndefined();
    expect(warned(verdict("warn", "x (2 times)"))).toMatch(/<data-\w+ name="note">\n.*x \(2 times\)/);
  });
});

test("a failure is from outside where a provider or a person may think better of it", () => {
  expect(isOutside({ kind: "transient", code: "OVERLOADED" })).toBe(true);
  expect(isOutside({ kind: "semantic", code: "REJECTED" })).toBe(true);
  expect(isOutside({ kind: "semantic", code: "BAD_OUTPUT" })).toBe(false);
  expect(isOutside({ kind: "permanent", code: "BAD_REQUEST" })).toBe(false);
});
