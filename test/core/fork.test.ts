import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { beganAt, mayHaveLedTo, offeredLines, standing } from "../../src/core/fork.ts";
import { isUnder } from "../../src/core/place.ts";
import type { Line } from "../../src/core/store.ts";

const line = (seq: number, place: string, more: Partial<Line> = {}): Line => ({
  generation: 1,
  place,
  seq,
  kind: "call",
  print: "p",
  state: "done",
  ms: 0,
  at: 0,
  ...more,
});

const places = (lines: readonly Line[]): string[] => lines.map(({ place }) => place);

describe("what a source offers its fork", () => {
  test("is of each place what stands there: the latest generation, nothing that a retry has dropped", () => {
    const lines = [line(1, "a"), line(2, "b", { dropped: true }), line(3, "a", { generation: 2 }), line(4, "c")];
    expect(standing(lines).map(({ place, seq }) => [place, seq])).toEqual([
      ["a", 3],
      ["c", 4],
    ]);
  });

  test("is nothing that the source has learnt since", () => {
    const offered = offeredLines([line(1, "a"), line(2, "b"), line(3, "c")], { upto: 2 });
    expect(places(offered)).toEqual(["a", "b"]);
    expect(offered.every(({ generation }) => generation === 0)).toBe(true);
  });

  test("from a step on is neither the step nor what comes after it where it stands, but what is beside it", () => {
    const lines = [
      line(1, "first"),
      line(2, "map/0/a"),
      line(3, "map/1/a"),
      line(4, "map/1/b"),
      line(5, "map/0/b"),
      line(6, "map/1", { kind: "time" }),
      line(7, "map", { kind: "join" }),
      line(8, "last"),
    ];
    const from = { step: "map/1/a", seq: beganAt(lines, "map/1/a") };
    expect(places(offeredLines(lines, { upto: 9, from }))).toEqual(["first", "map/0/a", "map/0/b", "map"]);
    const branch = { step: "map/1", seq: beganAt(lines, "map/1") };
    expect(places(offeredLines(lines, { upto: 9, from: branch }))).toEqual(["first", "map/0/a", "map/0/b", "map"]);
  });

  test("is less the earlier the step, and never anything inside it", () => {
    const steps = ["a", "b", "map/0/x", "map/0/y", "map/1/x", "c", "d/e", "d/f", "g"];
    const lines = steps.map((place, n) => line(n + 1, place));
    const offeredFrom = (step: string) =>
      places(offeredLines(lines, { upto: 99, from: { step, seq: beganAt(lines, step) } }));
    fc.assert(
      fc.property(fc.constantFrom("a", "b", "map", "map/0", "map/0/y", "c", "d", "d/f", "g"), (step) => {
        const offered = offeredFrom(step);
        expect(offered.some((place) => isUnder(place, step))).toBe(false);
        expect(offeredFrom("a").every((place) => offered.includes(place))).toBe(true);
      }),
    );
  });
});

describe("what was asked", () => {
  test("may have led to what comes after it, and to later branches beside it", () => {
    expect(mayHaveLedTo("a", "b")).toBe(true);
    expect(mayHaveLedTo("map/0/a", "map/1/look")).toBe(true);
    expect(mayHaveLedTo("map/2/a", "map/1/look")).toBe(false);
    expect(mayHaveLedTo("map/2/a", "last")).toBe(true);
  });
});
