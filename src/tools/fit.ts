import { z } from "zod";
import { Message } from "../core/message.ts";

const PIECE = /([A-Z]?[a-z]+|[A-Z]+)|(\d{1,3})|(\s+)|([\x21-\x7e])|(\p{L}+)|(.)/gsu;

const MARGIN = 1.1;

/**
 * About how many tokens a text is to a model, rather too many than too few; no tokenizer is loaded for it. Once it is
 * more than `most`, it is not counted any further.
 */
export function tokens(text: string, most = Number.POSITIVE_INFINITY): number {
  let sum = 0;
  for (const match of text.matchAll(PIECE)) {
    sum += weight(match);
    if (sum * MARGIN > most) break;
  }
  return Math.ceil(sum * MARGIN);
}

function weight([piece, word, digits, space, mark, letters]: RegExpExecArray): number {
  if (word !== undefined) return Math.ceil(word.length / 7);
  if (digits !== undefined) return 1;
  if (space !== undefined) return space === " " ? 0.12 : 1;
  if (mark !== undefined) return 0.9;
  if (letters !== undefined) return Math.max(1, letters.length * 0.6);
  return piece.length > 1 ? 2.2 : 1.1;
}

/** No text has so many characters a token; longer ones need not be counted to the end. */
const MOST_A_TOKEN = 16;

/** And none has less than this of one: shorter ones need not be counted at all. */
const LEAST_A_TOKEN = 0.8;

const fits = (text: string, most: number): boolean =>
  text.length <= most * LEAST_A_TOKEN || (text.length <= most * MOST_A_TOKEN && tokens(text, most) <= most);

/** As much of the beginning of a text as fits, never half a character. */
export function head(text: string, most: number): string {
  if (fits(text, most)) return text;
  let low = Math.min(text.length, most);
  let high = Math.min(text.length, most * MOST_A_TOKEN);
  while (high - low > 16) {
    const middle = (low + high) >> 1;
    if (fits(text.slice(0, middle), most)) low = middle;
    else high = middle;
  }
  if (!fits(text.slice(0, low), most)) return halve(text.slice(0, low), most);
  return whole(text.slice(0, low));
}

/** Below one character a token there is no bound to begin from. */
const halve = (text: string, most: number): string =>
  fits(text, most) ? whole(text) : halve(text.slice(0, text.length >> 1), most);

const whole = (text: string): string => (/[\uD800-\uDBFF]$/.test(text) ? text.slice(0, -1) : text);

export interface Fitted {
  readonly value: unknown;
  readonly cut: boolean;
}

const LENGTHS = [4000, 2000, 1000, 500, 250, 120, 60];

/**
 * A value that fits: whole; else without the messages between agents, which say how it came about; else with its long
 * texts cut and marked as well; else the beginning of its JSON.
 */
export function fitting(value: unknown, most: number): Fitted {
  const text = textOf(value);
  if (fits(text, most)) return { value, cut: false };
  if (typeof value === "string") return { value: marked(text, head(text, most - 12)), cut: true };
  for (const length of holdsTalk(value) ? [Number.POSITIVE_INFINITY, ...LENGTHS] : LENGTHS) {
    const shorter = shorten(value, length);
    if (fits(textOf(shorter), most)) return { value: shorter, cut: true };
  }
  return { value: marked(text, head(text, most - 12)), cut: true };
}

/** A value as text: texts as they are, all else as JSON. */
export const textOf = (value: unknown): string =>
  typeof value === "string" ? value : value === undefined ? "" : JSON.stringify(value);

const marked = (text: string, start: string): string =>
  `${start}… [${(text.length - start.length).toLocaleString("en")} more characters]`;

/** A text of at most so many characters, marked where it was cut. */
export const clip = (text: string, length: number): string =>
  text.length <= length ? text : marked(text, whole(text.slice(0, length)));

function shorten(value: unknown, length: number): unknown {
  if (typeof value === "string") return clip(value, length);
  if (value === null || typeof value !== "object") return value;
  if (isTalk(value)) return `[${value.length} messages]`;
  if (Array.isArray(value)) return value.map((item) => shorten(item, length));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shorten(item, length)]));
}

const Talk = z.array(Message).min(1);

const isTalk = (value: unknown): value is z.output<typeof Talk> =>
  Array.isArray(value) && Talk.safeParse(value).success;

const holdsTalk = (value: unknown): boolean =>
  typeof value === "object" && value !== null && (isTalk(value) || Object.values(value).some(holdsTalk));

/** The first of a list, and how many more there are in words. */
export function firstOf(list: readonly string[], most: number): string[] {
  return list.length <= most ? [...list] : [...list.slice(0, most), `and ${list.length - most} more`];
}
