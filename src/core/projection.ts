import { z } from "zod";
import { Failure } from "./errors.ts";
import { compilePath } from "./json-path.ts";
import { asText } from "./texts.ts";

const Lines = z.int().min(1).max(1_000_000);

/** What is taken of a text or a value, instead of all of it. */
export const Projection = z.object({
  path: z.string().min(1).max(1000).optional(),
  head: Lines.optional(),
  tail: Lines.optional(),
});
export type Projection = z.output<typeof Projection>;

/** A text that an agent makes of a longer one. */
export const Summary = z.strictObject({
  by: z.string().min(1).max(200),
  words: z.int().min(10).max(10_000).optional(),
});
export type Summary = z.output<typeof Summary>;

/** The words of a summary where nobody says how many. */
export const SUMMARY_WORDS = 200;

export const isProjected = ({ path, head, tail }: Projection): boolean => (path ?? head ?? tail) !== undefined;

/** What is asked for of a value, as text; what was left out is marked, and counted. */
export function project(value: unknown, { path, head, tail }: Projection): string {
  const part = path === undefined ? value : compilePath(path).read(typeof value === "string" ? parsed(value) : value);
  return cutLines(asText(part), head, tail);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(unmarked(text.trim())) as unknown;
  } catch {
    throw new Failure("INVALID_INPUT", "a path leads into JSON, and the text is none", {
      hint: "Take lines of a text with `head` and `tail`, or leave `path` out.",
    });
  }
}

/** Agents often put JSON between the marks of a block of code. */
const unmarked = (text: string): string =>
  text.startsWith("```") && text.endsWith("```") ? text.slice(text.indexOf("\n") + 1, -3) : text;

/** The first and the last so many lines of a text, with a mark where others were left out. */
export function cutLines(text: string, head: number | undefined, tail: number | undefined): string {
  if (head === undefined && tail === undefined) return text;
  const end = head === undefined ? 0 : afterLines(text, head);
  const begin = tail === undefined ? text.length : beforeLines(text, tail);
  if (end >= begin) return text;
  const mark = cutMark(begin - end, text.length);
  return [text.slice(0, end).replace(/\n$/, ""), mark, text.slice(begin)].filter((part) => part !== "").join("\n");
}

/** Says that something was left out, so that nobody takes a part for the whole. */
const cutMark = (left: number, all: number): string =>
  `[cut: ${left.toLocaleString("en")} of ${all.toLocaleString("en")} characters left out]`;

/** Where so many lines end. */
function afterLines(text: string, lines: number): number {
  let at = 0;
  for (let n = 0; n < lines; n++) {
    const next = text.indexOf("\n", at);
    if (next < 0) return text.length;
    at = next + 1;
  }
  return at;
}

/** Where the last so many lines begin; a line break at the very end begins none. */
function beforeLines(text: string, lines: number): number {
  let at = text.endsWith("\n") ? text.length - 1 : text.length;
  for (let n = 0; n < lines; n++) {
    if (at <= 0) return 0;
    at = text.lastIndexOf("\n", at - 1);
    if (at < 0) return 0;
  }
  return at + 1;
}
