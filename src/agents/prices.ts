import { createRequire } from "node:module";
import { FREE, type PriceCard, toNano } from "../core/money.ts";
import { splitModel } from "../core/provider.ts";
import type { Settings } from "../core/settings.ts";

type Table = typeof import("@pydantic/genai-prices");
type Listed = NonNullable<ReturnType<Table["calcPrice"]>>;
type Prices = Settings["prices"];
type Rates = Omit<PriceCard, "tiers" | "source" | "inferred">;
type Field = Listed["model_price"][string];

/** The table and its version, as a price card names it. */
export const TABLE = "genai-prices 0.1.8";

/** The table's names of the providers it lists; whatever else a provider is called, it is none of them. */
const LISTED: Readonly<Record<string, string>> = {
  openai: "openai",
  anthropic: "anthropic",
  openrouter: "openrouter",
  gemini: "google",
  groq: "groq",
};

const require = createRequire(import.meta.url);
let table: Table | undefined;

/** The price library, loaded when it is first needed: a start that asks no model should not wait for it. */
function priceTable(): Table {
  table ??= require("@pydantic/genai-prices") as Table;
  return table;
}

/**
 * What `provider/model` costs: as the settings say, else nothing where it is free, else as the table lists it. `writing`
 * is how many times the price of input its vendor takes for writing to its cache, where the settings do not say.
 */
export function priceOf(model: string, prices: Prices, isFree: boolean, writing = 1): PriceCard | undefined {
  const own = prices[model];
  if (own) return fromSettings(own, writing);
  return isFree ? FREE : fromTable(model);
}

/** The line of settings that gives a model a price. */
export const priceLine = (model: string): string =>
  `prices: { ${JSON.stringify(model)}: { input_per_mtok: …, output_per_mtok: … } }`;

function fromSettings(own: Prices[string], writing: number): PriceCard {
  const input = toNano(own.input_per_mtok);
  return {
    input,
    cached: own.cached_per_mtok === undefined ? input : toNano(own.cached_per_mtok),
    cache_write: toNano(own.cache_write_per_mtok ?? own.input_per_mtok * writing),
    output: toNano(own.output_per_mtok),
    source: "settings",
  };
}

/** What the table calls a model of which only the beginning of its name is given; a name that it means as it stands stays. */
export function listedAs(name: string): string | undefined {
  const { provider, model } = splitModel(name);
  const providerId = LISTED[provider];
  if (providerId === undefined || model === "") return undefined;
  const found = priceTable().calcPrice({ input_tokens: 1, output_tokens: 1 }, model, { providerId });
  if (!found) return undefined;
  return found.model.id.startsWith(`${model}-`) ? `${provider}/${found.model.id}` : name;
}

function fromTable(name: string): PriceCard | undefined {
  const { provider, model } = splitModel(name);
  const providerId = LISTED[provider];
  if (providerId === undefined || model === "") return undefined;
  const found = priceTable().calcPrice({ input_tokens: 1, output_tokens: 1 }, model, { providerId });
  if (!found) return undefined;
  const price = dearestOfTheDay(found);
  const isKnown = isListed(found.model.match, model) || found.model.id === model;
  const { context_window: window } = found.model;
  const base = ratesAt(price, 0, providerId);
  if (!base) return undefined;
  const tiers = startsOf(price).flatMap((above) => {
    const rates = ratesAt(price, above + 1, providerId);
    return rates ? [{ ...rates, above }] : [];
  });
  return {
    ...base,
    ...(tiers.length > 0 && { tiers }),
    source: TABLE,
    ...(isKnown ? { ...(window !== undefined && { window }) } : { inferred: true }),
  };
}

/** The rates for so many input tokens; undefined where the table has no price for text in and text out. */
function ratesAt(price: Listed["model_price"], tokens: number, providerId: string): Rates | undefined {
  const at = (key: string) => rateAt(price[key], tokens);
  const input = at("input_mtok");
  const output = at("output_mtok");
  if (input === undefined || output === undefined) return undefined;
  return {
    input: toNano(input),
    cached: toNano(at("cache_read_mtok") ?? input),
    cache_write: toNano(at("cache_write_mtok") ?? input * (providerId === "anthropic" ? 1.25 : 1)),
    output: toNano(Math.max(output, at("output_reasoning_mtok") ?? 0)),
  };
}

function rateAt(field: Field, tokens: number): number | undefined {
  if (field === undefined || typeof field === "number") return field;
  const reached = field.tiers.filter((tier) => tokens > tier.start).sort((a, b) => b.start - a.start);
  return reached[0]?.price ?? field.base;
}

function startsOf(price: Listed["model_price"]): number[] {
  const starts = Object.entries(price).flatMap(([key, field]) =>
    typeof field === "object" && key.endsWith("_mtok") ? field.tiers.map((tier) => tier.start) : [],
  );
  return [...new Set(starts)].sort((a, b) => a - b);
}

/** Some models are cheaper at night: a run may last until the morning. */
function dearestOfTheDay({ model, model_price }: Listed): Listed["model_price"] {
  const { prices } = model;
  if (!Array.isArray(prices) || !prices.some(({ constraint }) => constraint?.type === "time_of_date"))
    return model_price;
  const cost = (price: Listed["model_price"]) => rateAt(price["output_mtok"], 0) ?? 0;
  return prices.map((entry) => entry.prices).reduce((a, b) => (cost(b) > cost(a) ? b : a));
}

type Match = Listed["model"]["match"];

/** Does the table mean this very name, or only one that begins alike? A date behind a name is still that name. */
function isListed(match: Match, name: string): boolean {
  if ("or" in match) return match.or.some((part) => isListed(part, name));
  if ("and" in match) return match.and.every((part) => isListed(part, name));
  if ("equals" in match) return match.equals === name;
  if ("regex" in match) return new RegExp(match.regex).test(name);
  if (!("starts_with" in match) || !name.startsWith(match.starts_with)) return false;
  return /^([-@](\d{8}|\d{4}-\d\d-\d\d|latest))?$/.test(name.slice(match.starts_with.length));
}
