import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compare, diffOutputs } from "../../src/core/compare.ts";
import { compareWords, WHOLE } from "../../src/core/compare-words.ts";
import { diffLines, nearChanges } from "../../src/core/line-diff.ts";
import type { Line, Run } from "../../src/core/store.ts";
import { NO_USAGE } from "../../src/core/usage.ts";

const run = (id: string, output: unknown, usd: number): Run => ({
  id,
  status: "succeeded",
  pattern: "p",
  pattern_version: 1,
  input: {},
  caller: "eve",
  caps: { explicit: false },
  on_budget: "fail",
  priority: 0,
  labels: [],
  catalogue: "c",
  seed: "s",
  needs: [],
  generation: 1,
  epoch: 1,
  crashes: 0,
  cancelling: false,
  paused: false,
  created_at: 0,
  held_ms: 0,
  degraded: [],
  output,
  usage: { ...NO_USAGE, usd },
  held: 0,
});

const line = (seq: number, place: string, value: unknown, more: Partial<Line> = {}): Line => ({
  generation: 1,
  place,
  seq,
  kind: "call",
  print: "p",
  state: "done",
  value,
  agent: `${place}@1`,
  model: "oa/m",
  usage: { ...NO_USAGE, usd: 1_000_000, input: 10, output: 5, calls: 1 },
  ms: 100,
  at: 0,
  ...more,
});

const side = (id: string, output: unknown, usd: number, lines: readonly Line[]) => ({
  run: run(id, output, usd),
  memory: { lines, attempts: [], waits: [] },
});

describe("a comparison of two runs", () => {
  const before = side("r_old", "one\ntwo\nthree", 3_000_000, [line(1, "a", "A"), line(2, "b", "B"), line(3, "c", "C")]);
  const dear = { usage: { ...NO_USAGE, usd: 4_000_000, input: 20, output: 5, calls: 1 }, model: "oa/n", ms: 400 };
  const after = side("r_new", "one\n2\nthree", 4_000_000, [
    line(4, "a", "A", { reused: true }),
    line(5, "b", "other", dear),
    line(6, "d", "D", { usage: NO_USAGE }),
  ]);
  const told = compare(before, after);

  test("tells only the steps that differ, what was reused, and what was paid", () => {
    expect(told).toMatchObject({ source: "r_old", fork: "r_new", reused: 1, asked: 2 });
    expect(told.steps.map(({ step, what }) => [step, what])).toEqual([
      ["b", "answer"],
      ["d", "only after"],
      ["c", "only before"],
    ]);
    expect(told.totals).toEqual({
      before: { usd: 0.003, billed_usd: 0.003, tokens: 45, calls: 3, ms: 300 },
      after: { usd: 0.005, billed_usd: 0.004, tokens: 40, calls: 2, ms: 600 },
    });
    expect(told.output).toEqual({
      kind: "text",
      lines: [
        { sign: " ", text: "one" },
        { sign: "-", text: "two" },
        { sign: "+", text: "2" },
        { sign: " ", text: "three" },
      ],
    });
  });

  test("is told in words, as much of it as is wanted", () => {
    expect(compareWords(told, WHOLE).split("\n")).toEqual([
      "r_old → r_new",
      "status: succeeded",
      "steps: 1 reused, 2 asked",
      "cost: $0.003 → $0.005 (+67 %); paid for the fork: $0.004",
      "tokens: 45 → 40 (-11 %)",
      "calls: 3 → 2 (-33 %)",
      "time of the steps: 300 ms → 600 ms (+100 %)",
      "b [another answer] · oa/m → oa/n · $0.001 → $0.004 · 15 tokens → 25 tokens · 100 ms → 400 ms",
      "d [new] · – → done · – → oa/m · – → $0 · – → 0 tokens · – → 100 ms",
      "c [gone] · done → – · oa/m → – · $0.001 → – · 15 tokens → – · 100 ms → –",
      "output:",
      "  one",
      "- two",
      "+ 2",
      "  three",
    ]);
    const short = compareWords(told, { steps: 1, lines: 2, width: 4 });
    expect(short).toContain("… and 2 more steps");
    expect(short).toContain("… and 2 more lines");
    expect(short).toContain("- t…");
  });

  test("shows no secrets of either", () => {
    const secret = compare(side("a", { api_key: "one" }, 0, []), side("b", { api_key: "two", n: 1 }, 0, []));
    expect(JSON.stringify(secret)).not.toMatch(/"one"|"two"/);
    expect(secret.output).toMatchObject({ kind: "json", changes: [{ path: "n", after: 1 }] });
  });
});

describe("the difference of two values", () => {
  test("is told by path, and none is told where only the order of keys differs", () => {
    expect(diffOutputs({ a: 1, b: 2 }, { b: 2, a: 1 })).toEqual({ kind: "same" });
    expect(diffOutputs({ a: [1, { "x y": 2 }], gone: 1 }, { a: [1, { "x y": 3 }, 4] })).toEqual({
      kind: "json",
      changes: [
        { path: 'a[1]["x y"]', before: 2, after: 3 },
        { path: "a[2]", after: 4 },
        { path: "gone", before: 1 },
      ],
    });
    expect(diffOutputs("text", { n: 1 })).toEqual({
      kind: "json",
      changes: [{ path: "(all)", before: "text", after: { n: 1 } }],
    });
  });

  test("of two runs that did not end well is told by step, whatever the order of what they have to show", () => {
    const done = (...steps: string[]) => ({
      partial: steps.map((step) => ({ step, agent: "a", output: `did ${step}` })),
    });
    const told = (before: unknown, after: unknown) => compare(side("a", before, 0, []), side("b", after, 0, [])).output;
    expect(told(done("x", "y"), done("y", "x"))).toEqual({ kind: "same" });
    expect(told(done("x"), done("y", "x"))).toEqual({
      kind: "json",
      changes: [{ path: "partial.y", after: "did y" }],
    });
  });

  test("of any texts leads from the one to the other, and keeps what they share", () => {
    const texts = fc.array(fc.constantFrom("a", "b", "c", ""), { maxLength: 12 }).map((lines) => lines.join("\n"));
    fc.assert(
      fc.property(texts, texts, (before, after) => {
        const lines = diffLines(before, after);
        const side = (sign: string) =>
          lines.flatMap((one) => (one.sign === " " || one.sign === sign ? [one.text] : []));
        expect(side("-").join("\n")).toBe(before);
        expect(side("+").join("\n")).toBe(after);
        const kept = lines.filter(({ sign }) => sign === " ").length;
        expect(kept).toBe(longestCommon(before.split("\n"), after.split("\n")));
      }),
      { numRuns: 400 },
    );
  });

  test("shows what is near a change, and says that something is left out", () => {
    const before = Array.from({ length: 20 }, (_, n) => `line ${n}`);
    const after = before.map((text, n) => (n === 3 || n === 15 ? "changed" : text));
    const told = nearChanges(diffLines(before.join("\n"), after.join("\n")), 1);
    expect(told).toEqual([
      "  line 2",
      "- line 3",
      "+ changed",
      "  line 4",
      "…",
      "  line 14",
      "- line 15",
      "+ changed",
      "  line 16",
    ]);
  });
});

/** The plain definition, to hold the faster way to. */
function longestCommon(a: readonly string[], b: readonly string[]): number {
  const best = new Map<string, number>();
  const from = (i: number, j: number): number => {
    if (i === a.length || j === b.length) return 0;
    const key = `${i},${j}`;
    const known = best.get(key);
    if (known !== undefined) return known;
    const length = a[i] === b[j] ? 1 + from(i + 1, j + 1) : Math.max(from(i + 1, j), from(i, j + 1));
    best.set(key, length);
    return length;
  };
  return from(0, 0);
}
