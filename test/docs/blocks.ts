import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../sources.ts";

/** A fenced block of a document. What stands behind its language says what it is, and so how it is tried. */
export interface Block {
  readonly file: string;
  readonly line: number;
  readonly language: string;
  readonly mark: string;
  readonly text: string;
}

const markdownIn = (folder: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".md"))
    .map(({ parentPath, name }) => join(parentPath, name).slice(ROOT.length));

/** The documents, by their path in the clone. */
export const DOCUMENTS: readonly string[] = [
  "README.md",
  "ARCHITECTURE.md",
  "AGENTS.md",
  "CONTRIBUTING.md",
  ...markdownIn("docs"),
  ...markdownIn("examples"),
];

export const textOf = (file: string): string => readFileSync(join(ROOT, file), "utf8");

/** The fenced blocks of a document, in their order. */
function blocksOf(file: string): Block[] {
  const text = textOf(file);
  return [...text.matchAll(/^```(\S*) ?([^\n]*)\n([\s\S]*?)^```$/gm)].map((match) => {
    const [, language = "", mark = "", body = ""] = match;
    return { file, line: text.slice(0, match.index).split("\n").length, language, mark: mark.trim(), text: body };
  });
}

/** All blocks of all documents. */
export const blocks: readonly Block[] = DOCUMENTS.flatMap(blocksOf);

/** The blocks with a mark, each under a name that a test can bear. */
export const marked = (mark: string): [string, Block][] =>
  blocks.filter((block) => block.mark === mark).map((block) => [`${block.file}:${block.line}`, block]);
