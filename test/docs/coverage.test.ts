import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ROOT } from "../sources.ts";
import { DOCUMENTS, textOf } from "./blocks.ts";

const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

/** Numbers that were never given. */
const NO_FEATURE = [32, 70, 76, 77, 87];

const NUMBERS = [
  ...upTo(85).map((n) => `R${n}`),
  ...upTo(15).map((n) => `Example ${n}`),
  ...upTo(100)
    .filter((n) => !NO_FEATURE.includes(n))
    .map((n) => `F${n}`),
];

const rows = textOf("docs/coverage.md")
  .split("\n")
  .map((line) => /^\| ((?:R|F|Example )\d+) \| (.+) \| (.+) \|$/.exec(line))
  .filter((row) => row !== null)
  .map(([, number = "", asked = "", where = ""]) => ({ number, asked, where }));

/** What looks like a file of the clone, in backticks. */
const filesIn = (text: string): string[] =>
  [...text.matchAll(/`((?:src|test|docs|examples|scripts|bench|tools)\/[\w./-]+)`/g)].map(([, file = ""]) => file);

describe("the coverage", () => {
  it("has one row for every number, in their order", () => {
    expect(rows.map(({ number }) => number)).toEqual(NUMBERS);
  });

  it("says of every number where it lives or which part brings it", () => {
    const parts = /\bparts? [2-7]\b/;
    expect(rows.filter(({ where }) => filesIn(where).length === 0 && !parts.test(where))).toEqual([]);
  });

  it("says what is missing wherever something is only partly there", () => {
    const vague = rows.filter(({ where }) => where.startsWith("Partly") && !/\bparts? [2-7]\b/.test(where));
    expect(vague).toEqual([]);
  });
});

describe("the documents", () => {
  it.each(DOCUMENTS)("%s names only files that are there", (document) => {
    const missing = filesIn(textOf(document)).filter((file) => !existsSync(join(ROOT, file)));
    expect(missing).toEqual([]);
  });

  it.each(DOCUMENTS)("%s leads only to files that are there", (document) => {
    const links = [...textOf(document).matchAll(/\]\((?!https?:)([^)#\s]+)/g)].map(([, to = ""]) => to);
    const missing = links.filter((to) => !existsSync(join(ROOT, document, "..", to)));
    expect(missing).toEqual([]);
  });
});
