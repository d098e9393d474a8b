import { type BigIntStats, type Dirent, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

const MAX_FILES = 2000;
const MAX_FOLDERS = 500;
const MAX_DEPTH = 8;

const UNSETTLED_MS = 50n;
let looks = 0;

/**
 * What tells one state of a file or folder from another without reading it; undefined where there is none.
 * What was written a moment ago may be written again before its times show it: its stamp is never the same twice.
 */
export function stampOf(path: string): string | undefined {
  const stat = statOf(path);
  if (!stat) return undefined;
  const age = BigInt(Date.now()) - stat.mtimeMs;
  const unsettled = age < UNSETTLED_MS && age > -UNSETTLED_MS;
  return `${stat.mtimeNs}:${stat.ctimeNs}:${stat.size}:${stat.ino}${unsettled ? `:${++looks}` : ""}`;
}

function statOf(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** The files of a folder and of the folders in it that are wanted, by name; `entered` is told of each folder before it is read. */
export function filesIn(
  root: string,
  isWanted: (name: string) => boolean,
  entered: (folder: string) => void,
): string[] {
  const files: string[] = [];
  let folders = 0;
  const walk = (folder: string, depth: number): void => {
    if (++folders > MAX_FOLDERS) return;
    entered(folder);
    for (const entry of entriesOf(folder)) {
      const path = join(folder, entry.name);
      const kind = kindOf(entry, path);
      if (kind === "file" && isWanted(entry.name) && files.length < MAX_FILES) files.push(path);
      if (kind === "folder" && depth < MAX_DEPTH && !SKIPPED.test(entry.name)) walk(path, depth + 1);
    }
  };
  walk(root, 0);
  return files;
}

const SKIPPED = /^(\..*|node_modules)$/;

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch {
    return [];
  }
}

/** A link to a file counts as that file; a link to a folder is not followed, since it may lead in a circle. */
function kindOf(entry: Dirent, path: string): "file" | "folder" | "other" {
  if (entry.isDirectory()) return "folder";
  return entry.isFile() || (entry.isSymbolicLink() && statOf(path)?.isFile()) ? "file" : "other";
}

export type FileText = { readonly text: string } | { readonly problem: string };

/** The text of a file, or why it cannot be had. */
export function textOf(path: string, { what, most }: { readonly what: string; readonly most: number }): FileText {
  try {
    const { size } = statSync(path);
    if (size > most) return { problem: `it has ${size} bytes; ${what} has at most ${most}` };
    const text = new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path));
    return text.includes("\0") ? { problem: NO_TEXT } : { text };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : NO_UTF8;
    return { problem: code === NO_UTF8 ? NO_TEXT : `it cannot be read (${code})` };
  }
}

const NO_TEXT = "it is not UTF-8 text";
const NO_UTF8 = "ERR_ENCODING_INVALID_ENCODED_DATA";
