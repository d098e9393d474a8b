import { relative, sep } from "node:path";
import { z } from "zod";
import { openAllowed, readAtMost } from "../../files/allowed.ts";
import { globPattern } from "./glob-pattern.ts";
import { below, isFolder, type Place, placesOf } from "./places.ts";
import { isBinary, shortened } from "./read.ts";
import { Search } from "./search.ts";
import { builtIn, type Reach } from "./tool.ts";
import { filesBelow, type Walk } from "./walk.ts";

const MOST_BYTES = 2 * 1024 * 1024;
const HITS = 100;

const Wish = z.strictObject({
  pattern: z.string().min(1).max(1000).describe("A regular expression of JavaScript, tried on each line."),
  path: z.string().min(1).max(4096).optional().describe("A file or folder; without it, all allowed folders."),
  glob: z.string().min(1).max(500).optional().describe("Only files whose paths fit, such as **/*.ts."),
  ignore_case: z.boolean().optional(),
  context: z.int().min(0).max(10).optional().describe("So many lines before and after each hit."),
  max: z.int().positive().max(1000).optional().describe(`The most hits; ${HITS} where nothing is said.`),
});
type Wish = z.output<typeof Wish>;

/** Finds lines in files. */
export const grep = builtIn({
  name: "grep",
  description:
    "Finds lines that fit a regular expression in text files inside the allowed folders: path:line: text. Links, .git, node_modules, binary files and files above 2 MB are left out.",
  input: Wish,
  seconds: 60,
  needs: "folders",
  async run(wish, { folders }, signal) {
    const search = new Search(wish.pattern, wish.ignore_case ? "iu" : "u", signal);
    try {
      return await searched(wish, search, folders, signal);
    } finally {
      await search.close();
    }
  },
});

async function searched(wish: Wish, search: Search, folders: Reach["folders"], signal: AbortSignal): Promise<string> {
  const { max = HITS, context = 0 } = wish;
  const walk: Walk = { cut: false };
  const found: string[] = [];
  let left = max;
  let skipped = 0;
  for await (const { file, shown } of filesOf(wish, folders, walk, signal)) {
    const text = await textOf(file, folders);
    if (text === undefined) skipped++;
    const hits = text === undefined ? [] : await search.lines(text, left);
    if (text !== undefined && hits.length > 0) found.push(told(shown, text.split(/\r?\n/), hits, context));
    left -= hits.length;
    if (left <= 0) break;
  }
  const notes = [
    ...(left <= 0 ? [`[${max} hits; there may be more: ask for a narrower pattern, or more with max]`] : []),
    ...(skipped > 0 ? [`[${skipped} files were left out: too large, or no text]`] : []),
    ...(walk.cut ? ["[there are too many files; not all were looked at]"] : []),
  ];
  return [...(found.length > 0 ? found : ["[nothing fits]"]), ...notes].join(context > 0 ? "\n--\n" : "\n");
}

async function* filesOf({ path, glob }: Wish, folders: Reach["folders"], walk: Walk, signal: AbortSignal) {
  const fits = glob === undefined ? () => true : globPattern(glob);
  for (const place of await placesOf(path, folders)) {
    if (!(await isFolder(place.real))) {
      yield { file: place.real, shown: place.shown };
      continue;
    }
    for await (const file of filesBelow(place.real, walk, signal))
      if (fits(inner(place, file))) yield { file, shown: below(place, file) };
  }
}

const inner = ({ real }: Place, file: string): string => relative(real, file).split(sep).join("/");

/** Opened as any file is, so that nothing that changes meanwhile leads out of the folders. */
async function textOf(path: string, folders: Reach["folders"]): Promise<string | undefined> {
  const opened = await openAllowed(path, folders).catch(() => undefined);
  if (!opened) return undefined;
  const { file, size } = opened;
  try {
    if (size > MOST_BYTES) return undefined;
    const bytes = await readAtMost(file, size);
    return isBinary(bytes) ? undefined : new TextDecoder().decode(bytes);
  } finally {
    await file.close();
  }
}

function told(shown: string, lines: readonly string[], hits: readonly number[], context: number): string {
  const isHit = new Set(hits);
  const wanted = new Set(hits.flatMap((hit) => Array.from({ length: 2 * context + 1 }, (_, i) => hit - context + i)));
  const numbers = [...wanted].filter((n) => n >= 0 && n < lines.length).sort((a, b) => a - b);
  return numbers
    .map((n, i) => {
      const gap = i > 0 && numbers[i - 1] !== n - 1 && context > 0 ? "--\n" : "";
      return `${gap}${shown}:${n + 1}${isHit.has(n) ? ":" : "-"} ${shortened(lines[n] ?? "")}`;
    })
    .join("\n");
}
