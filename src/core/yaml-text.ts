import {
  type Document,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type ParsedNode,
  parseDocument,
  visit,
} from "yaml";

export type Path = readonly PropertyKey[];

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

type Parsed = Document.Parsed<ParsedNode>;

/**
 * Reads a YAML text as data and nothing else: no code, no custom tags, no aliases (so that a small text stays small),
 * no name twice. `firstLine` is the line of the file on which the text begins.
 */
export function readYaml(text: string, firstLine = 1): YamlText {
  const lines = new LineCounter();
  const place = (offset: number): Where => {
    const { line, col } = lines.linePos(offset);
    return { line: line + firstLine - 1, column: col };
  };
  try {
    const doc = parseDocument(text, { lineCounter: lines, prettyErrors: false });
    const problems = problemsOf(doc).map(({ message, offset }) => ({ message, ...place(offset) }));
    return {
      value: problems.length > 0 ? undefined : doc.toJS(),
      problems,
      where: (path) => place(offsetOf(doc, path, "value")),
      whereNamed: (path) => place(offsetOf(doc, path, "name")),
    };
  } catch {
    const start = { line: firstLine, column: 1 };
    return {
      value: undefined,
      problems: [{ message: "it is nested too deep", ...start }],
      where: () => start,
      whereNamed: () => start,
    };
  }
}

function problemsOf(doc: Parsed): { message: string; offset: number }[] {
  const problems = [...doc.errors, ...doc.warnings].map(({ code, message, pos }) => ({
    message: WORDS[code] ?? message,
    offset: pos[0],
  }));
  visit(doc, {
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
