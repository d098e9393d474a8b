import { Failure } from "../core/errors.ts";
import { head, tokens } from "./fit.ts";

export interface Page<T> {
  readonly shown: T;
  /** Where the next page begins; absent after the last. */
  readonly next?: string;
}

/** The part of a text that begins at a cursor and fits. */
export function textPage(text: string, cursor: string | undefined, most: number): Page<string> {
  const from = startOf(cursor, text.length);
  const shown = head(text.slice(from), most);
  const end = from + shown.length;
  return { shown, ...(end < text.length && { next: String(end) }) };
}

/** As many rows as fit, from a cursor on; always one. */
export function rowPage<T>(rows: readonly T[], cursor: string | undefined, most: number): Page<readonly T[]> {
  const from = startOf(cursor, rows.length);
  let end = from;
  let room = most;
  while (end < rows.length) {
    room -= tokens(JSON.stringify(rows[end]));
    if (room < 0 && end > from) break;
    end++;
  }
  return { shown: rows.slice(from, end), ...(end < rows.length && { next: String(end) }) };
}

function startOf(cursor: string | undefined, length: number): number {
  const from = Number(cursor ?? "0");
  if (Number.isInteger(from) && from >= 0 && from <= length) return from;
  throw new Failure("INVALID_INPUT", `${JSON.stringify(cursor)} is no cursor of this answer`, {
    hint: "Use the cursor that `next` of the answer before gave, or none to begin at the start.",
  });
}
