import { Failure } from "../core/errors.ts";
import type { Author, MemoryHit, MemoryList, MemorySettings, MemoryWrite, Remembered } from "../core/memory.ts";
import { memoryJson } from "../core/memory.ts";
import { keyAllowed } from "./key-grants.ts";
import { type Cell, first, int, maybeInt, maybeText, present, type Row, sql, type Tx, text } from "./statement.ts";
import type { WordSearch } from "./word-search.ts";

/** What memory rests on: its limits, and how its words are found. */
export interface MemoryRoom {
  readonly limits: MemorySettings;
  readonly words: WordSearch;
}

const DAY = 86_400_000;
/** What was forgotten, or is one version too many, is gone for good after so long. */
const AFTERLIFE = 30 * DAY;
const SWEPT_AT_ONCE = 200;

const LIVES = "(expires_at is null or expires_at > $1)";

/** Writes a new version of what stands under a key. */
export function* write(caller: string, wish: MemoryWrite, { limits, words }: MemoryRoom, now: number): Tx<Remembered> {
  yield* sweep(words, now);
  const before = yield* writtenBefore(caller, wish.once);
  if (before) return before;
  const { json, bytes } = memoryJson(wish.key, wish.value);
  yield* requireRoom(caller, bytes, limits);
  const days = wish.ttl_days ?? limits.keep_days;
  const row = yield* append(caller, wish, words, now, {
    state: "kept",
    value: json,
    bytes,
    expires_at: days === undefined ? null : now + Math.ceil(days * DAY),
  });
  const { value } = wish;
  yield* words.put({
    number: int(row, "number"),
    caller,
    key: wish.key,
    text: typeof value === "string" ? value.toWellFormed() : json,
  });
  yield* outdate(caller, wish.key, int(row, "version") - limits.most_versions, now);
  return rememberedOf(row);
}

function* writtenBefore(caller: string, once: string | undefined): Tx<Remembered | undefined> {
  if (once === undefined) return undefined;
  const row = yield* first(sql("select * from memories where caller = $1 and once = $2", caller, once));
  return row && rememberedOf(row);
}

function* requireRoom(caller: string, bytes: number, { most_bytes }: MemorySettings): Tx<void> {
  const row = yield* first(sql("select coalesce(sum(bytes), 0) as bytes from memories where caller = $1", caller));
  const had = row ? int(row, "bytes") : 0;
  if (had + bytes <= most_bytes) return;
  throw new Failure(
    "TOO_LARGE",
    `the memory of this caller holds ${had} bytes, and ${bytes} more are above the most of ${most_bytes}`,
    { hint: "Forget with purge what is no longer needed (manage_memory), or raise the setting `memory.most_bytes`." },
  );
}

interface Content {
  readonly state: Remembered["state"];
  readonly value: string | null;
  readonly bytes: number;
  readonly expires_at: number | null;
}

/** The next version of a key; the one before it is found by its words no more. */
function* append(
  caller: string,
  { key, by, once }: Pick<MemoryWrite, "key" | "by" | "once">,
  words: WordSearch,
  now: number,
  { state, value, bytes, expires_at }: Content,
): Tx<Row> {
  const before = yield sql(
    "update memories set latest = 0 where caller = $1 and key = $2 and latest = 1 returning number",
    caller,
    key,
  );
  for (const row of before) yield* words.drop(int(row, "number"));
  const rows = yield sql(
    `insert into memories (number, caller, key, version, latest, state, value, bytes, run, place, agent, once, at, expires_at)
     values ((select coalesce(max(number), 0) + 1 from memories), $1, $2,
       (select coalesce(max(version), 0) + 1 from memories where caller = $1 and key = $2),
       1, $3, $4, $5, $6, $7, $8, $9, $10, $11)
     returning *`,
    caller,
    key,
    state,
    value,
    bytes,
    by.run ?? null,
    by.place ?? null,
    by.agent ?? null,
    once ?? null,
    now,
    expires_at,
  );
  const [row] = rows;
  if (!row) throw new Error(`nothing was remembered under ${key}`);
  return row;
}

/** Erases the contents of versions up to one; who wrote them when is known for a while. */
function* outdate(caller: string, key: string, upTo: number, now: number): Tx<void> {
  yield sql(
    `update memories set state = 'erased', value = null, bytes = 0, expires_at = $4
     where caller = $1 and key = $2 and version <= $3 and state = 'kept'`,
    caller,
    key,
    upTo,
    now + AFTERLIFE,
  );
}

/** Removes what has expired: with what stands under a key now, all that stood there before. */
export function* sweep(words: WordSearch, now: number): Tx<void> {
  const due = yield sql(
    "select caller, key, number, latest from memories where expires_at <= $1 limit $2",
    now,
    SWEPT_AT_ONCE,
  );
  for (const row of due) {
    yield* words.drop(int(row, "number"));
    const [caller, key] = [text(row, "caller"), text(row, "key")];
    if (int(row, "latest") === 1) yield sql("delete from memories where caller = $1 and key = $2", caller, key);
    else yield sql("delete from memories where number = $1", int(row, "number"));
  }
}

export function* read(
  caller: string,
  key: string,
  version: number | undefined,
  now: number,
): Tx<Remembered | undefined> {
  const which = version === undefined ? "latest = 1 and state = 'kept'" : "version = $4";
  const row = yield* first(
    sql(
      `select * from memories where ${LIVES} and caller = $2 and key = $3 and ${which}`,
      now,
      caller,
      key,
      ...(version === undefined ? [] : [version]),
    ),
  );
  return row && rememberedOf(row);
}

export function* search(
  caller: string,
  asked: { readonly query: string; readonly keys: readonly string[]; readonly limit: number },
  words: WordSearch,
  now: number,
): Tx<readonly MemoryHit[]> {
  const rows = yield* words.find({ caller, ...asked, now });
  return rows.map((row) => {
    const { key, version, at, by } = rememberedOf(row);
    return { key, version, at, by, snippet: text(row, "snippet") };
  });
}

export function* list(
  caller: string,
  { prefix = "", keys, limit, after = "" }: { prefix?: string; keys: readonly string[]; limit: number; after?: string },
  now: number,
): Tx<MemoryList> {
  const rows = yield sql(
    `select * from memories where ${LIVES} and caller = $2 and latest = 1 and state = 'kept' and key > $3
       and substr(key, 1, length($4)) = $4 and ${keyAllowed("memories.key", "$5")}
     order by key limit $6`,
    now,
    caller,
    after,
    prefix,
    JSON.stringify(keys),
    limit + 1,
  );
  const entries = rows.slice(0, limit).map(rememberedOf);
  const last = rows.length > limit ? entries.at(-1) : undefined;
  return { entries, ...(last && { next: last.key }) };
}

export function* history(caller: string, key: string, now: number): Tx<readonly Remembered[]> {
  const rows = yield sql(
    `select * from memories where ${LIVES} and caller = $2 and key = $3 order by version desc`,
    now,
    caller,
    key,
  );
  return rows.map(rememberedOf);
}

/** Writes that nothing stands under a key any more. */
export function* forget(
  caller: string,
  key: string,
  by: Author,
  once: string | undefined,
  words: WordSearch,
  now: number,
): Tx<Remembered | undefined> {
  const before = yield* writtenBefore(caller, once);
  if (before || !(yield* read(caller, key, undefined, now))) return before;
  const gone = now + AFTERLIFE;
  yield sql(
    `update memories set expires_at = $3 where caller = $1 and key = $2 and (expires_at is null or expires_at > $3)`,
    caller,
    key,
    gone,
  );
  const wish = { key, by, ...(once !== undefined && { once }) };
  return rememberedOf(
    yield* append(caller, wish, words, now, { state: "forgotten", value: null, bytes: 0, expires_at: gone }),
  );
}

/** Forgets a key, and erases what all its versions held. */
export function* purge(caller: string, key: string, by: Author, words: WordSearch, now: number): Tx<number> {
  yield* forget(caller, key, by, undefined, words, now);
  const erased = yield sql(
    `update memories set state = 'erased', value = null, bytes = 0 where caller = $1 and key = $2 and state = 'kept'
     returning number`,
    caller,
    key,
  );
  return erased.length;
}

function rememberedOf(row: Row): Remembered {
  const value: Cell | undefined = row["value"];
  return {
    key: text(row, "key"),
    version: int(row, "version"),
    state: text(row, "state") as Remembered["state"],
    ...(typeof value === "string" && { value: JSON.parse(value) as unknown }),
    bytes: int(row, "bytes"),
    caller: text(row, "caller"),
    by: present({ run: maybeText(row, "run"), place: maybeText(row, "place"), agent: maybeText(row, "agent") }),
    at: int(row, "at"),
    ...present({ expires_at: maybeInt(row, "expires_at") }),
  };
}
