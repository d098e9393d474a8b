/** The names most like a word that is none of them, the likest first; empty where nothing is like it. */
export function nearest(word: string, names: Iterable<string>, most = 3): string[] {
  const wanted = plain(word);
  return [...new Set(names)]
    .map((name) => ({ name, far: distance(wanted, plain(name)) }))
    .filter(({ name, far }) => far <= Math.max(2, Math.min(wanted.length, name.length) / 3) || holds(wanted, name))
    .sort((a, b) => a.far - b.far || (a.name < b.name ? -1 : 1))
    .slice(0, most)
    .map(({ name }) => name);
}

const LONGEST = 60;
const plain = (name: string): string =>
  name
    .slice(0, LONGEST)
    .toLowerCase()
    .replaceAll(/[-_\s]+/g, "_");

/** One name is a good part of the other, as `usd` is of `max_usd`. */
function holds(wanted: string, name: string): boolean {
  const other = plain(name);
  return (wanted.length >= 3 && other.includes(wanted)) || (other.length >= 3 && wanted.includes(other));
}

/** How many letters must be changed, added, dropped or swapped to come from one word to the other. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row.push(
        Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, changed, swapped ? (before[j - 2] ?? 0) + 1 : changed),
      );
    }
    before = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
