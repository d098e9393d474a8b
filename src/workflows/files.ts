import { type BigIntStats, type Dirent, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

const MAX_BYTES = 2_000_000;
const MAX_FILES = 2000;
const MAX_FOLDERS = 500;
const MAX_DEPTH = 8;

const UNSETTLED_MS = 50n;
let looks = 0;

/**
 * What tells one state of a file or folder from another without reading it; undefined where there is none. What was
 * written a moment ago may be written again before its times show it: its stamp is never the same twice.
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

/** Whether a file is called as a workflow's is. */
export const isWorkflowFile = (path: string): boolean => /\.(ya?ml|json)$/i.test(path);

/** All files of a folder, and of the folders in it, that are called as workflows are; `entered` is told of each folder. */
export function workflowFilesIn(root: string, entered: (folder: string) => void): string[] {
  const files: string[] = [];
  let folders = 0;
  const walk = (folder: string, depth: number): void => {
    if (++folders > MAX_FOLDERS) return;
    entered(folder);
    for (const entry of entriesOf(folder)) {
      const path = join(folder, entry.name);
      if (entry.isDirectory() && depth < MAX_DEPTH && !SKIPPED.test(entry.name)) walk(path, depth + 1);
      if (isWorkflowFile(path) && isFile(entry, path) && files.length < MAX_FILES) files.push(path);
    }
  };
  walk(root, 0);
  return files;
}

const SKIPPED = /^(\..*|node_modules)$/;

/** A link to a file counts as that file; a link to a folder is not followed, since it may lead in a circle. */
const isFile = (entry: Dirent, path: string): boolean =>
  entry.isFile() || (entry.isSymbolicLink() && (statOf(path)?.isFile() ?? false));

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch {
    return [];
  }
}

/** The text of a file, or why it cannot be a workflow's. */
export function textOf(path: string): { readonly text: string } | { readonly problem: string } {
  try {
    const { size } = statSync(path);
    if (size > MAX_BYTES) return { problem: `it has ${size} bytes; a workflow's file has at most ${MAX_BYTES}` };
    const text = new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path));
    return text.includes("\0") ? { problem: NO_TEXT } : { text };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : NO_UTF8;
    return { problem: code === NO_UTF8 ? NO_TEXT : `it cannot be read (${code})` };
  }
}

const NO_UTF8 = "ERR_ENCODING_INVALID_ENCODED_DATA";
const NO_TEXT = "it is not UTF-8 text";
