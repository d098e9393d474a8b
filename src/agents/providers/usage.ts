import type { ModelReply } from "../../core/provider.ts";
import type { Tokens } from "../../core/usage.ts";

type Figures = Readonly<Record<string, unknown>>;

/** Where each dialect puts its figures. OpenAI counts cached input within the input, Anthropic beside it. */
const DIALECTS = {
  openai(usage: Figures): Tokens {
    const { cached_tokens, cache_write_tokens } = inside(usage["prompt_tokens_details"]);
    const { reasoning_tokens } = inside(usage["completion_tokens_details"]);
    return {
      input: told(usage["prompt_tokens"]),
      cached: maybe(cached_tokens),
      cache_write: maybe(cache_write_tokens),
      output: told(usage["completion_tokens"]),
      reasoning: maybe(reasoning_tokens),
    };
  },
  anthropic(usage: Figures): Tokens {
    const cached = maybe(usage["cache_read_input_tokens"]);
    const cache_write = maybe(usage["cache_creation_input_tokens"]);
    const { thinking_tokens } = inside(usage["output_tokens_details"]);
    return {
      input: told(usage["input_tokens"]) + cached + cache_write,
      cached,
      cache_write,
      output: told(usage["output_tokens"]),
      reasoning: maybe(thinking_tokens),
    };
  },
};

/**
 * The tokens a vendor reports, in the words of core: `input` with what was read from or written to a cache.
 * Undefined where it reports none that can be believed.
 */
export function reportedTokens(dialect: keyof typeof DIALECTS, usage: unknown): Tokens | undefined {
  try {
    const found = DIALECTS[dialect](inside(usage));
    // Every request has input: a server that says otherwise has not counted.
    if (found.input === 0) return undefined;
    const cached = Math.min(found.cached, found.input);
    return { ...found, cached, cache_write: Math.min(found.cache_write, found.input - cached) };
  } catch {
    return undefined; // Figures are missing, or are no figures: as good as no usage.
  }
}

/** What stands inside a thing that may be none. */
const inside = (thing: unknown): Figures => (typeof thing === "object" && thing !== null ? (thing as Figures) : {});

function told(figure: unknown): number {
  if (typeof figure !== "number") throw new TypeError("a figure that every usage has is missing");
  return maybe(figure);
}

/** A figure that may be absent. One beyond all models is none. */
function maybe(figure: unknown): number {
  if (typeof figure !== "number") return 0;
  if (figure > 1e12) throw new RangeError("no request has so many tokens");
  return figure > 0 ? Math.ceil(figure) : 0;
}

/** What an answer may have used at most, where its vendor does not say: the bound of its input, its bytes as output. */
export function guessedTokens(bound: number, answer: string, most: number): Pick<ModelReply, "tokens" | "estimated"> {
  const output = Math.min(Buffer.byteLength(answer), most);
  return { tokens: { input: bound, cached: 0, cache_write: 0, output, reasoning: 0 }, estimated: true };
}
