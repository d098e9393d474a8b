import type { Amount } from "../core/budget.ts";
import { addUsage, type Usage } from "../core/usage.ts";
import { type Cell, type Row, sql, type Tx } from "./statement.ts";

export const NONE: Amount = { usd: 0, tokens: 0, calls: 0 };

/** What moves in one node of the budget tree. */
export interface Entry {
  readonly held: Amount;
  readonly used: Usage;
  /** How many partial usages came or went. */
  readonly partial: number;
}

/** What one transaction has read of the nodes, and what it moves in them and in its run. */
export interface Moved {
  readonly nodes: ReadonlyMap<string, Row>;
  readonly entries: ReadonlyMap<string, Entry>;
}

export function joined(entry: Entry, known: Entry | undefined): Entry {
  if (!known) return entry;
  const { held, used, partial } = entry;
  return { held: plus(held, known.held), used: addUsage(known.used, used), partial: partial + known.partial };
}

/** What is counted of a usage against a cap. */
export const amountOf = (usage: Usage): Amount => ({
  usd: usage.usd,
  tokens: usage.input + usage.output,
  calls: usage.calls,
});

export const plus = (a: Amount, b: Amount = NONE): Amount => ({
  usd: a.usd + b.usd,
  tokens: a.tokens + b.tokens,
  calls: a.calls + b.calls,
});

const IN_RUN = [
  "held_usd",
  "held_tokens",
  "held_calls",
  "usd",
  "input_tokens",
  "cached_tokens",
  "cache_write_tokens",
  "output_tokens",
  "reasoning_tokens",
  "calls",
  "partial",
] as const;

/** An entry as further assignments of an update of its run, with parameters from `$first` on. */
export function setsOfRun(entry: Entry | undefined, first: number): { columns: string; values: readonly Cell[] } {
  if (!entry) return { columns: "", values: [] };
  const { held, used, partial } = entry;
  const columns = IN_RUN.map((column, i) => `, ${column} = ${column} + $${first + i}`).join("");
  const tokens = [used.input, used.cached, used.cache_write, used.output, used.reasoning];
  return { columns, values: [held.usd, held.tokens, held.calls, used.usd, ...tokens, used.calls, partial] };
}

export function* postRun(id: string, entry: Entry): Tx<void> {
  const { columns, values } = setsOfRun(entry, 2);
  yield sql(`update runs set ${columns.slice(2)} where id = $1`, id, ...values);
}

export function* postNode(id: string, { held, used }: Entry): Tx<void> {
  const spent = amountOf(used);
  yield sql(
    `update nodes set held_usd = held_usd + $2, held_tokens = held_tokens + $3, held_calls = held_calls + $4,
       spent_usd = spent_usd + $5, spent_tokens = spent_tokens + $6, spent_calls = spent_calls + $7
     where id = $1`,
    id,
    held.usd,
    held.tokens,
    held.calls,
    spent.usd,
    spent.tokens,
    spent.calls,
  );
}
