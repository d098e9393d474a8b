/** What a column holds. */
export type Cell = string | number | null;
export type Row = Readonly<Record<string, Cell>>;

/** One statement with `$1`-style parameters. */
export interface Statement {
  readonly sql: string;
  readonly args: readonly Cell[];
}

/**
 * A transaction as a generator of statements: it knows SQL and no database. A driver answers each statement with its
 * rows, at once or later, and commits when the generator returns. It may be played again from its start, so it must
 * change nothing but the database.
 *
 * The SQL is one text for every driver. What SQLite does not know stands in a comment that begins with `pg:`; a driver
 * for Postgres uncovers it, strips `without rowid`, and gives `json_each` its own meaning.
 */
export type Tx<T> = Generator<Statement, T, readonly Row[]>;

export const sql = (text: string, ...args: readonly Cell[]): Statement => ({ sql: text, args });

/** The first row of a statement. */
export function* first(statement: Statement): Tx<Row | undefined> {
  return (yield statement)[0];
}

export function text(row: Row, column: string): string {
  const cell = row[column];
  if (typeof cell !== "string") throw new TypeError(`column ${column} holds no text`);
  return cell;
}

export function int(row: Row, column: string): number {
  const cell = row[column];
  if (typeof cell !== "number") throw new TypeError(`column ${column} holds no number`);
  return cell;
}

export const flag = (row: Row, column: string): boolean => row[column] === 1;
export const bit = (yes: boolean | undefined): number => (yes ? 1 : 0);
export const maybeText = (row: Row, column: string): string | undefined =>
  row[column] === null ? undefined : text(row, column);
export const maybeInt = (row: Row, column: string): number | undefined =>
  row[column] === null ? undefined : int(row, column);

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** The same object without its undefined properties. */
export function present<T extends object>(thing: T): Present<T> {
  return Object.fromEntries(Object.entries(thing).filter(([, value]) => value !== undefined)) as Present<T>;
}
