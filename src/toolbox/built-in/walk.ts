import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";

/** Nobody looks for anything here. */
const SKIPPED = new Set([".git", "node_modules"]);
const MOST_ENTRIES = 50_000;
const DEEPEST = 40;

/** How a walk ended, for whoever must say that it did not see all. */
export interface Walk {
  /** It was too much: the rest was not looked at. */
  cut: boolean;
}

/** The plain files below a folder, by name. No link is followed; `.git` and `node_modules` are left out. */
export async function* filesBelow(folder: string, walk: Walk, signal: AbortSignal): AsyncGenerator<string> {
  const open: { path: string; depth: number }[] = [{ path: folder, depth: 0 }];
  let seen = 0;
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    signal.throwIfAborted();
    const { path, depth } = at;
    const inner: typeof open = [];
    for (const entry of await entriesOf(path)) {
      if (++seen > MOST_ENTRIES) {
        walk.cut = true;
        return;
      }
      if (entry.isFile()) yield join(path, entry.name);
      if (entry.isDirectory() && !SKIPPED.has(entry.name) && depth < DEEPEST)
        inner.push({ path: join(path, entry.name), depth: depth + 1 });
    }
    open.push(...inner.reverse());
  }
}

/** What stands in a folder, by name; nothing where it cannot be read. */
export async function entriesOf(folder: string): Promise<Dirent[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((): Dirent[] => []);
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}
