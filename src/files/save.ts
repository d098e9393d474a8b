import { lstatSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { Failure } from "../core/errors.ts";
import type { ToSave } from "../core/workflow.ts";

/** Where definitions of one kind are saved. */
export interface SavePlace {
  /** The setting that names the folders. */
  readonly setting: "agents" | "workflows";
  readonly folders: readonly string[];
  /** With its dot. */
  readonly ending: string;
  /** The file that has this name now, if one has. */
  readonly source?: string | undefined;
}

const NAME = /^[a-z0-9][a-z0-9_-]{0,63}$/;

/** The file that a definition would be, in the first folder of its setting; refused where somebody's file is there. */
export function pathToSave({ name, replace }: Pick<ToSave, "name" | "replace">, place: SavePlace): string {
  const { setting, ending, source } = place;
  const [folder] = place.folders;
  if (folder === undefined)
    throw new Failure("INVALID_SETTINGS", `the setting \`${setting}\` names no folder to save into`, {
      hint: `Such as ${setting}: [${setting}].`,
    });
  if (!NAME.test(name))
    throw new Failure("INVALID_INPUT", `${JSON.stringify(name)} is no name to save under`, {
      hint: "It has small letters, digits, - and _ (at most 64), such as weekly-report.",
    });
  // A file of that name beside it would go on to be the one that is meant.
  const own = source !== undefined && dirname(resolve(source)) === resolve(folder) ? source : undefined;
  const path = own ?? join(folder, `${name}${ending}`);
  if (isThere(path) && !replace)
    throw new Failure("INVALID_INPUT", `${path} is there already, and was left as it is`, {
      hint: "Choose another name, or say replace to write over it.",
    });
  if (isThere(path) && !lstatSync(path).isFile())
    throw new Failure("FORBIDDEN", `${path} is a link or no file, and was left as it is`, {
      hint: "Only a plain file is written over.",
    });
  return path;
}

/** A link that leads nowhere is there too. */
const isThere = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;

/** Writes a file whole or not at all. */
export function saveText(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const draft = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  writeFileSync(draft, text, { flag: "wx" });
  renameSync(draft, path);
}
