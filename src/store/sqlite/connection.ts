import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Row, Statement, Tx } from "../statement.ts";

/** How long SQLite may block the event loop for another process's lock before we try again from the loop. */
const BUSY_MS = 50;

/** One connection to the file; every statement is prepared once. */
export class Connection {
  readonly #db: DatabaseSync;
  readonly #prepared = new Map<string, StatementSync>();

  constructor(path: string) {
    this.#db = new DatabaseSync(path, { timeout: BUSY_MS });
  }

  /** Plays a transaction's statements, one after another, with no pause between. */
  play<T>(tx: Tx<T>): T {
    let step = tx.next([]);
    while (!step.done) step = tx.next(this.#run(step.value));
    return step.value;
  }

  /** The first value that a statement of ours without parameters tells. */
  ask(sql: string): string | number | undefined {
    const row = this.#run({ sql, args: [] })[0];
    return row && (Object.values(row)[0] ?? undefined);
  }

  exec(sql: string): void {
    this.#db.exec(sql);
  }

  /** Undoes an open transaction; SQLite itself has already undone some that failed. */
  rollback(): void {
    if (this.#db.isTransaction) this.#db.exec("rollback");
  }

  get inTransaction(): boolean {
    return this.#db.isTransaction;
  }

  close(): void {
    if (this.#db.isOpen) this.#db.close();
  }

  #run({ sql, args }: Statement): readonly Row[] {
    const known = this.#prepared.get(sql);
    const statement = known ?? this.#db.prepare(sql.replace(/\$(\d+)/g, "?$1"));
    if (!known) this.#prepared.set(sql, statement);
    return statement.all(...args) as Row[];
  }
}
