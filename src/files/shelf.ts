import { textHash } from "../core/fingerprint.ts";
import { type FileText, filesIn, stampOf, textOf } from "./folder.ts";

/** Which files are meant, and what is made of each. */
export interface ShelfOf<T> {
  /** In a sentence: "an agent's file". */
  readonly what: string;
  readonly most: number;
  readonly isWanted: (name: string) => boolean;
  /** What a file is now, knowing what it was; undefined where it is nothing. */
  readonly read: (path: string, text: FileText, before: T | undefined) => T | undefined;
}

interface Kept<T> {
  stamp: string | undefined;
  hash: string;
  shelved: T | undefined;
}

/** The files of some folders, read again when they have changed and only then. */
export class Shelf<T> {
  readonly #roots: readonly string[];
  readonly #kind: ShelfOf<T>;
  readonly #folders = new Map<string, string | undefined>();
  #files = new Map<string, Kept<T>>();

  constructor(roots: readonly string[], kind: ShelfOf<T>) {
    this.#roots = roots;
    this.#kind = kind;
  }

  /** Looks at the disk; true where a file came, went or changed. */
  refresh(): boolean {
    const moved = this.#foldersMoved() && this.#walk();
    const changed = [...this.#files].map(([path, kept]) => this.#reread(path, kept)).includes(true);
    return moved || changed;
  }

  /** What the files are: the first folder's first, then by path. */
  all(): T[] {
    return [...this.#files.values()].flatMap(({ shelved }) => shelved ?? []);
  }

  #foldersMoved(): boolean {
    return this.#folders.size === 0 || [...this.#folders].some(([path, stamp]) => stampOf(path) !== stamp);
  }

  #walk(): boolean {
    const before = [...this.#files.keys()].join("\n");
    this.#folders.clear();
    const files = new Map<string, Kept<T>>();
    for (const root of this.#roots) {
      this.#folders.set(root, stampOf(root));
      const entered = (folder: string) => this.#folders.set(folder, stampOf(folder));
      for (const path of filesIn(root, this.#kind.isWanted, entered))
        files.set(path, this.#files.get(path) ?? { stamp: undefined, hash: "", shelved: undefined });
    }
    this.#files = files;
    return before !== [...files.keys()].join("\n");
  }

  #reread(path: string, kept: Kept<T>): boolean {
    const stamp = stampOf(path);
    if (stamp !== undefined && stamp === kept.stamp) return false;
    kept.stamp = stamp;
    const text = textOf(path, this.#kind);
    const hash = "text" in text ? textHash(text.text) : text.problem;
    if (hash === kept.hash) return false;
    kept.hash = hash;
    kept.shelved = this.#kind.read(path, text, kept.shelved);
    return true;
  }
}
