import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isUnder, joinPlace, nthName, placeNames, placesApart } from "../../src/core/place.ts";

const name = fc.string({ minLength: 1, unit: fc.constantFrom("a", "b", "/", ".", "\\", "2", " ", "é") });
const uses = fc.array(fc.tuple(name, fc.integer({ min: 1, max: 12 })), { minLength: 1, maxLength: 5 });
const placeOf = (path: [string, number][]): string =>
  path.reduce((place, [part, n]) => joinPlace(place, nthName(part, n)), "");

describe("a place", () => {
  test("is a path of names, and counts the uses of one name", () => {
    expect(joinPlace(joinPlace("", nthName("map", 1)), nthName("openai/gpt-5", 2))).toBe("map/openai\\/gpt-5.2");
  });

  test("is never that of another path of names, whatever the names hold", () => {
    fc.assert(
      fc.property(uses, uses, (a, b) => {
        expect(placeOf(a) === placeOf(b)).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
      { numRuns: 1000 },
    );
  });

  test("can be read back into its names", () => {
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 5 }), (names) => {
        expect(placeNames(placeOf(names.map((each) => [each, 1])))).toEqual(names);
      }),
    );
  });

  test("lies under itself, under what is before it, and under nothing else", () => {
    expect(isUnder("map/1/critic", "map/1")).toBe(true);
    expect(isUnder("map/1", "map/1")).toBe(true);
    expect(isUnder("map/1", "")).toBe(true);
    expect(isUnder("map/11", "map/1")).toBe(false);
    expect(isUnder("map", "map/1")).toBe(false);
  });

  test("stands around another, in turn with it, or in another branch of the same map", () => {
    expect(placesApart("map/1", "map/1/critic")).toBe("around");
    expect(placesApart("critic", "critic")).toBe("around");
    expect(placesApart("map/1/a", "map/10/a")).toEqual([1, 10]);
    expect(placesApart("x/map.2/0/a", "x/map.2/3")).toEqual([0, 3]);
    expect(placesApart("map/1/a", "map/1/a.2")).toBe("in turn");
    expect(placesApart("map/1/a", "map.2/1/a")).toBe("in turn");
    expect(placesApart("run/1", "run/2")).toBe("in turn");
    expect(placesApart(nthName("a/map", 1), "a")).toBe("in turn");
  });
});
