import { keyAllowed } from "../key-grants.ts";
import { type Row, sql, type Tx } from "../statement.ts";
import type { WordSearch } from "../word-search.ts";

/** The words of what is remembered, and no words of what no longer is. Made where it is not there. */
export const MEMORY_WORDS = `
create virtual table if not exists memory_words using fts5(
  caller unindexed, key, body, tokenize = "unicode61 remove_diacritics 2", prefix = '2 3'
);
insert into memory_words (memory_words, rank) values ('secure-delete', 1);
`;

/** A key that says it counts for more than a text that mentions it. */
const FIND = `
select memories.*, snippet(memory_words, 2, '[', ']', '…', 16) as snippet
from memory_words join memories on memories.number = memory_words.rowid
where memory_words match $1 and memories.caller = $2 and memories.state = 'kept'
  and (memories.expires_at is null or memories.expires_at > $3) and ${keyAllowed("memories.key", "$4")}
order by bm25(memory_words, 0, 4, 1), memories.number desc limit $5`;

/** Full-text search by FTS5. */
export const memoryWords: WordSearch = {
  *put({ number, caller, key, text }) {
    yield sql("insert into memory_words (rowid, caller, key, body) values ($1, $2, $3, $4)", number, caller, key, text);
  },
  *drop(number) {
    yield sql("delete from memory_words where rowid = $1", number);
  },
  *find({ caller, query, keys, limit, now }): Tx<readonly Row[]> {
    const words = wordsOf(query);
    if (words.length === 0) return [];
    for (const all of [words.join(" "), words.join(" OR ")]) {
      const found = yield sql(FIND, all, caller, now, JSON.stringify(keys), limit);
      if (found.length > 0) return found;
    }
    return [];
  },
};

const MOST_WORDS = 32;

/** Each word in quotes, in which nothing is an operator; one that ends in `*` stands for all that begin so. */
function wordsOf(query: string): string[] {
  const said = query.toWellFormed().replaceAll(/["\0]/g, " ").split(/\s+/);
  return said
    .filter((word) => /[\p{L}\p{N}]/u.test(word))
    .slice(0, MOST_WORDS)
    .map((word) => (word.endsWith("*") ? `"${word.replace(/\*+$/, "")}"*` : `"${word}"`));
}
