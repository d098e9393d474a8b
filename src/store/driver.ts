import type { Failure } from "../core/errors.ts";
import type { Group } from "./group.ts";
import type { Tx } from "./statement.ts";
import type { WordSearch } from "./word-search.ts";

/** When a transaction is played: the store's clock, and a monotonic one of this process. */
export interface Moment {
  readonly now: number;
  readonly mono: number;
  /** What it shares with others of its commit; only where its job allows that. */
  readonly group?: Group;
}

export interface Job<T> {
  readonly tx: (at: Moment) => Tx<T>;
  /** Leaves to its group what others of the same commit would read or write again. All else begins with that written. */
  readonly shares?: boolean;
  /** Somebody's new wish, refused at once while the store cannot write; all else is kept and tried again. */
  readonly fresh?: boolean;
  /** The runs that a result has changed. */
  readonly touched?: (result: T) => readonly string[];
}

/** A database that plays transactions. */
export interface Driver {
  /** Plays a transaction that only reads, on what is committed. */
  read<T>(tx: (at: Moment) => Tx<T>): Promise<T>;
  /** Plays a transaction; resolves when it is durable. The order of calls is the order of commits. */
  write<T>(job: Job<T>): Promise<T>;
  /** How it finds words. */
  readonly words: WordSearch;
  /** Why nothing can be written now. */
  readonly ailing: Failure | undefined;
  /** Changes with every commit of somebody else. */
  others(): number;
  onChange(listener: (runs: readonly string[]) => void): () => void;
  close(): Promise<void>;
}
