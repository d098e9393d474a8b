import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { priceLine, priceOf, TABLE } from "../../src/agents/prices.ts";
import { costOf, FREE, toNano, worstCost } from "../../src/core/money.ts";
import { Settings } from "../../src/core/settings.ts";

const usage = (more: object) => ({ input: 0, cached: 0, cache_write: 0, output: 0, reasoning: 0, ...more });

describe("the table", () => {
  it("a listed model has its rates in integer nano-USD, and says where they come from", () => {
    expect(priceOf("openai/gpt-5-mini", {}, false)).toEqual({
      input: toNano(0.25),
      cached: toNano(0.025),
      cache_write: toNano(0.25),
      output: toNano(2),
      source: TABLE,
      window: 400_000,
    });
  });

  it("long prompts cost what their tier says", () => {
    const card = priceOf("openai/gpt-5.5", {}, false)!;
    const at = (input: number) => costOf(card, usage({ input })) / input;
    expect(at(300_000)).toBeCloseTo(2 * at(1000), 6);
    expect(worstCost(card, 1000, 0)).toBe(2 * costOf(card, usage({ input: 1000 })));
  });

  it("writing Anthropic's cache costs a quarter more than reading text", () => {
    const card = priceOf("anthropic/claude-sonnet-5", {}, false)!;
    expect(card.cache_write).toBe(card.input * 1.25);
    expect(card.cached).toBeLessThan(card.input);
  });

  it("a price taken from a name that is only alike is marked; a dated name is the name", () => {
    expect(priceOf("anthropic/claude-sonnet-5-9", {}, false)).toMatchObject({ inferred: true });
    expect(priceOf("anthropic/claude-sonnet-4-5-20250929", {}, false)).not.toHaveProperty("inferred");
    expect(priceOf("anthropic/claude-sonnet-5", {}, false)).not.toHaveProperty("inferred");
  });

  it.each([
    "openai/no-such-model",
    "corp/gpt-5",
    "gpt-5",
    "openai/",
    "openai/text-embedding-3-small",
    "openai/whisper-1",
  ])("%s has no price, never a price of nothing", (model) => expect(priceOf(model, {}, false)).toBeUndefined());

  it("a model behind a gateway has the gateway's price", () => {
    expect(priceOf("openrouter/openai/gpt-5", {}, false)).toMatchObject({ source: TABLE });
  });

  it("names the version that is installed", () => {
    const file = new URL("../../node_modules/@pydantic/genai-prices/package.json", import.meta.url);
    const { version } = JSON.parse(readFileSync(file, "utf8")) as { version: string };
    expect(TABLE).toBe(`genai-prices ${version}`);
  });
});

describe("the settings", () => {
  it("win over the table and over free, and what they leave out costs like input", () => {
    const prices = { "openai/gpt-5-mini": { input_per_mtok: 0.6, output_per_mtok: 2.4, cached_per_mtok: 0.06 } };
    const card = { input: 6e8, cached: 6e7, cache_write: 6e8, output: 24e8, source: "settings" };
    expect(priceOf("openai/gpt-5-mini", prices, false)).toEqual(card);
    expect(priceOf("openai/gpt-5-mini", prices, true)).toEqual(card);
  });

  it("writing to a cache costs more where the vendor takes more for it and the settings do not say", () => {
    const prices = { "an/m": { input_per_mtok: 2, output_per_mtok: 10 } };
    expect(priceOf("an/m", prices, false, 1.25)).toMatchObject({ input: 2e9, cache_write: 25e8 });
    const told = { "an/m": { ...prices["an/m"], cache_write_per_mtok: 2 } };
    expect(priceOf("an/m", told, false, 1.25)).toMatchObject({ cache_write: 2e9 });
  });

  it("the line that is shown for a model without a price is one that the settings take", () => {
    const line = priceLine("corp/my model").replaceAll("…", "1.5");
    const { prices } = Settings.parse(parse(line));
    expect(priceOf("corp/my model", prices, false)).toMatchObject({ input: 15e8, output: 15e8 });
  });
});

it("what is free is free, whatever it is called", () => {
  expect(priceOf("ollama/gpt-5", {}, true)).toBe(FREE);
});
