/** What calls have used. Money is integer nano-USD; `input` includes what was read from or written to a cache. */
export interface Usage {
  readonly usd: number;
  readonly input: number;
  readonly cached: number;
  readonly cache_write: number;
  readonly output: number;
  readonly reasoning: number;
  readonly calls: number;
  /** Some of it is a reserve or has no price, because nobody could say what was used. */
  readonly partial?: boolean;
}

export const NO_USAGE: Usage = { usd: 0, input: 0, cached: 0, cache_write: 0, output: 0, reasoning: 0, calls: 0 };

export function addUsage(a: Usage, b: Usage): Usage {
  const sum = {
    usd: a.usd + b.usd,
    input: a.input + b.input,
    cached: a.cached + b.cached,
    cache_write: a.cache_write + b.cache_write,
    output: a.output + b.output,
    reasoning: a.reasoning + b.reasoning,
    calls: a.calls + b.calls,
  };
  return a.partial || b.partial ? { ...sum, partial: true } : sum;
}

/** The tokens a provider counted, before anybody put a price on them. */
export type Tokens = Pick<Usage, "input" | "cached" | "cache_write" | "output" | "reasoning">;
