import { z } from "zod";
import { nearest } from "../core/nearest.ts";
import { listed, normalised } from "../core/texts.ts";

/** The schema says which names there are; another one still comes through, so that its maker can be told in words. */
export const nameShape = (names: readonly string[]) => z.union([z.enum(names), z.string()]);

/** Which of the names is meant; case and space do not matter. */
export const nameMeant = (word: string, names: readonly string[]): string | undefined =>
  names.find((name) => name === word) ?? names.find((name) => normalised(name) === normalised(word));

/** `there is no worker "x"; there are "a" and "b"; did you mean "a"?` */
export function noSuchName(thing: string, word: string, names: readonly string[]): string {
  const [near] = nearest(word, names);
  const guess = near === undefined ? "" : `; did you mean ${listed([near])}?`;
  return `there is no ${thing} ${listed([word.slice(0, 200)])}; there ${names.length === 1 ? "is" : "are"} ${listed(names)}${guess}`;
}
