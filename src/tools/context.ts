import { constants } from "node:fs";
import { type FileHandle, open, realpath } from "node:fs/promises";
import { dirname, isAbsolute, relative, resolve } from "node:path";
import { Failure } from "../core/errors.ts";
import { FENCE_RULE, fence } from "../core/fence.ts";
import { isPlace } from "../core/place.ts";
import { hasEnded } from "../core/status.ts";
import type { RunStore } from "../core/store.ts";
import { cleanText, tooLarge } from "./arguments.ts";
import { textOf } from "./fit.ts";
import { ownRun } from "./own-run.ts";
import type { ContextItem } from "./tail.ts";

export interface Sources {
  readonly store: RunStore;
  readonly caller: string;
  readonly folders: readonly string[];
  /** The most bytes that all input of a run may have together. */
  readonly most: number;
}

/** The task with its material below it: every piece named and fenced as data. Nothing is read that would be too much. */
export async function joinContext(task: string, items: readonly ContextItem[], sources: Sources): Promise<string> {
  if (items.length === 0) return task;
  let left = sources.most - Buffer.byteLength(task);
  const pieces: string[] = [];
  for (const [index, item] of items.entries()) {
    const { name, text } = await read(item, index, sources, left);
    const piece = fence(name, cleanText(text));
    left -= Buffer.byteLength(piece);
    if (left < 0) throw tooLarge("the task and its context are", sources.most - left, sources.most);
    pieces.push(piece);
  }
  return [task, FENCE_RULE, ...pieces].join("\n\n");
}

interface Piece {
  readonly name: string;
  readonly text: string;
}

async function read(item: ContextItem, index: number, sources: Sources, left: number): Promise<Piece> {
  if (item.text !== undefined) return { name: `text ${index + 1}`, text: item.text };
  if (item.file !== undefined) return { name: item.file, text: await fileText(item.file, sources.folders, left) };
  if (item.run_id !== undefined) return runText(item.run_id, item.step, sources);
  throw new Failure("INVALID_INPUT", "context by `uri` comes with a later version", {
    hint: "Fetch it yourself and give it as {text}, or save it in an allowed folder and give {file}.",
  });
}

async function runText(id: string, step: string | undefined, { store, caller }: Sources): Promise<Piece> {
  const run = await ownRun(store, id, caller);
  if (step !== undefined) return { name: `${id} ${step}`, text: await stepText(store, id, step) };
  if (run.output === undefined) {
    const why = hasEnded(run.status) ? `it ended as ${run.status} without one` : `it is still ${run.status}`;
    throw new Failure("INVALID_INPUT", `run ${id} has no output to give: ${why}`, {
      hint: `See how it stands: get_run {"run_id":"${id}"}`,
    });
  }
  return { name: id, text: textOf(run.output) };
}

async function stepText(store: RunStore, id: string, step: string): Promise<string> {
  const { lines } = await store.memory(id);
  const line = lines.findLast(({ place, state }) => isPlace(place, step) && state === "done");
  if (line) return textOf(line.value);
  const places = [...new Set(lines.filter(({ state }) => state === "done").map(({ place }) => place))];
  throw new Failure("NOT_FOUND", `run ${id} has no finished step "${step}"`, {
    hint: `Its finished steps: ${places.slice(0, 20).join(", ") || "none"}.`,
  });
}

async function fileText(path: string, folders: readonly string[], left: number): Promise<string> {
  const file = await open(
    await allowed(path, folders),
    constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
  );
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw notReadable(path, "it is no plain file");
    if (stat.size > left) throw tooLarge(`with ${path}, the task and its context are more than`, stat.size, left);
    return decode(path, await readAtMost(file, stat.size));
  } finally {
    await file.close();
  }
}

async function readAtMost(file: FileHandle, size: number): Promise<Buffer> {
  const bytes = Buffer.alloc(size);
  let filled = 0;
  while (filled < size) {
    const { bytesRead } = await file.read(bytes, filled, size - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

function decode(path: string, bytes: Buffer): string {
  if (bytes.includes(0)) throw notReadable(path, "it is not text (PDF and images come with a later version)");
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw notReadable(path, "it is not UTF-8 text");
  }
}

/** The real path of a file, if it lies in an allowed folder when all links are followed. */
async function allowed(path: string, folders: readonly string[]): Promise<string> {
  if (folders.length === 0) throw outside(path, "no folders are allowed (the setting `folders` is empty)");
  // Of a folder `docs` both `a.txt` and `docs/a.txt` are meant well.
  const bases = isAbsolute(path) ? [""] : [...folders, ...folders.map((folder) => dirname(folder))];
  for (const base of bases) {
    const real = await realpath(resolve(base, path)).catch(() => undefined);
    if (real === undefined) continue;
    if (await isInside(real, folders)) return real;
    throw outside(path, `it lies outside the allowed folders (${folders.join(", ")})`);
  }
  throw isAbsolute(path) && !(await isInside(resolve(path), folders))
    ? outside(path, `it lies outside the allowed folders (${folders.join(", ")})`)
    : new Failure(
        "NOT_FOUND",
        `there is no file ${JSON.stringify(path)} in the allowed folders (${folders.join(", ")})`,
        { hint: "A path begins in an allowed folder, or is absolute." },
      );
}

async function isInside(real: string, folders: readonly string[]): Promise<boolean> {
  for (const folder of folders) {
    const way = relative(await realpath(folder).catch(() => resolve(folder)), real);
    if (way === "" || (!way.startsWith("..") && !isAbsolute(way))) return true;
  }
  return false;
}

const outside = (path: string, why: string): Failure =>
  new Failure("FORBIDDEN", `the file ${JSON.stringify(path)} may not be read: ${why}`, {
    hint: 'Give the text itself as {"text": "…"}, or add its folder to the setting `folders` (BATON_FOLDERS).',
  });

const notReadable = (path: string, why: string): Failure =>
  new Failure("INVALID_INPUT", `the file ${JSON.stringify(path)} cannot be used as context: ${why}`);
