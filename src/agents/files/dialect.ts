import { CLAUDE } from "./dialects/claude.ts";
import { CODEX } from "./dialects/codex.ts";
import { COPILOT } from "./dialects/copilot.ts";
import { CURSOR } from "./dialects/cursor.ts";
import { GEMINI } from "./dialects/gemini.ts";
import { OPENCODE } from "./dialects/opencode.ts";
import { OWN } from "./dialects/own.ts";
import type { Dialect, Meaning, Means } from "./words.ts";

const DIALECTS: readonly Dialect[] = [CLAUDE, COPILOT, CURSOR, GEMINI, OPENCODE, CODEX];

/**
 * Whose file this is: by its folder, else by its ending, else by the fields that no other format has. A file that
 * nothing tells is in our own words.
 */
export function dialectOf(path: string, keys: readonly string[]): Dialect {
  const way = `/${path.replaceAll("\\", "/").toLowerCase()}`;
  const byFolder = DIALECTS.find(({ folders }) => folders.some((folder) => way.includes(`/${folder}/`)));
  if (byFolder) return byFolder;
  if (/\.toml$/.test(way)) return CODEX;
  if (/\.(agent|chatmode)\.md$/.test(way)) return COPILOT;
  const counts = DIALECTS.map((dialect) => keys.filter((key) => has(dialect.fields, key)).length);
  const most = Math.max(...counts);
  return (most > 0 && DIALECTS[counts.indexOf(most)]) || OWN;
}

/** What a field means; undefined where no format knows it. */
export function meaningOf(key: string, { fields }: Dialect): Meaning | undefined {
  const tables = [fields, OWN.fields, ...DIALECTS.map((one) => one.fields)];
  return tables.find((table) => has(table, key))?.[key];
}

/** What a tool of this name lets its agent do; undefined where no host has one. */
export function meansOf(tool: string, { tools }: Dialect): readonly Means[] | undefined {
  const name = tool.toLowerCase();
  const tables = [tools, ...DIALECTS.map((one) => one.tools)];
  return tables.find((table) => has(table, name))?.[name];
}

/** Every field that is known in some format. */
export const KNOWN_FIELDS: readonly string[] = [
  ...new Set([OWN, ...DIALECTS].flatMap(({ fields }) => Object.keys(fields))),
];

const has = (table: object, key: string): boolean => Object.hasOwn(table, key);
