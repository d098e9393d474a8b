import { countTokens } from "gpt-tokenizer/encoding/o200k_base";
import { expect, it } from "vitest";
import { openProviders } from "../../src/agents/providers/index.ts";
import type { ModelRequest } from "../../src/core/provider.ts";
import { quiet, request } from "./asking.ts";

const providers = openProviders({}, { OPENAI_API_KEY: "k", ANTHROPIC_API_KEY: "k" }, quiet);

const NASTY: Readonly<Record<string, string>> = {
  "control characters": "\u0001\u0002\u0003\u0004".repeat(200),
  "letters and digits in turn": "a1b2c3d4".repeat(200),
  "single digits": "1 2 3 4 5 ".repeat(200),
  "rare scripts": "𒀀𒁀𒂀𐎀𐎁".repeat(100),
  emoji: "👩‍👩‍👧‍👦🏴‍☠️🫠".repeat(100),
  Chinese: "这是一个没有测试的计划".repeat(50),
  base64: Buffer.from(Array.from({ length: 900 }, (_, i) => (i * 7919) % 256)).toString("base64"),
  "lone surrogates": "\ud800x\udfff".repeat(200),
  quotes: '"\\"\\\\'.repeat(200),
  English: "The plan has no tests, and nobody owns the last step. ".repeat(40),
};

const tokens = ({ system, messages, shape }: ModelRequest): number =>
  [system, ...messages.map(({ content }) => content), shape ? JSON.stringify(shape) : ""]
    .map((text) => countTokens(text.toWellFormed(), { allowedSpecial: "all" }))
    .reduce((a, b) => a + b, 0);

const shape = { type: "object", properties: { a: { type: "string", description: "𒀀".repeat(50) } } };

it.each(["openai", "anthropic", "rehearsal"])("no text makes more tokens than the bound of %s", (id) => {
  for (const [name, text] of Object.entries(NASTY)) {
    const asked = request({ system: text, messages: [{ role: "user", content: text }], shape });
    expect(providers.get(id)!.bound(asked), name).toBeGreaterThan(tokens(asked));
  }
});

it.each(["openai", "anthropic"])("many short messages are not under-counted by %s", (id) => {
  const messages = Array.from({ length: 200 }, () => ({ role: "user" as const, content: "𒀀" }));
  const asked = request({ messages });
  // Each message costs a vendor a few tokens of its own.
  expect(providers.get(id)!.bound(asked)).toBeGreaterThan(tokens(asked) + 200 * 8);
});
