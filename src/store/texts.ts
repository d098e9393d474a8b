import { textHash } from "../core/fingerprint.ts";
import type { AttemptInput } from "../core/store.ts";
import { type Cell, maybeText, present, type Row, sql, type Tx, text } from "./statement.ts";

/** Values whose JSON is no longer than this stand where they are used. */
const INLINE = 160;
const DAY = 86_400_000;

/** Bodies of texts by their hash. */
export type Texts = ReadonlyMap<string, string>;

/** What a column holds for a value; a long one is written to the texts. */
export function* keep(value: unknown, now: number): Tx<string | null> {
  const json = value === undefined ? undefined : JSON.stringify(value);
  if (json === undefined) return null;
  if (json.length <= INLINE) return json;
  return typeof value === "string" && isPlain(value)
    ? `@${yield* keepText(value, now)}`
    : `#${yield* keepText(json, now)}`;
}

/** Databases keep neither NUL nor half a character; JSON escapes both. */
const isPlain = (value: string): boolean => value.isWellFormed() && !value.includes("\0");

/** Keeps a text under its hash. */
export function* keepText(body: string, now: number): Tx<string> {
  const hash = textHash(body);
  yield sql(
    `insert into texts (hash, body, used_at) values ($1, $2, $3)
     on conflict (hash) do update set used_at = excluded.used_at where texts.used_at < excluded.used_at - ${DAY}`,
    hash,
    body,
    now,
  );
  return hash;
}

const pinned = new WeakMap<object, { readonly body: string; readonly hash: string }>();

/** Keeps a large thing that many runs share; the same object is written out once. */
export function* keepShared(thing: object, now: number): Tx<string> {
  const known = pinned.get(thing) ?? written(thing);
  const [there] = yield sql("select used_at from texts where hash = $1", known.hash);
  if (there && Number(there["used_at"]) >= now - DAY) return known.hash;
  return yield* keepText(known.body, now);
}

function written(thing: object): { readonly body: string; readonly hash: string } {
  const body = JSON.stringify(thing);
  const made = { body, hash: textHash(body) };
  pinned.set(thing, made);
  return made;
}

/** What a column holds for a question: each of its texts by itself, so that what is said again is kept once. */
export function* keepInput(input: AttemptInput, now: number): Tx<string> {
  const cells: (string | null)[] = [yield* keep(input.system, now), yield* keep(input.shape, now)];
  for (const { role, content, ...more } of input.messages)
    if (Object.keys(more).length === 0) cells.push(role, yield* keep(content, now));
    else cells.push(WHOLE, yield* keep({ role, content, ...more }, now));
  const { after, tools } = input;
  if (after !== undefined || tools) cells.push(BESIDE, yield* keep({ after, tools }, now));
  return JSON.stringify(cells);
}

/** What stands in the place of a role where the cell behind it is a whole message, or what stands beside all messages. */
const WHOLE = "*";
const BESIDE = "+";

/** The texts that these cells refer to. */
export function* fetchTexts(cells: Iterable<Cell | undefined>): Tx<Texts> {
  const hashes = new Set<string>();
  for (const cell of cells) if (typeof cell === "string" && /^[@#]/.test(cell)) hashes.add(cell.slice(1));
  if (hashes.size === 0) return new Map();
  const found = yield sql(
    "select hash, body from texts where hash in (select value from json_each($1))",
    JSON.stringify([...hashes]),
  );
  return new Map(found.map((row) => [text(row, "hash"), text(row, "body")]));
}

/** The value that a column holds. */
export function unpack(cell: Cell | undefined, texts: Texts): unknown {
  if (typeof cell !== "string") return undefined;
  if (cell.startsWith("@")) return bodyOf(cell, texts);
  return JSON.parse(cell.startsWith("#") ? bodyOf(cell, texts) : cell);
}

function bodyOf(cell: string, texts: Texts): string {
  const body = texts.get(cell.slice(1));
  if (body === undefined) throw new Error(`the text ${cell.slice(1)} is gone from the store`);
  return body;
}

export const inputCells = (row: Row): readonly Cell[] => JSON.parse(text(row, "asked")) as Cell[];

/** The question that `keepInput` has kept. */
export function inputOf(row: Row, texts: Texts): AttemptInput {
  const [system, shape, ...said] = inputCells(row);
  const messages: AttemptInput["messages"][number][] = [];
  let beside: Pick<AttemptInput, "after" | "tools"> = {};
  for (let i = 0; i + 1 < said.length; i += 2) {
    const value = unpack(said[i + 1], texts);
    if (said[i] === BESIDE) beside = value as typeof beside;
    else if (said[i] === WHOLE) messages.push(value as (typeof messages)[number]);
    else messages.push({ role: said[i] === "assistant" ? "assistant" : "user", content: String(value) });
  }
  return {
    system: String(unpack(system, texts)),
    messages,
    ...beside,
    ...present({ shape: unpack(shape, texts), shape_version: maybeText(row, "shape_version") }),
  };
}
