import { textOf } from "../files/folder.ts";
import { Shelf } from "../files/shelf.ts";
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
export function readFile(path: string, read = textOf(path, WORKFLOW_FILE)): Shelved {
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

/** What a workflow's file is, in a sentence, and at most. */
const WORKFLOW_FILE = { what: "a workflow's file", most: 2_000_000 };

/** Whether a file is called as a workflow's is. */
export const isWorkflowFile = (path: string): boolean => /\.(ya?ml|json)$/i.test(path);

/** The workflow files of some folders. */
export const workflowShelf = (roots: readonly string[]): Shelf<Shelved> =>
  new Shelf(roots, { ...WORKFLOW_FILE, isWanted: isWorkflowFile, read: (path, text) => readFile(path, text) });
