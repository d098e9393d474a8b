import type { Amount, Ledger } from "../core/budget.ts";
import { addUsage, NO_USAGE, type Usage } from "../core/usage.ts";
import { amountOf, type Entry, joined, NONE, plus, postNode, postRun } from "./entries.ts";
import type { Group } from "./group.ts";
import { bit, first, int, type Row, sql, type Tx, text } from "./statement.ts";
import { capsOf, heldOf } from "./words.ts";

/** The money that one transaction moves in a run and in the nodes above it, written in one go and always in the same order. */
export class Books {
  readonly entries = new Map<string, Entry>();
  /** The rows of the nodes that were read. */
  readonly nodes = new Map<string, Row>();
  readonly #run: string;
  readonly #group: Group | undefined;

  /** Within a group, what the group has read and moved counts as if it were written. */
  constructor(run: string, group?: Group) {
    this.#run = run;
    this.#group = group;
  }

  hold(nodes: readonly string[], reserve: Amount): void {
    this.#enter(nodes, { held: reserve, used: NO_USAGE, partial: 0 });
  }

  settle(nodes: readonly string[], reserve: Amount, used: Usage): void {
    this.#enter(nodes, { held: minus(NONE, reserve), used, partial: bit(used.partial) });
  }

  /** One bill takes another's place. */
  replace(nodes: readonly string[], before: Usage, after: Usage): void {
    const used = addUsage(after, negative(before));
    this.#enter(nodes, { held: NONE, used, partial: bit(after.partial) - bit(before.partial) });
  }

  /** The run as a ledger, with what is not yet written. */
  ledgerOfRun(row: Row): Ledger {
    const entry = this.#entry(this.#run);
    return {
      id: `run:${this.#run}`,
      scope: "run",
      caps: capsOf(row),
      spent: plus(runSpent(row), entry && amountOf(entry.used)),
      held: plus(heldOf(row), entry?.held),
    };
  }

  /** A node above the run, written down if it is new, with what is not yet written. */
  *ledgerOf({ id, scope, caps }: Pick<Ledger, "id" | "scope" | "caps">): Tx<Ledger> {
    const known = this.nodes.get(id) ?? this.#group?.node(id);
    const row = known ?? (yield* first(sql("select * from nodes where id = $1 /*pg: for update*/", id))) ?? NEW_NODE;
    const { usd = null, tokens = null, calls = null } = caps;
    if (row === NEW_NODE || row["cap_usd"] !== usd || row["cap_tokens"] !== tokens || row["cap_calls"] !== calls) {
      yield sql(
        `insert into nodes (id, scope, cap_usd, cap_tokens, cap_calls) values ($1, $2, $3, $4, $5)
         on conflict (id) do update
         set cap_usd = excluded.cap_usd, cap_tokens = excluded.cap_tokens, cap_calls = excluded.cap_calls`,
        id,
        scope,
        usd,
        tokens,
        calls,
      );
    }
    this.nodes.set(id, { ...row, cap_usd: usd, cap_tokens: tokens, cap_calls: calls });
    const entry = this.#entry(id);
    return {
      id,
      scope,
      caps,
      spent: plus(spentOf(row), entry && amountOf(entry.used)),
      held: plus(heldOf(row), entry?.held),
    };
  }

  /** Writes all that was entered: the run first, then the nodes by name, so that no two transactions wait for each other. */
  *post(): Tx<void> {
    const run = this.entries.get(this.#run);
    if (run) yield* postRun(this.#run, run);
    this.entries.delete(this.#run);
    for (const [id, entry] of [...this.entries].sort(([a], [b]) => (a < b ? -1 : 1))) yield* postNode(id, entry);
    this.entries.clear();
    this.nodes.clear();
  }

  /** What has moved in a node and is not yet in its row. */
  #entry(id: string): Entry | undefined {
    const own = this.entries.get(id);
    const shared = this.#group?.entry(id);
    return own ? joined(own, shared) : shared;
  }

  #enter(nodes: readonly string[], entry: Entry): void {
    for (const id of [this.#run, ...nodes]) this.entries.set(id, joined(entry, this.entries.get(id)));
  }
}

const NEW_NODE: Row = { spent_usd: 0, spent_tokens: 0, spent_calls: 0, held_usd: 0, held_tokens: 0, held_calls: 0 };

/** What a run has spent, as its row tells it. */
export const runSpent = (row: Row): Amount => ({
  usd: int(row, "usd"),
  tokens: int(row, "input_tokens") + int(row, "output_tokens"),
  calls: int(row, "calls"),
});

export const spentOf = (row: Row): Amount => ({
  usd: int(row, "spent_usd"),
  tokens: int(row, "spent_tokens"),
  calls: int(row, "spent_calls"),
});

const minus = (a: Amount, b: Amount): Amount => ({
  usd: a.usd - b.usd,
  tokens: a.tokens - b.tokens,
  calls: a.calls - b.calls,
});
const negative = (usage: Usage): Usage => ({
  usd: -usage.usd,
  input: -usage.input,
  cached: -usage.cached,
  cache_write: -usage.cache_write,
  output: -usage.output,
  reasoning: -usage.reasoning,
  calls: -usage.calls,
});

/** The nodes above its run that an attempt holds or held money in. */
export const nodesOf = (attempt: Row): readonly string[] => JSON.parse(text(attempt, "nodes")) as string[];
