import { affordableOutput, type PriceCard, showUsd, toUsd, worstCost } from "./money.ts";

/** What is counted against a cap: nano-USD, tokens, calls. */
export interface Amount {
  readonly usd: number;
  readonly tokens: number;
  readonly calls: number;
}

export const NOTHING: Amount = { usd: 0, tokens: 0, calls: 0 };

/** An absent cap is no cap. */
export type Caps = Partial<Amount>;

type Scope = "step" | "run" | "caller" | "day";

/** One node of the budget tree as it stands. `aside` is kept for a closing call and not for others. */
export interface Ledger {
  readonly id: string;
  readonly scope: Scope;
  readonly caps: Caps;
  readonly spent: Amount;
  readonly held: Amount;
  readonly aside?: Amount;
}

/** What one request may cost at most, and how far its output may be clamped to make it fit. */
export interface Ask {
  /** A bound of its input, in tokens. */
  readonly input: number;
  /** The most output it may make, and the least that is still useful. */
  readonly output: number;
  readonly least: number;
  /** Its price; `null` where none is known, and then `flat` is its reserve. */
  readonly card: PriceCard | null;
  readonly flat?: number;
  /** The most that may be billed beside its tokens, in nano-USD. */
  readonly fees?: number;
}

interface Held {
  readonly verdict: "held";
  readonly output: number;
  readonly reserve: Amount;
  readonly clamped: boolean;
}

export interface Refused {
  readonly verdict: "refused";
  readonly scope: Scope;
  readonly unit: keyof Amount;
  readonly spent: number;
  readonly held: number;
  readonly asked: number;
  readonly cap: number;
}

/** `wait`: it would fit but for what others hold. */
export type Verdict = Held | Refused | { readonly verdict: "wait" };

/** The reserve of a request with so much output. */
export function reserveOf(ask: Ask, output: number): Amount {
  const usd = ask.card ? worstCost(ask.card, ask.input, output) : (ask.flat ?? 0);
  return { usd: usd + (ask.fees ?? 0), tokens: ask.input + output, calls: 1 };
}

const UNITS = ["usd", "tokens", "calls"] as const;

/** Whether a request may start: held in all ledgers, or in none. */
export function decide(ledgers: readonly Ledger[], ask: Ask): Verdict {
  const whole = reserveOf(ask, ask.output);
  const small = reserveOf(ask, Math.min(ask.least, ask.output));
  const hopeless = firstShort(ledgers, small, free);
  if (hopeless) return refusal(hopeless.ledger, hopeless.unit, small[hopeless.unit]);
  if (!firstShort(ledgers, whole, now)) return { verdict: "held", output: ask.output, reserve: whole, clamped: false };
  const short = shortages(ledgers, whole, now);
  if (short.some(({ ledger, unit }) => ledger.held[unit] > 0)) return { verdict: "wait" };
  return clamp(ledgers, ask);
}

/** Nothing is held where it is short, and the least useful output fits: so does something between. */
function clamp(ledgers: readonly Ledger[], ask: Ask): Verdict {
  const left = (unit: keyof Amount) => Math.min(...ledgers.map((ledger) => now(ledger, unit)));
  const byUsd = ask.card ? affordableOutput(ask.card, ask.input, left("usd") - (ask.fees ?? 0)) : ask.output;
  const output = Math.min(ask.output, byUsd, left("tokens") - ask.input);
  return { verdict: "held", output, reserve: reserveOf(ask, output), clamped: true };
}

type Left = (ledger: Ledger, unit: keyof Amount) => number;

const cap = (ledger: Ledger, unit: keyof Amount): number => ledger.caps[unit] ?? Number.POSITIVE_INFINITY;
const free: Left = (ledger, unit) => cap(ledger, unit) - ledger.spent[unit] - (ledger.aside?.[unit] ?? 0);
const now: Left = (ledger, unit) => free(ledger, unit) - ledger.held[unit];

/** Where it does not fit. What costs nothing fits everywhere, also where more was billed than the cap allows. */
function shortages(ledgers: readonly Ledger[], asked: Amount, left: Left) {
  return ledgers.flatMap((ledger) =>
    UNITS.filter((unit) => asked[unit] > 0 && asked[unit] > left(ledger, unit)).map((unit) => ({ ledger, unit })),
  );
}

const firstShort = (ledgers: readonly Ledger[], asked: Amount, left: Left) => shortages(ledgers, asked, left)[0];

function refusal(ledger: Ledger, unit: keyof Amount, asked: number): Refused {
  const { scope, spent, held, aside } = ledger;
  return {
    verdict: "refused",
    scope,
    unit,
    asked,
    spent: spent[unit],
    held: held[unit] + (aside?.[unit] ?? 0),
    cap: cap(ledger, unit),
  };
}

/** A refusal in words: whose cap, what is spent, held and asked. */
export function showRefusal({ scope, unit, spent, held, asked, cap }: Refused): string {
  const show = (n: number) => (unit === "usd" ? showUsd(n) : `${n}${unit === "calls" ? "" : " tokens"}`);
  const what = unit === "calls" ? "calls" : unit === "usd" ? "money" : "tokens";
  return `the ${scope}'s cap of ${what} is ${show(cap)}: ${show(spent)} spent, ${show(held)} held, ${show(asked)} asked at the least`;
}

/** The least cap with which it would not have been refused; of money in USD. */
export function neededCap({ unit, spent, held, asked }: Refused): number {
  const least = spent + held + asked;
  return unit === "usd" ? toUsd(least) : least;
}
