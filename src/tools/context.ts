import { Failure } from "../core/errors.ts";
import { FENCE_RULE, fence } from "../core/fence.ts";
import { isPlace } from "../core/place.ts";
import { hasEnded } from "../core/status.ts";
import type { RunStore } from "../core/store.ts";
import { readAllowed } from "../files/allowed.ts";
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

/** A file that is no text is a fault of the call. */
async function fileText(path: string, folders: readonly string[], left: number): Promise<string> {
  try {
    return await readAllowed(path, { folders, most: left, hint: ALLOW });
  } catch (error) {
    const failure = Failure.from(error);
    if (failure.code !== "BAD_REQUEST") throw failure;
    throw new Failure("INVALID_INPUT", `${failure.message} (PDF and images come with a later version)`);
  }
}

const ALLOW = 'Give the text itself as {"text": "…"}, or add its folder to the setting `folders` (BATON_FOLDERS).';
