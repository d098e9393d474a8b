import { createRequire } from "node:module";
import type { Where, YamlText } from "../../core/yaml-text.ts";

type Toml = typeof import("smol-toml");

const require = createRequire(import.meta.url);
let toml: Toml | undefined;

/** The reader of TOML, loaded when the first such file is met. */
function reader(): Toml {
  toml ??= require("smol-toml") as Toml;
  return toml;
}

const START: Where = { line: 1, column: 1 };

/** Reads a TOML text as data, with what is wrong with it and where everything stands. It never throws. */
export function readToml(text: string): YamlText {
  const plain = text.replace(/^\uFEFF/, "");
  const places = placesIn(plain);
  const where = (path: readonly PropertyKey[]): Where => nearestPlace(places, path);
  try {
    return { value: JSON.parse(JSON.stringify(reader().parse(plain))), problems: [], where, whereNamed: where };
  } catch (error) {
    return { value: undefined, problems: [problemOf(error)], where, whereNamed: where };
  }
}

function problemOf(error: unknown): Where & { message: string } {
  if (!(error instanceof reader().TomlError)) return { ...START, message: "it is nested too deep" };
  const [said = ""] = error.message.split("\n");
  return { line: error.line, column: error.column, message: said.replace(/^Invalid TOML document: /, "") };
}

const SEPARATOR = "\u0000";

/** Where each name stands, by the path to it: as far as one name a line goes, which is how these files are written. */
function placesIn(text: string): Map<string, Where> {
  const places = new Map<string, Where>();
  let table: string[] = [];
  let open: string | undefined;
  for (const [i, line] of text.split("\n").entries()) {
    if (open === undefined) {
      const { header, name } = namesIn(line);
      table = header ?? table;
      const path = [...table, ...(name ?? [])].join(SEPARATOR);
      const column = line.length - line.trimStart().length + 1;
      if ((header ?? name) && !places.has(path)) places.set(path, { line: i + 1, column });
      open = unclosed(line);
    } else if (line.includes(open)) open = undefined;
  }
  return places;
}

/** The table that begins on a line, or the name that stands before its `=`. */
function namesIn(line: string): { header?: string[]; name?: string[] } {
  const header = /^\s*\[\[?\s*([^\]]+?)\s*\]/.exec(line)?.[1];
  if (header !== undefined) return { header: keysOf(header) };
  const name = /^\s*([\w.\-"' ]+?)\s*=/.exec(line)?.[1];
  return name === undefined ? {} : { name: keysOf(name) };
}

const keysOf = (dotted: string): string[] =>
  (dotted.match(/"[^"]*"|'[^']*'|[^."'\s]+/g) ?? []).map((key) => key.replace(/^(["'])(.*)\1$/, "$2"));

/** The quotes of a long text that begins on this line and does not end there. */
const unclosed = (line: string): string | undefined =>
  ['"""', "'''"].find((quotes) => line.split(quotes).length % 2 === 0);

function nearestPlace(places: ReadonlyMap<string, Where>, path: readonly PropertyKey[]): Where {
  for (let most = path.length; most > 0; most--) {
    const place = places.get(path.slice(0, most).map(String).join(SEPARATOR));
    if (place) return place;
  }
  return START;
}
