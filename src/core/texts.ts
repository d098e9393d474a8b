import { fence } from "./fence.ts";

/** A value as a model reads it: text as it is, anything else as JSON. */
export const asText = (value: unknown): string =>
  typeof value === "string" ? value : (JSON.stringify(value, null, 2) ?? "");

/** Parts of a prompt with an empty line between them; what is absent leaves no trace. */
export const paragraphs = (...parts: readonly (string | undefined)[]): string =>
  parts.filter((part) => part !== undefined && part !== "").join("\n\n");

/** What somebody else has said, under a heading, marked as data. */
export const quoted = (heading: string, name: string, value: unknown): string =>
  `${heading}\n${fence(name, asText(value))}`;

/** "1 vote", "2 votes", "3 branches". */
export const counted = (n: number, thing: string, things = `${thing}s`): string => `${n} ${n === 1 ? thing : things}`;

/** "a", "a and b", "a, b and c", each in quotes. */
export function listed(names: readonly string[]): string {
  const all = names.map((name) => JSON.stringify(name));
  return all.length < 2 ? all.join() : `${all.slice(0, -1).join(", ")} and ${all.at(-1)}`;
}

/** The beginning of a text that is too long, and how long it is. */
export const cut = (text: string, most: number): string =>
  text.length > most ? `${text.slice(0, most).toWellFormed()}… (cut; ${text.length} characters in all)` : text;

/** Two texts that differ in case, space or final punctuation alone say the same. */
export const normalised = (text: string): string =>
  text
    .normalize("NFKC")
    .toLowerCase()
    .replace(/\s+/g, " ")
    .trim()
    .replace(/[.!;,\s]+$/, "");
