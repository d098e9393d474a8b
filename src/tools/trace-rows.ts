import { toUsd } from "../core/money.ts";
import type { StepRecord } from "../core/record.ts";
import type { Attempt } from "../core/store.ts";
import type { Usage } from "../core/usage.ts";
import { clip, textOf } from "./fit.ts";
import { cachedShare, decimal } from "./render.ts";

/** One place of a run, told in one line. */
export interface StepRow {
  readonly step: string;
  readonly kind: string;
  readonly status: string;
  readonly agent?: string;
  readonly model?: string;
  readonly ms: number;
  readonly attempts?: readonly string[];
  readonly input_tokens?: number;
  readonly cached_tokens?: number;
  readonly cache_write_tokens?: number;
  readonly output_tokens?: number;
  readonly reasoning_tokens?: number;
  readonly usd?: number;
  readonly input_schema_version?: string;
  readonly marks?: readonly string[];
  readonly error?: string;
  readonly answered?: string;
  readonly decided_by?: string;
  readonly generation?: number;
}

export function stepRow(record: StepRecord): StepRow {
  const { place, kind, status, agent, model, ms, attempts, marks, error, value, generation, decided } = record;
  const version = attempts.at(-1)?.input.shape_version;
  return {
    step: place,
    kind,
    status,
    ...(agent !== undefined && { agent }),
    ...(model !== undefined && { model }),
    ms,
    ...(attempts.length > 0 && { attempts: attempts.map(resultOf), ...billed(record.usage) }),
    ...(version !== undefined && { input_schema_version: version }),
    ...(marks.length > 0 && { marks }),
    ...(error && { error: `${error.code}: ${clip(error.message, 160)}` }),
    ...(value !== undefined && { answered: clip(textOf(value), 120) }),
    ...(decided && { decided_by: decided.by }),
    ...(generation > 1 && { generation }),
  };
}

/** What became of a request, in a word or two: "ok", "failed RATE_LIMITED", "in flight". */
export const resultOf = ({ state, result, error }: Attempt): string =>
  state === "held" ? "in flight" : error ? `${result} ${error.code}` : (result ?? "settled");

export const billed = ({ input, cached, cache_write, output, reasoning, usd }: Usage) => ({
  input_tokens: input,
  ...(cached > 0 && { cached_tokens: cached }),
  ...(cache_write > 0 && { cache_write_tokens: cache_write }),
  output_tokens: output,
  ...(reasoning > 0 && { reasoning_tokens: reasoning }),
  usd: toUsd(usd),
});

export function stepLine(row: StepRow): string {
  const tokens = row.input_tokens === undefined ? "" : tokenWords(row);
  return [
    `${row.step} [${row.status}]`,
    row.kind === "call" ? "" : row.kind,
    row.agent,
    row.model,
    `${row.ms} ms`,
    tokens,
    row.usd === undefined ? "" : `$${decimal(row.usd)}`,
    row.attempts?.join(", "),
    row.input_schema_version && `input schema ${row.input_schema_version}`,
    row.marks?.join(", "),
    row.generation && `generation ${row.generation}`,
    row.error,
    row.decided_by && `decided by ${row.decided_by}`,
    row.answered && `→ ${row.answered.replaceAll(/\s+/g, " ")}`,
  ]
    .filter(Boolean)
    .join(" · ");
}

type Counted = Pick<
  StepRow,
  "input_tokens" | "cached_tokens" | "cache_write_tokens" | "output_tokens" | "reasoning_tokens"
>;

/** "3,000 tokens in (2,400 cached, 80 %; 500 written to the cache), 200 out". */
export const tokenWords = (counted: Counted): string => {
  const { input_tokens = 0, output_tokens = 0, reasoning_tokens } = counted;
  const remembered = cacheWords(counted);
  return (
    `${grouped(input_tokens)} tokens in${remembered && ` (${remembered})`}, ` +
    `${grouped(output_tokens)} out${reasoning_tokens ? ` (${grouped(reasoning_tokens)} reasoning)` : ""}`
  );
};

/** What of the input a vendor remembered, and what it was told to remember. */
function cacheWords({ input_tokens = 0, cached_tokens = 0, cache_write_tokens = 0 }: Counted): string {
  return [
    ...(cached_tokens > 0 ? [cachedShare(input_tokens, cached_tokens)] : []),
    ...(cache_write_tokens > 0 ? [`${grouped(cache_write_tokens)} written to the cache`] : []),
  ].join("; ");
}

const grouped = (n: number): string => n.toLocaleString("en");
