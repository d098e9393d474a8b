import { describe, expect, test } from "vitest";
import { stepRecords } from "../../src/core/record.ts";
import { REDACTED, redact, redactText } from "../../src/core/redact.ts";
import { NO_USAGE } from "../../src/core/usage.ts";

describe("secrets", () => {
  test.each([
    ['{"api_key": "abc-123", "name": "ann"}', `{"api_key": "${REDACTED}", "name": "ann"}`],
    ["password: 'hunter2'", `password: '${REDACTED}'`],
    ['const clientSecret = "s3cr3t"', `const clientSecret= "${REDACTED}"`],
    ["Authorization: Bearer abcdefghijkl", `Authorization: ${REDACTED}`],
    ["my key is sk-abcdefghijklmnop", `my key is ${REDACTED}`],
  ])("are taken out of texts: %s", (text, shown) => {
    expect(redactText(text)).toBe(shown);
  });

  test.each(["input_tokens: 12", '"tokenizer": "bpe"', 'secretary = "ann lee"', "the password is long"])(
    "are not seen where there are none: %s",
    (text) => {
      expect(redactText(text)).toBe(text);
    },
  );

  test("are taken out of objects by the names of their keys, at any depth", () => {
    expect(redact({ a: [{ deep: { apiKey: "x", tokens: 3 } }] })).toEqual({
      a: [{ deep: { apiKey: REDACTED, tokens: 3 } }],
    });
  });

  test("of a long text are looked for in time that grows with it", () => {
    const text = `${'"a" '.repeat(100_000)}${"x".repeat(200_000)}${"'".repeat(100_000)}`;
    const began = performance.now();
    redactText(text);
    expect(performance.now() - began).toBeLessThan(5000);
  });

  test("are not shown in the steps of a run", () => {
    const text = 'use {"api_key": "abc-123"}';
    const attempt = {
      id: 1,
      generation: 1,
      place: "a",
      epoch: 1,
      rung: 0,
      turn: 0,
      agent: "a@1",
      model: "m",
      state: "settled",
      result: "ok",
      reserve: { usd: 0, tokens: 0 },
      max_output_tokens: 1,
      clamped: false,
      usage: NO_USAGE,
      estimated: false,
      overrun: false,
      cached_answer: false,
      input: { system: text, messages: [{ role: "user", content: text }] },
      reply: text,
      at: 0,
    } as const;
    const value = { api_key: "abc-123" };
    const line = {
      generation: 1,
      place: "a",
      seq: 1,
      kind: "call",
      print: "p",
      state: "done",
      value,
      ms: 1,
      at: 0,
    } as const;
    expect(JSON.stringify(stepRecords({ lines: [line], attempts: [attempt], waits: [] }))).not.toContain("abc-123");
  });
});
