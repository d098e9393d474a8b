import { FENCE_RULE, fence } from "../core/fence.ts";
import { ATTACHED_RULE, attachmentMark, type Bodies, type Material } from "../core/material.ts";
import { isProjected, project, SUMMARY_WORDS } from "../core/projection.ts";
import { summaryMark } from "../core/summary.ts";
import { cleanText, tooLarge } from "./arguments.ts";
import { textOf } from "./fit.ts";
import { attached, isFile, type Piece, type Sources, sourceOf } from "./sources.ts";
import type { ContextItem } from "./tail.ts";

/** A task with its material below it, and what marks in it stand for. */
export interface Joined {
  readonly task: string;
  readonly material?: Material;
  readonly bodies?: Bodies;
}

/**
 * The task with its material below it: every piece named and fenced as data, files and what is to be summarised as
 * marks. Nothing is read that would be too much.
 */
export async function joinContext(task: string, items: readonly ContextItem[], sources: Sources): Promise<Joined> {
  if (items.length === 0) return { task };
  const pile = new Pile(task, sources);
  for (const [index, item] of items.entries()) pile.add(item, await sourceOf(item, index, sources, pile.left(item)));
  return pile.joined();
}

/** The pieces so far, and how much room they leave. */
class Pile {
  readonly #task: string;
  readonly #most: number;
  #used: number;
  /** What is to be summarised is counted apart: it may be as much again. */
  #toShorten = 0;
  #files: NonNullable<Material["files"]> = [];
  #summaries: NonNullable<Material["summaries"]> = [];
  readonly #bodies = new Map<string, string>();
  readonly #pieces: string[] = [];

  constructor(task: string, { most }: Sources) {
    this.#task = task;
    this.#most = most;
    this.#used = Buffer.byteLength(task);
  }

  /** How many bytes of text such an item may still have, before anything is cut from it. */
  left(item: ContextItem): number {
    return this.#most - (item.summary ? this.#toShorten : this.#used);
  }

  add(item: ContextItem, piece: Piece): void {
    if (isFile(piece)) return this.#attach(piece);
    const { name, value } = piece;
    const text = cleanText(isProjected(item) ? project(value, item) : textOf(value));
    if (item.summary) return this.#shorten(name, text, item.summary);
    this.#put(fence(name, text));
  }

  joined(): Joined {
    const hasFiles = this.#files.length > 0;
    const hasMaterial = hasFiles || this.#summaries.length > 0;
    const files = hasFiles && { files: this.#files };
    const summaries = this.#summaries.length > 0 && { summaries: this.#summaries };
    return {
      task: [this.#task, FENCE_RULE, ...(hasFiles ? [ATTACHED_RULE] : []), ...this.#pieces].join("\n\n"),
      ...(hasMaterial && { material: { ...files, ...summaries } }),
      ...(hasFiles && { bodies: this.#bodies }),
    };
  }

  #put(text: string): void {
    this.#used += Buffer.byteLength(text);
    if (this.#used > this.#most) throw tooLarge("the task and its context are", this.#used, this.#most);
    this.#pieces.push(text);
  }

  #shorten(name: string, text: string, { by, words = SUMMARY_WORDS }: NonNullable<ContextItem["summary"]>): void {
    this.#toShorten += Buffer.byteLength(text);
    if (this.#toShorten > this.#most) throw tooLarge("what is to be summarised is", this.#toShorten, this.#most);
    const wanted = { name, by, words, text };
    this.#summaries = [...this.#summaries, wanted];
    this.#put(summaryMark(wanted));
  }

  #attach(piece: Extract<Piece, { readonly bytes: Uint8Array }>): void {
    const { file, body } = attached(piece, this.#files);
    this.#files = [...this.#files.filter(({ sha256 }) => sha256 !== file.sha256), file];
    this.#bodies.set(file.text, body);
    this.#put(attachmentMark(file));
  }
}
