import { textHash } from "../core/fingerprint.ts";
import { stampOf, textOf, workflowFilesIn } from "./files.ts";
import type { Problem } from "./problems.ts";
import { parseWorkflow, type WorkflowText } from "./read.ts";

/** A file as it stands on the shelf. */
export interface Shelved {
  readonly path: string;
  readonly name: string;
  /** The file as it now is. */
  readonly text: WorkflowText;
}

/** A workflow's file, under the name that it says or that its file has. */
export function readFile(path: string, read = textOf(path)): Shelved {
  const text = "text" in read ? parseWorkflow(read.text) : unread(read.problem);
  const fileName = nameOf(path);
  const name = text.name ?? fileName;
  if (isName(name))
    return { path, name, text: text.definition ? { ...text, definition: { ...text.definition, name } } : text };
  const message = `the name of its file, \`${fileName}\`, is no workflow's`;
  const hint = "give it a `name` of small letters, digits, - and _";
  const problem: Problem = { path: [], message, hint, line: 1, column: 1 };
  return { path, name, text: { problems: [...text.problems, problem], place: text.place } };
}

const unread = (message: string): WorkflowText => ({ problems: [{ path: [], message }], place: () => [] });

const isName = (name: string): boolean => /^[a-z0-9][a-z0-9_-]{0,63}$/.test(name);

const nameOf = (path: string): string => (path.split(/[/\\]/).at(-1) ?? path).replace(/\.(ya?ml|json)$/i, "");

interface Kept {
  stamp: string | undefined;
  hash: string;
  shelved: Shelved | undefined;
}

/** The workflow files of some folders, read again when they have changed and only then. */
export class WorkflowShelf {
  readonly #roots: readonly string[];
  readonly #folders = new Map<string, string | undefined>();
  #files = new Map<string, Kept>();

  constructor(roots: readonly string[]) {
    this.#roots = roots;
  }

  /** Looks at the disk; true where a file came, went or changed. */
  refresh(): boolean {
    const moved = this.#foldersMoved() && this.#walk();
    const changed = [...this.#files].map(([path, kept]) => this.#reread(path, kept)).includes(true);
    return moved || changed;
  }

  /** All files: the first folder's first, then by path. */
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
      const found = workflowFilesIn(root, (folder) => this.#folders.set(folder, stampOf(folder)));
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
    kept.shelved = readFile(path, read);
    return true;
  }
}
