import { describe, expect, test } from "vitest";
import { read as judge } from "../../src/agents/read-reply.ts";
import type { JsonSchema } from "../../src/core/provider.ts";

const Title: JsonSchema = {
  type: "object",
  properties: { title: { type: "string" }, score: { type: "number" } },
  required: ["title"],
  additionalProperties: false,
};

const read = (text: string, shape?: JsonSchema, stop: "end" | "length" | "refusal" = "end") =>
  judge({ text, stop }, shape);
const value = (text: string, shape: JsonSchema = Title) => {
  const reading = read(text, shape);
  if (!reading.ok) throw new Error(reading.problem);
  return reading.value;
};
const problem = (text: string, shape: JsonSchema | undefined = Title) => {
  const reading = read(text, shape);
  if (reading.ok) throw new Error(`it was taken: ${JSON.stringify(reading.value)}`);
  expect(reading.code).toBe("BAD_OUTPUT");
  return reading.problem;
};

describe("without a shape", () => {
  test("the text is the answer, byte for byte", () => {
    expect(read("  An answer.\n")).toEqual({ ok: true, value: "  An answer.\n" });
  });

  test("an empty one is none", () => {
    for (const text of ["", " \n\t"])
      expect(read(text)).toEqual({ ok: false, code: "BAD_OUTPUT", problem: "it is empty" });
  });

  test("half a character is replaced, and a zero byte stays", () => {
    expect(read("a\ud800b\0c")).toEqual({ ok: true, value: "a\ufffdb\0c" });
  });
});

test("an answer that was cut off is never mended, even where it could be", () => {
  expect(read('{"title": "tru', Title, "length")).toMatchObject({ ok: false, code: "TRUNCATED" });
  expect(read('{"title": "whole"}', Title, "length")).toMatchObject({ ok: false, code: "TRUNCATED" });
  expect(read("Once upon", undefined, "length")).toMatchObject({ ok: false, code: "TRUNCATED" });
});

test("a refusal is told in the model's own words", () => {
  expect(read("I cannot help with that.", Title, "refusal")).toEqual({
    ok: false,
    code: "REFUSED",
    problem: "the model declined to answer: I cannot help with that.",
  });
  expect(read("", undefined, "refusal")).toMatchObject({ problem: "the model declined to answer" });
});

describe("JSON is found wherever it stands", () => {
  test.each([
    ["alone", '{"title":"a"}'],
    ["after a byte order mark of spaces", '\n\n  {"title":"a"}  '],
    ["in a fenced block", 'Here you are:\n```json\n{"title":"a"}\n```\nGood luck!'],
    ["in the second fenced block", '```ts\nlet x = {};\n```\nand\n```\n{"title":"a"}\n```'],
    ["within prose", 'Sure! {"title":"a"} is my answer.'],
    ["after other brackets", 'As in [1] and [2], the answer is {"title":"a"}'],
    ["with braces in its text", 'So: {"title":"a"} '],
  ])("%s", (_, text) => {
    expect(value(text)).toEqual({ title: "a" });
  });

  test("lists and plain values too", () => {
    expect(value('I say: [{"title":"a"}].', { type: "array", items: Title })).toEqual([{ title: "a" }]);
    expect(value("42", { type: "integer" })).toBe(42);
    expect(value('"yes"', { enum: ["yes", "no"] })).toBe("yes");
    expect(value("yes", { enum: ["yes", "no"] })).toBe("yes");
    expect(value("null", { type: "null" })).toBe(null);
    expect(value("A text.", { type: "string" })).toBe("A text.");
    expect(problem("A text.", {})).toContain("no JSON");
  });
});

describe("what is broken is mended where that invents nothing", () => {
  test.each([
    ["bare names and single quotes", "{title: 'a'}"],
    ["a comma too many", '{"title":"a",}'],
    ["remarks", '{"title":"a" /* short */}'],
    ["curly quotes", "{“title”: “a”}"],
    ["all of it in prose", "My answer: {title: 'a'} – done [see above]"],
  ])("%s", (_, text) => {
    expect(value(text)).toEqual({ title: "a" });
  });

  test("a text without an end is not made one", () => {
    expect(problem('{"title":"a"')).toContain("it holds no JSON");
    expect(problem('{"title":tr')).toContain("it holds no JSON");
    expect(problem("I would rather not.")).toContain("answer with the JSON value alone");
  });
});

describe("a problem is in words that its maker can act on", () => {
  test("what is missing, wrong or too much is named", () => {
    expect(problem('{"score":"high","extra":1}')).toMatch(/title.*extra.*score must be number/s);
    expect(problem('```json\n{"titel":"a"}\n```')).toContain("must have required property 'title'");
    expect(problem('[{"titel":"a"}]')).toContain("the value must be object");
  });

  test("numbers beyond all bounds and endless nesting are no values", () => {
    expect(problem('{"title":"a","score":1e999}')).toContain("too large");
    const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
    expect(problem(deep, {})).toContain("nested deeper");
    expect(problem(`${"[".repeat(100_000)}]`, { type: "array" })).toContain("not valid JSON");
  });
});

test("a value is plain and well formed, whatever it is called", () => {
  const odd = value('{"a\\ud800":"\\udfff \\u0000","__proto__":{"polluted":true},"constructor":1}', { type: "object" });
  expect(JSON.parse(JSON.stringify(odd))).toEqual(odd);
  expect(JSON.stringify(odd)).toContain('"a\ufffd":"\ufffd \\u0000"');
  expect({}).not.toHaveProperty("polluted");
});

test("a large answer is read in bounded time", () => {
  const rows = Array.from({ length: 20_000 }, (_, i) => ({ title: `row ${i}` }));
  const began = performance.now();
  expect(value(`Here: ${JSON.stringify(rows)}`, { type: "array", items: Title })).toHaveLength(20_000);
  expect(problem("{".repeat(500_000))).toContain("no JSON");
  expect(problem("```\n".repeat(50_000))).toContain("no JSON");
  expect(performance.now() - began).toBeLessThan(10_000);
});
