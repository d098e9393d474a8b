import { describe, expect, test } from "vitest";
import { Failure } from "../../src/core/errors.ts";
import type { Definition } from "../../src/workflows/definition.ts";
import { inputsSchema, readInputs, subjectOf } from "../../src/workflows/inputs.ts";

type Inputs = NonNullable<Definition["inputs"]>;

const INPUTS: Inputs = {
  topic: { type: "string", minLength: 2 },
  words: { type: "integer", default: 100 },
  note: { type: "string", required: false },
};

function refusal(inputs: Inputs, given: Record<string, unknown>): string {
  try {
    readInputs({ inputs }, given);
  } catch (error) {
    if (error instanceof Failure && error.code === "INVALID_INPUT") return `${error.message} ${error.options.hint}`;
    throw error;
  }
  throw new Error("nothing failed");
}

describe("the inputs of a workflow", () => {
  test("are what the caller gave, else their defaults, else null where they may be left out", () => {
    expect(readInputs({ inputs: INPUTS }, { topic: "tea" })).toEqual({ topic: "tea", words: 100, note: null });
    expect(readInputs({ inputs: INPUTS }, { topic: "tea", words: 5, note: "x" })).toEqual({
      topic: "tea",
      words: 5,
      note: "x",
    });
    expect(readInputs({ inputs: INPUTS }, { topic: "tea", note: null })).toEqual({
      topic: "tea",
      words: 100,
      note: null,
    });
    expect(readInputs({}, {})).toEqual({});
  });

  test("hold the event that starts it, where it names one", () => {
    const definition = { on: [{ type: "t" }] };
    expect(readInputs(definition, { event: { id: 1 } })).toEqual({ event: { id: 1 } });
    expect(readInputs(definition, {})).toEqual({ event: null });
    expect(refusal({}, { event: {} })).toContain("there is no input `event`");
  });

  test("are refused with all that is wrong: misspelt, missing, of the wrong kind", () => {
    expect(refusal(INPUTS, { topc: "tea", words: "many" })).toBe(
      "the inputs do not fit: there is no input `topc`; did you mean `topic`?; `topic` is missing; " +
        "`words`: the value must be integer It takes {topic: string, words?: integer, note?: string}.",
    );
    expect(refusal(INPUTS, { topic: "t" })).toContain("`topic`: the value must NOT have fewer than 2 characters");
    expect(refusal({}, { a: 1 })).toContain("there is no input `a` This workflow takes no inputs.");
    expect(refusal({ a: { type: "string" } }, { constructor: "x", a: "y" })).toContain(
      "there is no input `constructor`",
    );
  });

  test("are told as one JSON Schema", () => {
    expect(inputsSchema({ inputs: INPUTS })).toEqual({
      type: "object",
      properties: {
        topic: { type: "string", minLength: 2 },
        words: { type: "integer", default: 100 },
        note: { type: "string" },
      },
      required: ["topic"],
      additionalProperties: false,
    });
  });
});

describe("the input that gets the task", () => {
  const text = { type: "string" } as const;
  test.each<[string, Inputs, string | undefined]>([
    ["is the one called task", { topic: text, task: text }, "task"],
    ["is the only text that must be given", { topic: text, tone: { ...text, default: "plain" } }, "topic"],
    ["is the only text", { tone: { ...text, default: "plain" }, n: { type: "integer" } }, "tone"],
    ["is none where there are two", { a: text, b: text }, undefined],
    ["is none where there is no text", { a: { type: "integer" }, task: { type: "object" } }, undefined],
    ["is none where there are no inputs", {}, undefined],
  ])("%s", (_, inputs, subject) => {
    expect(subjectOf({ inputs })).toBe(subject);
  });
});
