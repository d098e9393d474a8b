import {
  type Document,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type ParsedNode,
  parseDocument,
  stringify,
  visit,
} from "yaml";

type Path = readonly PropertyKey[];

export interface Where {
  readonly line: number;
  readonly column: number;
}

/** A YAML text as plain data, what is wrong with it, and where in it everything stands. */
export interface YamlText {
  readonly value: unknown;
  readonly problems: readonly (Where & { readonly message: string })[];
  /** Where the value at a path begins; where there is none, the nearest thing around it. */
  where(path: Path): Where;
  /** Where the name of an entry begins. */
  whereNamed(path: Path): Where;
}

/** A value as YAML that people can go on writing: long texts stand on lines of their own. */
export const writeYaml = (value: unknown): string => stringify(value, { lineWidth: 120, aliasDuplicateObjects: false });

type Parsed = Document.Parsed<ParsedNode>;

/**
 * Reads a YAML text as data and nothing else: no code, no custom tags, no aliases (so that a small text stays small),
 * no name twice. `firstLine` is the line of the file on which the text begins.
 */
export function readYaml(text: string, firstLine = 1): YamlText {
  const deep = tooDeepLine(text);
  if (deep >= 0) return unreadable("it is nested too deep", deep + firstLine);
  const lines = new LineCounter();
  const place = (offset: number): Where => {
    const { line, col } = lines.linePos(offset);
    return { line: line + firstLine - 1, column: col };
  };
  const doc = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const problems = problemsOf(doc).map(({ message, offset }) => ({ message, ...place(offset) }));
  return {
    value: problems.length > 0 ? undefined : doc.toJS(),
    problems,
    where: (path) => place(offsetOf(doc, path, "value")),
    whereNamed: (path) => place(offsetOf(doc, path, "name")),
  };
}

function unreadable(message: string, line: number): YamlText {
  const start = { line, column: 1 };
  return { value: undefined, problems: [{ message, ...start }], where: () => start, whereNamed: () => start };
}

const DEEPEST = 64;
const WIDEST_INDENT = 200;

const STEPS: Partial<Record<string, number>> = { "[": 1, "{": 1, "]": -1, "}": -1 };

/**
 * The line, from 0, on which a text is nested deeper than anybody writes by hand; -1 where there is none. The parser
 * calls itself for each level, and a text may not choose how much of the stack that takes.
 */
function tooDeepLine(text: string): number {
  let open = 0;
  return text.split("\n").findIndex((line) => {
    const lead = /^[\s?:-]*/.exec(line)?.[0] ?? "";
    if (lead.length > WIDEST_INDENT || lead.replaceAll(/\s/g, "").length > DEEPEST) return true;
    return [...line.matchAll(/[[\]{}]/g)].some(([bracket]) => {
      open = Math.max(0, open + (STEPS[bracket] ?? 0));
      return open > DEEPEST;
    });
  });
}

function problemsOf(doc: Parsed): { message: string; offset: number }[] {
  const problems = [...doc.errors, ...doc.warnings].map(({ code, message, pos }) => ({
    message: WORDS[code] ?? message,
    offset: pos[0],
  }));
  visit(doc, {
    Pair(_, { key }) {
      if (!isScalar(key)) problems.push({ message: "a name must be a plain word", offset: startOf(key) ?? 0 });
    },
    Alias(_, node) {
      const message = `aliases such as *${node.source} are not read here: write the value out`;
      problems.push({ message, offset: node.range?.[0] ?? 0 });
    },
  });
  return problems;
}

const WORDS: Partial<Record<string, string>> = {
  DUPLICATE_KEY: "this name stands here twice",
  BLOCK_AS_IMPLICIT_KEY: "a colon in a value: put the value in quotes",
  TAB_AS_INDENT: "a tab is used to indent: use spaces",
  MULTIPLE_DOCS: "one document is expected, and here a second one begins",
};

/** Walks a path as far as it goes, and gives the offset of the last thing met. */
function offsetOf(doc: Parsed, path: Path, want: "name" | "value"): number {
  let node: unknown = doc.contents;
  let offset = startOf(node) ?? 0;
  for (const [i, key] of path.entries()) {
    const { name, value } = entryOf(node, key);
    offset = startOf(name) ?? offset;
    node = value;
    if (want === "value" || i < path.length - 1) offset = startOf(node) ?? offset;
  }
  return offset;
}

function entryOf(node: unknown, key: PropertyKey): { name?: unknown; value?: unknown } {
  if (isSeq(node)) return { value: node.items[Number(key)] };
  if (!isMap(node)) return {};
  const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
  return pair ? { name: pair.key, value: pair.value } : {};
}

const startOf = (node: unknown): number | undefined => (isNode(node) ? (node.range?.[0] ?? undefined) : undefined);
