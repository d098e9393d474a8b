import { textHash } from "../../core/fingerprint.ts";
import { type Draft, type FileReading, nameOf, readAgentFile } from "./agent-file.ts";
import { markdownIn, stampOf, textOf } from "./folder.ts";

/** A file as it stands on the shelf: what may be asked, and what is wrong with the file. */
export interface Shelved {
  readonly path: string;
  readonly name: string;
  readonly description: string;
  /** The agent; after a mistake in its file, the agent as it last was. */
  readonly draft?: Draft;
  readonly notes: readonly string[];
  /** What is wrong with the file as it now is. */
  readonly problem?: string;
}

interface Kept {
  stamp: string | undefined;
  hash: string;
  shelved: Shelved | undefined;
}

/** The agent files of some folders, read again when they have changed and only then. */
export class FileShelf {
  readonly #roots: readonly string[];
  readonly #folders = new Map<string, string | undefined>();
  #files = new Map<string, Kept>();

  constructor(roots: readonly string[]) {
    this.#roots = roots;
  }

  /** Looks at the disk; true where an agent came, went or changed. */
  refresh(): boolean {
    const moved = this.#foldersMoved() && this.#walk();
    const changed = [...this.#files].map(([path, kept]) => this.#reread(path, kept)).includes(true);
    return moved || changed;
  }

  /** All files that are or should be agents: the first folder's first, then by path. */
  all(): Shelved[] {
    return [...this.#files.values()].flatMap(({ shelved }) => shelved ?? []);
  }

  #foldersMoved(): boolean {
    return this.#folders.size === 0 || [...this.#folders].some(([path, stamp]) => stampOf(path) !== stamp);
  }

  #walk(): boolean {
    const before = [...this.#files.keys()].join("\n");
    this.#folders.clear();
    const files = new Map<string, Kept>();
    for (const root of this.#roots) {
      this.#folders.set(root, stampOf(root));
      const found = markdownIn(root, (folder) => this.#folders.set(folder, stampOf(folder)));
      for (const path of found)
        files.set(path, this.#files.get(path) ?? { stamp: undefined, hash: "", shelved: undefined });
    }
    this.#files = files;
    return before !== [...files.keys()].join("\n");
  }

  #reread(path: string, kept: Kept): boolean {
    const stamp = stampOf(path);
    if (stamp !== undefined && stamp === kept.stamp) return false;
    kept.stamp = stamp;
    const read = textOf(path);
    const hash = "text" in read ? textHash(read.text) : read.problem;
    if (hash === kept.hash) return false;
    kept.hash = hash;
    kept.shelved = shelve(
      path,
      "text" in read ? readAgentFile(path, read.text) : broken(path, read.problem),
      kept.shelved,
    );
    return true;
  }
}

const broken = (path: string, problem: string): FileReading => ({
  name: nameOf(path),
  description: "",
  refused: `${path}: ${problem}`,
});

/** A mistake is often a file half written: the agent goes on as it last was. What is refused on purpose does not. */
function shelve(path: string, reading: FileReading, before: Shelved | undefined): Shelved | undefined {
  if ("draft" in reading) {
    const { name, description } = reading.draft;
    return { path, name, description, draft: reading.draft, notes: reading.notes };
  }
  const { name, description, refused: problem } = reading;
  if (before?.draft && !reading.crippled) return { ...before, problem };
  return reading.document ? undefined : { path, name, description, notes: [], problem };
}
