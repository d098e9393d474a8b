import type { Clock } from "../../core/clock.ts";
import type { Failure } from "../../core/errors.ts";
import type { Driver, Job, Moment } from "../driver.ts";
import type { Tx } from "../statement.ts";
import { Commits } from "./commits.ts";
import type { Connection } from "./connection.ts";
import { checkFormat, PROBE } from "./format.ts";
import { memoryWords } from "./memory-words.ts";
import { failureOf, troubleOf } from "./trouble.ts";

const READ_PAUSE_MS = 25;
const READ_TRIES = 200;
/** After so long without a commit the write-ahead log is put into the file, so that it takes no room at rest. */
const TIDY_MS = 2000;

export interface SqliteDriverOptions {
  readonly path: string;
  readonly clock: Clock;
  /** Told after each commit that changed something, before anybody hears of it, how many there have been. */
  readonly afterCommit?: (count: number) => void;
}

type Listener = (runs: readonly string[]) => void;

/** One file, two connections: one writes in groups, the other reads what is committed. */
export class SqliteDriver implements Driver {
  readonly words = memoryWords;
  readonly #writer: Connection;
  readonly #reader: Connection;
  readonly #options: SqliteDriverOptions;
  readonly #commits: Commits;
  readonly #listeners = new Set<Listener>();
  #changes: number;
  #count = 0;
  #others = 0;
  #closed = false;
  #stopTidy = (): void => {};

  constructor(writer: Connection, reader: Connection, options: SqliteDriverOptions) {
    this.#writer = writer;
    this.#reader = reader;
    this.#options = options;
    this.#changes = this.#totalChanges();
    this.#commits = new Commits(writer, {
      clock: options.clock,
      path: options.path,
      probe: PROBE,
      check: () => checkFormat(writer, options.path),
      committed: (runs) => this.#committed(runs),
    });
  }

  get ailing(): Failure | undefined {
    return this.#commits.ailing;
  }

  write<T>(job: Job<T>): Promise<T> {
    return this.#commits.submit(job);
  }

  async read<T>(tx: (at: Moment) => Tx<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return this.#readOnce(tx);
      } catch (error) {
        const trouble = troubleOf(error);
        if (trouble === undefined) throw error;
        if (trouble !== "busy" || tries === READ_TRIES) throw failureOf(trouble, this.#options.path, error);
      }
      await new Promise<void>((resolve) => this.#options.clock.after(READ_PAUSE_MS, resolve));
    }
  }

  #readOnce<T>(tx: (at: Moment) => Tx<T>): T {
    const { clock } = this.#options;
    this.#reader.exec("begin");
    try {
      return this.#reader.play(tx({ now: clock.now(), mono: Math.floor(clock.mono()) }));
    } finally {
      this.#reader.rollback();
    }
  }

  others(): number {
    if (this.#closed) return this.#others;
    try {
      this.#others = Number(this.#writer.ask("pragma data_version"));
    } catch (error) {
      if (troubleOf(error) !== "busy") throw error;
    }
    return this.#others;
  }

  onChange(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#commits.close();
    this.#stopTidy();
    this.#reader.close();
    this.#writer.close();
  }

  #committed(runs: readonly string[]): void {
    const changes = this.#totalChanges();
    if (changes === this.#changes) return;
    this.#changes = changes;
    this.#options.afterCommit?.(++this.#count);
    this.#stopTidy();
    this.#stopTidy = this.#options.clock.after(TIDY_MS, () => this.#tidy());
    if (runs.length > 0) for (const listener of this.#listeners) listener(runs);
  }

  #tidy(): void {
    try {
      this.#writer.exec("pragma wal_checkpoint(truncate)");
    } catch (error) {
      if (troubleOf(error) === undefined) throw error;
    }
  }

  #totalChanges(): number {
    return Number(this.#writer.ask("select total_changes()"));
  }
}
