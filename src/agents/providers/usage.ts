import type { ModelReply } from "../../core/provider.ts";
import type { Tokens } from "../../core/usage.ts";
import { priceTable } from "../prices.ts";

/** The dialects of usage, as the price library calls them. */
const DIALECTS = {
  openai: { provider: "openai", flavor: "chat" },
  anthropic: { provider: "anthropic", flavor: "default" },
} as const;

/**
 * The tokens a vendor reports, in the words of core: `input` with what was read from or written to a cache.
 * Undefined where it reports none that can be believed.
 */
export function reportedTokens(dialect: keyof typeof DIALECTS, usage: unknown): Tokens | undefined {
  const { extractUsage, findProvider } = priceTable();
  const { provider: providerId, flavor } = DIALECTS[dialect];
  const provider = findProvider({ providerId });
  if (!provider || typeof usage !== "object" || usage === null) return undefined;
  try {
    const found = extractUsage(provider, { model: "", usage }, flavor).usage;
    const input = whole(found["input_tokens"]);
    // Every request has input: a server that says otherwise has not counted.
    if (input === 0) return undefined;
    const cached = Math.min(whole(found["cache_read_tokens"]), input);
    return {
      input,
      cached,
      cache_write: Math.min(whole(found["cache_write_tokens"]), input - cached),
      output: whole(found["output_tokens"]),
      reasoning: whole(found["output_reasoning_tokens"]),
    };
  } catch {
    return undefined; // Required figures are missing, or are no figures: as good as no usage.
  }
}

/** A figure beyond all models is none. */
function whole(n: number | undefined): number {
  if (n !== undefined && n > 1e12) throw new RangeError("no request has so many tokens");
  return n !== undefined && n > 0 ? Math.ceil(n) : 0;
}

/** What an answer may have used at most, where its vendor does not say: the bound of its input, its bytes as output. */
export function guessedTokens(bound: number, answer: string, most: number): Pick<ModelReply, "tokens" | "estimated"> {
  const output = Math.min(Buffer.byteLength(answer), most);
  return { tokens: { input: bound, cached: 0, cache_write: 0, output, reasoning: 0 }, estimated: true };
}
