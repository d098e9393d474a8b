import { z } from "zod";
import type { Tokens } from "./usage.ts";

const NANO = 1_000_000_000;
const MTOK = 1_000_000n;

/** US dollars as integer nano-dollars, rounded up: a cap of money never loses to a rounding. */
export function toNano(usd: number): number {
  const nano = Math.ceil(Number((usd * NANO).toPrecision(15)));
  if (!Number.isSafeInteger(nano)) throw new RangeError(`${usd} USD is more than can be counted`);
  return nano;
}

export const toUsd = (nano: number): number => nano / NANO;

/** Nano-dollars as people read them: "$0.0421". */
export function showUsd(nano: number): string {
  const usd = toUsd(nano);
  return `$${usd === 0 ? "0" : usd >= 0.01 ? usd.toFixed(4) : usd.toPrecision(3)}`;
}

const Rates = z.object({
  input: z.int().nonnegative(),
  cached: z.int().nonnegative(),
  cache_write: z.int().nonnegative(),
  output: z.int().nonnegative(),
});

/** What a model costs, in integer nano-USD a million tokens; a tier replaces the rates above so many input tokens. */
export const PriceCard = Rates.extend({
  tiers: z.array(Rates.extend({ above: z.int().nonnegative() })).optional(),
  /** Where the figures come from: a table and its version, or "settings". */
  source: z.string(),
  /** The table knows no such model and the price was taken from one whose name is alike. */
  inferred: z.boolean().optional(),
  /** How many tokens the model reads at once, where the table says so. */
  window: z.int().positive().optional(),
});
export type PriceCard = z.output<typeof PriceCard>;
type Rates = z.output<typeof Rates>;

export const FREE: PriceCard = { input: 0, cached: 0, cache_write: 0, output: 0, source: "free" };

/** What so many tokens cost at these prices, rounded up to the nano-dollar. */
export function costOf(card: PriceCard, tokens: Tokens): number {
  const rates = card.tiers?.findLast((tier) => tokens.input > tier.above) ?? card;
  const plain = Math.max(0, tokens.input - tokens.cached - tokens.cache_write);
  return ceilMtok(
    times(plain, rates.input) +
      times(tokens.cached, rates.cached) +
      times(tokens.cache_write, rates.cache_write) +
      times(tokens.output, rates.output),
  );
}

/** The most that a request of so many input tokens and so much output can cost, whatever tier or cache applies. */
export function worstCost(card: PriceCard, input: number, output: number): number {
  const rates = dearest(card);
  return ceilMtok(times(input, dearestInput(rates)) + times(output, rates.output));
}

/** How much output such a sum still buys, beside so much input. */
export function affordableOutput(card: PriceCard, input: number, nano: number): number {
  if (nano === Number.POSITIVE_INFINITY) return Number.MAX_SAFE_INTEGER;
  const rates = dearest(card);
  const left = BigInt(Math.max(0, nano)) * MTOK - times(input, dearestInput(rates));
  if (left < 0n) return 0;
  return rates.output === 0 ? Number.MAX_SAFE_INTEGER : Number(left / BigInt(rates.output));
}

const dearestInput = ({ input, cached, cache_write }: Rates): number => Math.max(input, cached, cache_write);

function dearest(card: PriceCard): Rates {
  const max = (pick: (rates: Rates) => number) => Math.max(pick(card), ...(card.tiers ?? []).map(pick));
  return {
    input: max((r) => r.input),
    cached: max((r) => r.cached),
    cache_write: max((r) => r.cache_write),
    output: max((r) => r.output),
  };
}

const times = (tokens: number, rate: number): bigint => BigInt(tokens) * BigInt(rate);
const ceilMtok = (sum: bigint): number => Number((sum + MTOK - 1n) / MTOK);
