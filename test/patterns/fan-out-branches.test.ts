import { describe, expect, test } from "vitest";
import { billOf } from "../../src/core/bill.ts";
import { type Code, Failure } from "../../src/core/errors.ts";
import { NO_USAGE } from "../../src/core/usage.ts";
import { type Branch, branchOf, mergePrompt, worthOf } from "../../src/patterns/fan-out/branches.ts";

const usage = billOf(NO_USAGE);
const said = (output: unknown, agent = "writer"): Branch => ({ agent, status: "succeeded", output, usage });

describe("what a branch brought", () => {
  test.each(["", "  \n", "null", "None", "[]", "{ }", "N/A", '""', "```json\n[]\n```", null, undefined, []])(
    "is nothing: %j",
    (output) => {
      expect(worthOf(said(output))).toBe("nothing");
    },
  );

  test.each(['{"a": 1, "b', '[{"a": 1}, {"a"', '```json\n{"a": \n```', '{"a": undefined}'])(
    "is broken JSON: %s",
    (output) => {
      expect(worthOf(said(output))).toBe("broken");
    },
  );

  test.each([
    "None of these work.",
    '{"a": 1}',
    "```json\n[1]\n```",
    "[1] Smith 2020",
    "[a link](https://x)",
    "{curly} prose",
    { a: 1 },
    0,
  ])("is of use: %j", (output) => {
    expect(worthOf(said(output))).toBe("usable");
  });
});

describe("the end of a branch", () => {
  test.each<[Code, Branch["status"]]>([
    ["CANCELLED", "cancelled"],
    ["TIMEOUT", "timed_out"],
    ["REFUSED", "refused"],
    ["BUDGET_EXCEEDED", "refused"],
    ["UNPRICED", "refused"],
    ["NETWORK", "failed"],
    ["UNAUTHORIZED", "failed"],
    ["BAD_OUTPUT", "failed"],
  ])("by %s is called %s", (code, status) => {
    const error = new Failure(code, "why").toJSON();
    expect(branchOf({ name: "a" }, { ok: false, error })).toMatchObject({
      agent: "a",
      status,
      error: { code, message: "why" },
    });
  });

  test("keeps what was used, also where it failed", () => {
    const error = new Failure("BAD_OUTPUT", "why").toJSON();
    const used = { ...NO_USAGE, usd: 1_500_000_000, input: 10, output: 5, calls: 2 };
    expect(branchOf({ name: "a" }, { ok: false, error, usage: used }).usage).toEqual({
      usd: 1.5,
      input_tokens: 10,
      output_tokens: 5,
      calls: 2,
    });
  });
});

describe("what an aggregator is asked", () => {
  const error = { code: "NETWORK", kind: "transient", message: "", retryable: true };
  const prompt = mergePrompt("Compare them.", [
    said("Good."),
    { agent: "critic", status: "failed", error, usage },
    said("null", "editor"),
    said('{"a": 1, "b', "coder"),
    { ...said("About it", "reader"), item: { title: "T" } },
  ]);

  test("names every branch, and says of each that is missing, empty or broken that it is", () => {
    expect(prompt).toContain("Answer 1 (writer):");
    expect(prompt).toContain("Answer 2 (critic) is missing: failed, NETWORK.");
    expect(prompt).toContain("Answer 3 (editor) is empty.");
    expect(prompt).toContain("Answer 4 (coder), which looks like JSON but is broken or cut");
  });

  test("fences what others wrote, with the item it is about", () => {
    expect(prompt).toMatch(/<data-\w+ name="answer 1">\nGood\.\n<\/data-/);
    expect(prompt).toMatch(/<data-\w+ name="item 5">\n\{\n {2}"title": "T"\n\}\n<\/data-/);
    expect(prompt).not.toMatch(/name="answer [23]"/);
  });
});
