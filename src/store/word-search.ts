import type { Row, Tx } from "./statement.ts";

/** What is to be found by its words. */
interface Indexed {
  readonly number: number;
  readonly caller: string;
  readonly key: string;
  readonly text: string;
}

interface Sought {
  readonly caller: string;
  readonly query: string;
  /** Keys that may be told, exact or with `*` at their end. */
  readonly keys: readonly string[];
  readonly limit: number;
  readonly now: number;
}

/** Search by words, as one kind of database does it. */
export interface WordSearch {
  put(entry: Indexed): Tx<void>;
  drop(number: number): Tx<void>;
  /** Rows of `memories` with their `snippet`, the best first. */
  find(sought: Sought): Tx<readonly Row[]>;
}
