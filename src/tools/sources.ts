import { Failure } from "../core/errors.ts";
import { type Attachment, attachmentOf, kindOf, MOST_BYTES, mostOf } from "../core/material.ts";
import { isPlace } from "../core/place.ts";
import { isProjected } from "../core/projection.ts";
import type { Media } from "../core/provider.ts";
import { hasEnded } from "../core/status.ts";
import type { RunStore } from "../core/store.ts";
import { readBytes, textIn } from "../files/allowed.ts";
import { ownRun } from "./own-run.ts";
import type { ContextItem } from "./tail.ts";

export interface Sources {
  readonly store: RunStore;
  readonly caller: string;
  readonly folders: readonly string[];
  /** The most bytes that all input of a run may have together. */
  readonly most: number;
}

/** What an item of context leads to: a value, or a picture or document. */
export type Piece =
  | { readonly name: string; readonly value: unknown }
  | { readonly name: string; readonly type: Media["type"]; readonly bytes: Uint8Array };

export const isFile = (piece: Piece): piece is Extract<Piece, { readonly bytes: Uint8Array }> => "bytes" in piece;

/** The most that is read of a file of which only a part is taken. */
const MOST_READ = 64 * 1_048_576;

/** What an item names; of a text that is taken whole, no more than is left. */
export async function sourceOf(item: ContextItem, index: number, sources: Sources, left: number): Promise<Piece> {
  const { text, data, file, run_id } = item;
  if (text !== undefined) return { name: `text ${index + 1}`, value: text };
  if (data !== undefined) return inlineFile(item, index);
  if (file !== undefined) return fileOf(file, item, sources.folders, left);
  if (run_id !== undefined) return runValue(run_id, item.step, sources);
  throw new Failure("INVALID_INPUT", "context by `uri` comes with a later version", {
    hint: "Fetch it yourself and give it as {text}, or save it in an allowed folder and give {file}.",
  });
}

function inlineFile({ data = "", type, name }: ContextItem, index: number): Piece {
  const bytes = Buffer.from(data, "base64");
  const kind = kindOf(bytes);
  const what = name ?? `file ${index + 1}`;
  if (kind === undefined) throw unreadable(what, "its bytes are none of these");
  if (type !== undefined && type !== kind)
    throw unreadable(what, `it is said to be ${type}, and its bytes are ${kind}`);
  return { name: what, type: kind, bytes };
}

/** Text as text, a picture or document by what its bytes are; anything else is a fault of the call. */
async function fileOf(path: string, item: ContextItem, folders: readonly string[], left: number): Promise<Piece> {
  const most = (start: Uint8Array) => {
    const kind = kindOf(start);
    return kind ? mostOf(kind) : isProjected(item) ? MOST_READ : left;
  };
  const bytes = await readBytes(path, { folders, most, hint: ALLOW }).catch((error: unknown) => {
    const { code, message, options } = Failure.from(error);
    if (code === "TOO_LARGE") throw new Failure(code, message, { hint: LESS });
    throw code === "BAD_REQUEST" ? new Failure("INVALID_INPUT", message, options) : error;
  });
  const type = kindOf(bytes);
  if (type === undefined) return { name: path, value: textOfFile(path, bytes) };
  if (!isProjected(item) && !item.summary) return { name: path, type, bytes };
  throw new Failure("INVALID_INPUT", `the file ${JSON.stringify(path)} is ${type}, and is given whole or not at all`, {
    hint: "Leave out path, head, tail and summary.",
  });
}

function textOfFile(path: string, bytes: Buffer): string {
  try {
    return textIn(path, bytes);
  } catch (error) {
    throw new Failure("INVALID_INPUT", `${Failure.from(error).message}, and no picture or PDF`, { hint: KINDS });
  }
}

/** A file as a run lists it; throws where the run has too much with it. */
export function attached(
  { name, type, bytes }: Extract<Piece, { readonly bytes: Uint8Array }>,
  before: readonly Attachment[],
): ReturnType<typeof attachmentOf> {
  const most = mostOf(type);
  if (bytes.byteLength > most) throw tooMuch(`${JSON.stringify(name)} has`, bytes.byteLength, most);
  const made = attachmentOf(name, type, bytes);
  const others = before.filter(({ sha256 }) => sha256 !== made.file.sha256);
  const all = others.reduce((sum, { size }) => sum + size, bytes.byteLength);
  if (all > MOST_BYTES.together) throw tooMuch("all pictures and documents have", all, MOST_BYTES.together);
  return made;
}

const tooMuch = (what: string, bytes: number, most: number): Failure =>
  new Failure(
    "TOO_LARGE",
    `${what} ${bytes.toLocaleString("en")} bytes; at most ${most.toLocaleString("en")} are allowed`,
    { hint: "Vendors take no more in one request. Give fewer pages, or a smaller picture." },
  );

async function runValue(id: string, step: string | undefined, { store, caller }: Sources): Promise<Piece> {
  const run = await ownRun(store, id, caller);
  if (step !== undefined) return { name: `${id} ${step}`, value: await stepValue(store, id, step) };
  if (run.output === undefined) {
    const why = hasEnded(run.status) ? `it ended as ${run.status} without one` : `it is still ${run.status}`;
    throw new Failure("INVALID_INPUT", `run ${id} has no output to give: ${why}`, {
      hint: `See how it stands: get_run {"run_id":"${id}"}`,
    });
  }
  return { name: id, value: run.output };
}

async function stepValue(store: RunStore, id: string, step: string): Promise<unknown> {
  const { lines } = await store.memory(id);
  const line = lines.findLast(({ place, state }) => isPlace(place, step) && state === "done");
  if (line) return line.value;
  const places = [...new Set(lines.filter(({ state }) => state === "done").map(({ place }) => place))];
  throw new Failure("NOT_FOUND", `run ${id} has no finished step "${step}"`, {
    hint: `Its finished steps: ${places.slice(0, 20).join(", ") || "none"}.`,
  });
}

const unreadable = (name: string, why: string): Failure =>
  new Failure("INVALID_INPUT", `${JSON.stringify(name)} is no picture or document: ${why}`, { hint: KINDS });

const KINDS = "Pictures are PNG, JPEG, GIF or WebP; documents are PDF. Give anything else as a text.";
const LESS =
  "Take a part of it: `head` or `tail` (lines), a `path` into JSON. For what is taken whole the setting is limits.input_bytes.";
const ALLOW = 'Give the text itself as {"text": "…"}, or add its folder to the setting `folders` (BATON_FOLDERS).';
