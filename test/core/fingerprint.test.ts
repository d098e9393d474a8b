import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonical, fingerprint, textHash } from "../../src/core/fingerprint.ts";

function shuffled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shuffled);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, part]) => [key, shuffled(part)] as const);
  return Object.fromEntries([...entries.reverse(), ["~absent", undefined]]);
}

describe("a fingerprint", () => {
  test("does not see the order of keys, nor absent values", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(fingerprint(shuffled(value))).toBe(fingerprint(value));
      }),
    );
  });

  test("sees everything else: two values have the same one only if they are the same JSON", () => {
    const sorted = (value: unknown): string => JSON.stringify(JSON.parse(canonical(value)));
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        expect(fingerprint(a) === fingerprint(b)).toBe(sorted(a) === sorted(b));
      }),
      { numRuns: 500 },
    );
  });

  test("survives the journal: what was written and read back has the same one", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(fingerprint(JSON.parse(JSON.stringify(value)))).toBe(fingerprint(value));
      }),
    );
  });

  test("tells what JSON tells apart", () => {
    const different = [null, "null", 1, "1", [1], [[1]], { 0: 1 }, {}, [], "", 0, false, [null], [1, 2], ["1,2"]];
    expect(new Set(different.map(fingerprint)).size).toBe(different.length);
  });

  test("names a text by its content", () => {
    expect(textHash("a")).toBe(textHash("a"));
    expect(textHash("a")).not.toBe(textHash("b"));
    expect(textHash("a")).toMatch(/^[\w-]{27}$/);
  });
});
