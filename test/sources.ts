import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** The root of this clone. */
export const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** One thing that a file imports: a library, or another file of ours by its path in src. */
interface Import {
  readonly from: string;
  readonly isOurs: boolean;
  /** Only its types are wanted: nothing is loaded. */
  readonly isType: boolean;
}

/** One file of src, read as text. */
export interface Source {
  /** Its path in src: `run/play.ts`. */
  readonly path: string;
  /** The folder it lies in; a file of src itself is its own room. */
  readonly room: string;
  readonly text: string;
  /** The text without comments and without what stands in double quotes. */
  readonly code: string;
  readonly lines: number;
  readonly imports: readonly Import[];
}

function filesIn(folder: string): string[] {
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true });
  return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
}

function read(file: string): Source {
  const path = relative(join(ROOT, "src"), file).replaceAll("\\", "/");
  const text = readFileSync(file, "utf8");
  const [first = path] = path.split("/", 1);
  return {
    path,
    room: first,
    text,
    code: codeOf(text),
    lines: text.split("\n").length - 1,
    imports: importsOf(path, text),
  };
}

const codeOf = (text: string): string =>
  text
    .replace(/"(?:\\.|[^"\\\n])*"/g, '""')
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/(^|\s)\/\/.*$/gm, "$1");

const STATIC = /^(?:import|export)\s+(type\s+)?(?:([^"';]*?)\s*from\s*)?"([^"]+)"/gm;
const LAZY = /\bimport\(\s*"([^"]+)"/g;

function importsOf(path: string, text: string): Import[] {
  const fixed = [...text.matchAll(STATIC)].map(([, type, names = "", from = ""]) =>
    imported(path, from, type !== undefined || onlyTypes(names)),
  );
  const lazy = [...text.matchAll(LAZY)].map(([, from = ""]) => imported(path, from, false));
  return [...fixed, ...lazy];
}

/** `{ type A, type B }` */
const onlyTypes = (names: string): boolean => /^\{(\s*type\s[^,}]+,?)+\s*\}$/.test(names);

function imported(path: string, from: string, isType: boolean): Import {
  if (!from.startsWith(".")) return { from, isOurs: false, isType };
  return { from: join(dirname(path), from).replaceAll("\\", "/"), isOurs: true, isType };
}

/** Every file of src. */
export const sources: readonly Source[] = filesIn(join(ROOT, "src")).map(read);
