import { describe, expect, test } from "vitest";
import { compileCondition } from "../../src/core/condition.ts";
import { Failure } from "../../src/core/errors.ts";

const VARIABLES = ["output", "task", "steps"];
const values = {
  output: { score: 5, half: 0.5, tags: ["a", "b"], nothing: null, nested: { list: [1, 2] }, ok: true, name: "x" },
  task: "write",
  steps: { draft: "a text", "my-step": { done: true } },
};

const holds = (text: string): boolean => compileCondition(text, VARIABLES).holds(values);

function failureOf(act: () => unknown): Failure {
  try {
    act();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("a condition", () => {
  test.each([
    "output.score >= 5",
    "output.score == 5 && output.half < 1",
    "output.score in [5, 6]",
    "size(output.tags) == 2",
    "'a' in output.tags",
    "output.tags.exists(tag, tag == 'b')",
    "output.nothing == null",
    "has(output.score) && !has(output.missing)",
    "output.?missing.orValue(3) == 3",
    "steps.draft.contains('text')",
    "steps['my-step'].done",
    "output.ok",
    "task == 'write'",
  ])("holds: %s", (text) => {
    expect(holds(text)).toBe(true);
  });

  test.each(["output.score > 5", "task.startsWith('read')", "output.tags.all(tag, tag == 'a')", "!output.ok"])(
    "does not hold: %s",
    (text) => {
      expect(holds(text)).toBe(false);
    },
  );

  test.each([
    "output.score + 1 == 6",
    "output.score % 2 == 1",
    "output.nested.list.map(n, n * 2) == [2, 4]",
    "10 / output.score == 2",
    "output.half * 2 == 1",
    "1 - output.half == 0.5",
    "size(output.tags) * output.half == 1.0",
  ])("reckons with numbers as JSON gives them: %s", (text) => {
    expect(holds(text)).toBe(true);
  });

  test.each([
    ["outptu.score > 3", "outptu", 1],
    ["output.score >", "", 15],
    ["output.score > 3 && && true", "", 21],
    ["size(task, 3) > 1", "size", 1],
  ])("is refused when it is read, with what is wrong and where: %s", (text, word, at) => {
    const failure = failureOf(() => compileCondition(text, VARIABLES));
    expect(failure.code).toBe("INVALID_INPUT");
    expect(failure.message).toContain(word);
    expect(failure.message).toContain(`at character ${at}`);
    expect(failure.options.hint).toContain("output, task, steps");
  });

  test.each(["1 + 1", "'yes'", "[true]"])("is refused where it can never be true or false: %s", (text) => {
    expect(failureOf(() => compileCondition(text, VARIABLES)).message).toMatch(/not true or false/);
  });

  test.each(["output.name.matches('(a+)+$')", "[task].exists(t, t.matches(output.name))", "true || task.matches('a')"])(
    "never runs a regular expression: %s",
    (text) => {
      expect(failureOf(() => compileCondition(text, VARIABLES)).message).toContain("matches() is not allowed");
    },
  );

  test("is refused where it is too long, too deep, or loops too often inside itself", () => {
    const long = `task == '${"a".repeat(3000)}'`;
    const deep = `${"(".repeat(80)}true${")".repeat(80)}`;
    const wide = Array.from({ length: 300 }, () => "task == 'a'").join("||");
    const loops = "[1].exists(a, [1].exists(b, [1].exists(c, a == b && b == c)))";
    for (const text of [long, deep, wide, loops]) {
      expect(failureOf(() => compileCondition(text, VARIABLES)).code).toBe("INVALID_INPUT");
    }
  });

  test("does not loop inside a loop over long lists", () => {
    const condition = compileCondition("output.exists(a, output.exists(b, a == b + 1))", ["output"]);
    expect(condition.holds({ output: [1, 2] })).toBe(true);
    const failure = failureOf(() => condition.holds({ output: Array.from({ length: 100_000 }, (_, n) => n * 2) }));
    expect(failure.message).toContain("more than 1000 elements");
  });

  test.each([
    ["output.missing > 3", "missing"],
    ["output.name > 3", "no such overload"],
    ["output.tags[7] == 'a'", "out of bounds"],
    ["output.score", "gives 5"],
    ["output.constructor == 1", "constructor"],
    ["output.__proto__ == 1", "__proto__"],
  ])("that cannot be told fails with the reason and the way out: %s", (text, reason) => {
    const failure = failureOf(() => holds(text));
    expect(failure.code).toBe("GATE_FAILED");
    expect(failure.message).toContain(reason);
    expect(failure.options.hint).toContain("has(");
  });

  test("judges a text as well as an object", () => {
    const condition = compileCondition("size(output) > 3 && output.contains('ell')", ["output"]);
    expect(condition.holds({ output: "hello" })).toBe(true);
    expect(condition.holds({ output: "x" })).toBe(false);
  });
});
