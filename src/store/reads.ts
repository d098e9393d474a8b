import { type Amount, type Ledger, NOTHING } from "../core/budget.ts";
import type { Baseline } from "../core/store.ts";
import { runSpent, spentOf } from "./books.ts";
import { first, int, sql, type Tx, text } from "./statement.ts";
import { heldOf } from "./words.ts";

type Node = Pick<Ledger, "id" | "spent" | "held">;

/** What stands in the nodes of the budget tree; one that nobody has touched holds nothing. */
export function* nodes(ids: readonly string[]): Tx<readonly Node[]> {
  const found: Node[] = [];
  for (const id of ids) found.push(id.startsWith("run:") ? yield* runNode(id) : yield* node(id));
  return found;
}

function* node(id: string): Tx<Node> {
  const row = yield* first(sql("select * from nodes where id = $1", id));
  return row ? { id, spent: spentOf(row), held: heldOf(row) } : empty(id);
}

function* runNode(id: string): Tx<Node> {
  const row = yield* first(sql("select * from runs where id = $1", id.slice("run:".length)));
  return row ? { id, spent: runSpent(row), held: heldOf(row) } : empty(id);
}

const empty = (id: string): { id: string; spent: Amount; held: Amount } => ({ id, spent: NOTHING, held: NOTHING });

export function* baselines(subject: string): Tx<readonly Baseline[]> {
  const rows = yield sql("select * from baselines where subject = $1 order by place", subject);
  return rows.map((row) => ({
    subject,
    place: text(row, "place"),
    runs: int(row, "runs"),
    usd: int(row, "usd"),
    ms: int(row, "ms"),
  }));
}

export function* catalogueText(hash: string): Tx<string | undefined> {
  const row = yield* first(sql("select body from texts where hash = $1", hash));
  return row && text(row, "body");
}
