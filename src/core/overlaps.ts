/** Something that is chosen by what is said of it. */
interface Described {
  readonly name: string;
  readonly description: string;
}

/** From here on two descriptions say nearly the same. */
const NEARLY = 0.6;
const FEWEST_WORDS = 3;

/** Words that say nothing of what somebody is for. */
const EMPTY = new Set(
  "a an and any are as at be by for from has have if in into is it its not of on one or out so such than that the their them then this to use used when where which who whom with you your".split(
    " ",
  ),
);

/**
 * By name, those whose descriptions say nearly the same: more than half of the words, and of the pairs of words, that
 * either has are in both.
 */
export function overlaps(all: readonly Described[]): ReadonlyMap<string, readonly string[]> {
  const shingled = all.map(({ name, description }) => ({ name, shingles: shinglesOf(description) }));
  const found = new Map<string, string[]>();
  const put = (name: string, other: string) => found.set(name, [...(found.get(name) ?? []), other]);
  for (const [at, one] of shingled.entries())
    for (const other of shingled.slice(at + 1)) {
      if (one.name === other.name || likeness(one.shingles, other.shingles) < NEARLY) continue;
      put(one.name, other.name);
      put(other.name, one.name);
    }
  return found;
}

function shinglesOf(text: string): ReadonlySet<string> {
  const words = (text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).filter((word) => !EMPTY.has(word)).map(stem);
  if (words.length < FEWEST_WORDS) return new Set();
  return new Set([...words, ...words.slice(1).map((word, at) => `${words[at]} ${word}`)]);
}

/** "reviews" and "reviewing" are the same work. */
const stem = (word: string): string => word.replace(/(?<=\w{3})(ing|ers|er|es|ed|s)$/, "");

/** What two sets share, of all that either has. */
function likeness(one: ReadonlySet<string>, other: ReadonlySet<string>): number {
  if (one.size === 0 || other.size === 0) return 0;
  // Sets that differ so much in size cannot be alike.
  if (Math.min(one.size, other.size) / Math.max(one.size, other.size) < NEARLY) return 0;
  let shared = 0;
  for (const shingle of one) if (other.has(shingle)) shared++;
  return shared / (one.size + other.size - shared);
}
