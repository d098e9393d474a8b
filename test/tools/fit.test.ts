import { randomBytes, randomUUID } from "node:crypto";
import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { describe, expect, it } from "vitest";
import { fitting, head, textOf, tokens } from "../../src/tools/fit.ts";
import { INSTRUCTIONS } from "../../src/tools/instructions.ts";

const TEXTS: [string, string][] = [
  ["English", INSTRUCTIONS],
  [
    "JSON",
    JSON.stringify([...Array(60)].map((_, i) => ({ name: `critic${i}`, usd: 0.00123 * i, says: "All is well." }))),
  ],
  [
    "indented JSON",
    JSON.stringify(
      [...Array(60)].map((_, i) => ({ name: `critic${i}`, xs: [1, 2, 3] })),
      null,
      2,
    ),
  ],
  ["hexadecimal", randomBytes(2000).toString("hex")],
  ["ids", [...Array(80)].map(() => randomUUID()).join("\n")],
  ["Chinese", "人工智能正在改变世界，我们需要认真对待这个问题。".repeat(50)],
  ["Russian", "Это предложение на русском языке, которое проверяет оценку. ".repeat(50)],
  ["German", "Die Geschwindigkeitsbegrenzungsmaßnahmen werden überprüft und angepasst. ".repeat(40)],
  ["emoji", "😀🎉🚀🔥".repeat(200)],
];

describe("the estimate of tokens", () => {
  it.each(TEXTS)("is hardly ever below the true count: %s", (_, text) => {
    expect(tokens(text)).toBeGreaterThan(encode(text).length * 0.9);
  });
});

describe("what is cut to fit", () => {
  it.each(TEXTS)("fits, and says how much is missing: %s", (_, text) => {
    const long = text.repeat(20);
    const { value, cut } = fitting(long, 1200);
    expect(cut).toBe(true);
    expect(encode(String(value)).length).toBeLessThan(1500);
    const [, missing] = /… \[([\d,]+) more characters\]$/.exec(String(value)) ?? [];
    const shown = String(value).replace(/… \[[^\]]+\]$/, "");
    expect(shown.length + Number(missing?.replaceAll(",", ""))).toBe(long.length);
    expect(long.startsWith(shown)).toBe(true);
  });

  it("stays whole where it fits", () => {
    const value = { merged: "short", branches: [1, 2] };
    expect(fitting(value, 1200)).toEqual({ value, cut: false });
  });

  it("keeps its form as long as shorter texts do", () => {
    const branches = [...Array(12)].map((_, i) => ({
      agent: `a${i}`,
      status: "succeeded",
      output: "word ".repeat(900),
    }));
    const { value } = fitting({ merged: "all", branches }, 1200);
    expect(value).toMatchObject({ merged: "all", branches: branches.map(({ agent, status }) => ({ agent, status })) });
    expect(textOf(value)).toContain("more characters]");
  });

  it("leaves out the messages between agents before it cuts what they came to", () => {
    const said = { from: "a", to: "b", timestamp: "t", type: "x", correlation_id: "m1", payload: {}, acknowledged: [] };
    const messages = [...Array(40)].map((_, i) => ({ id: `m${i}`, ...said }));
    const made = { output: "word ".repeat(600), inner: [{ messages: [] }] };
    expect(fitting({ ...made, messages }, 1200)).toEqual({ value: { ...made, messages: "[40 messages]" }, cut: true });
    expect(fitting({ output: "short", messages: messages.slice(0, 3) }, 1200).cut).toBe(false);
  });

  it("never ends in half a character", () => {
    for (let most = 10; most < 40; most++) expect(head("😀".repeat(500), most).isWellFormed()).toBe(true);
  });
});

it("takes no time to speak of, however long the text", () => {
  const value = { merged: "word ".repeat(2_000_000), branches: [..."x".repeat(64)].map(() => "word ".repeat(20_000)) };
  const began = performance.now();
  expect(fitting(value, 1200).cut).toBe(true);
  expect(performance.now() - began).toBeLessThan(2000);
});
