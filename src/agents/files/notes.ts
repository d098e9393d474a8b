import { nearest } from "../../core/nearest.ts";
import type { Asked } from "./asked.ts";
import { KNOWN_FIELDS, meaningOf } from "./dialect.ts";
import type { Own } from "./fields.ts";
import type { Dialect } from "./words.ts";

/** What a reader of a file should know of it: what stands in it that has no meaning here, and what is missing. */
export function notesOn(fields: Readonly<Record<string, unknown>>, own: Own, asked: Asked, dialect: Dialect): string[] {
  const keys = Object.keys(fields);
  const idle = keys.flatMap((key) => {
    const why = whyIdle(key, own, dialect);
    return why === undefined ? [] : `\`${key}\` (${why})`;
  });
  const unknown = keys.filter((key) => meaningOf(key, dialect) === undefined).map(inQuotes);
  return [
    ...(idle.length > 0 ? [`not read here: ${idle.join(", ")}`] : []),
    ...(unknown.length > 0 ? [`in no format that is read: ${unknown.join(", ")}`] : []),
    ...asked.notes,
    ...(asked.description?.trim() ? [] : ["it has no `description`, so nobody can tell when to choose it"]),
  ];
}

function whyIdle(key: string, own: Own, dialect: Dialect): string | undefined {
  const meaning = meaningOf(key, dialect);
  if (meaning === "isolation") return "tools here work where their server stands";
  if (typeof meaning !== "object") return undefined;
  if ("note" in meaning) return meaning.note;
  if (meaning.unless !== undefined && own[meaning.unless] !== undefined)
    return `\`x-baton.${meaning.unless}\` takes its place`;
  return "it asks for nothing";
}

const MOST_NEAR = 60;

function inQuotes(key: string): string {
  const [near] = key.length > MOST_NEAR ? [] : nearest(key, KNOWN_FIELDS, 1);
  return `\`${key.slice(0, MOST_NEAR)}\`${near === undefined ? "" : ` (is \`${near}\` meant?)`}`;
}
