import { type Entry, joined, type Moved, postNode, setsOfRun } from "./entries.ts";
import { int, type Row, sql, type Tx } from "./statement.ts";

interface Player {
  readonly epoch: number;
  readonly row: Row;
  readonly leaseMs: number;
  readonly mono: number;
}

/**
 * What the writes of players in one commit have in common: rows that were read, and money that moved. A run and a node
 * are read once and written once, however many writes of that commit concern them.
 */
export class Group {
  readonly #players = new Map<string, Player>();
  readonly #nodes = new Map<string, Row>();
  #entries = new Map<string, Entry>();

  /** The row of a run that this player has already been found to own. */
  owned(run: string, epoch: number): Row | undefined {
    const player = this.#players.get(run);
    return player?.epoch === epoch ? player.row : undefined;
  }

  node(id: string): Row | undefined {
    return this.#nodes.get(id);
  }

  entry(id: string): Entry | undefined {
    return this.#entries.get(id);
  }

  /** Nodes have been written past this group: they are read anew. */
  reread(): void {
    this.#nodes.clear();
  }

  /** Takes over what a write that succeeded has read and moved. */
  take(run: string, player: Player, moved: Moved): void {
    this.#players.set(run, this.#players.get(run) ?? player);
    for (const [id, row] of moved.nodes) this.#nodes.set(id, row);
    for (const [id, entry] of moved.entries) this.#entries.set(id, joined(entry, this.#entries.get(id)));
  }

  /** Writes it all down: every lease renewed, and the books in the order that every transaction keeps to. */
  *post(): Tx<void> {
    for (const [run, player] of this.#players) yield* renew(run, player, this.#entries.get(run));
    const nodes = [...this.#entries].filter(([id]) => !this.#players.has(id));
    for (const [id, entry] of nodes.sort(([a], [b]) => (a < b ? -1 : 1))) yield* postNode(id, entry);
    this.#players.clear();
    this.#nodes.clear();
    this.#entries = new Map();
  }
}

/** Renews a lease, and writes what moved in the run. The time since its last write counts as played, up to a lease. */
export function* renew(run: string, { row, mono, leaseMs }: Player, entry?: Entry): Tx<void> {
  const passed = Math.max(0, Math.min(leaseMs, mono - int(row, "touched_mono")));
  const { columns, values } = setsOfRun(entry, 4);
  yield sql(
    `update runs set beat = beat + 1, touched_mono = $2, held_ms = held_ms + $3${columns} where id = $1`,
    run,
    mono,
    passed,
    ...values,
  );
}
