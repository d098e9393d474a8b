import { constants } from "node:fs";
import { type FileHandle, open, realpath } from "node:fs/promises";
import { dirname, isAbsolute, relative, resolve, sep } from "node:path";
import { Failure } from "../core/errors.ts";

/** What may be read, and how much of it. */
export interface Allowed {
  /** What may be read from; absolute. */
  readonly folders: readonly string[];
  readonly most: number;
  /** What whoever may not read it can do. */
  readonly hint?: string;
}

/** The text of a file inside the folders, all links followed, and of no other. */
export async function readAllowed(path: string, { most, ...allowed }: Allowed): Promise<string> {
  return textIn(path, await readBytes(path, { ...allowed, most: () => most }));
}

/** How many bytes of a file show what it is. */
const START = 16;

/** The bytes of such a file; how many it may have is said by how it begins. */
export async function readBytes(
  path: string,
  { folders, most, hint }: Omit<Allowed, "most"> & { readonly most: (start: Buffer) => number },
): Promise<Buffer> {
  const { file, size } = await openAllowed(path, folders, hint);
  try {
    const allows = most(await readAtMost(file, Math.min(size, START)));
    if (size > allows) throw tooLarge(path, size, allows);
    return await readAtMost(file, size);
  } finally {
    await file.close();
  }
}

/** A plain file inside the folders, open for reading; whoever has it closes it. */
export async function openAllowed(
  path: string,
  folders: readonly string[],
  hint?: string,
): Promise<{ file: FileHandle; size: number }> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(await allowedPath(path, folders, hint), flags).catch((error: unknown) => {
    throw notReadable(path, error instanceof Error && "code" in error ? String(error.code) : "it cannot be opened");
  });
  const stat = await file.stat();
  if (stat.isFile()) return { file, size: stat.size };
  await file.close();
  throw notReadable(path, "it is no plain file");
}

/** The first bytes of an open file. */
export async function readAtMost(file: FileHandle, size: number): Promise<Buffer> {
  const bytes = Buffer.alloc(size);
  let filled = 0;
  while (filled < size) {
    const { bytesRead } = await file.read(bytes, filled, size - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

/** Bytes as the UTF-8 text that they are; throws where they are none. */
export function textIn(path: string, bytes: Buffer): string {
  if (bytes.includes(0)) throw notReadable(path, "it is not text");
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw notReadable(path, "it is not UTF-8 text");
  }
}

/** The real path of a file or folder, if it lies in an allowed folder when all links are followed. */
export async function allowedPath(path: string, folders: readonly string[], hint?: string): Promise<string> {
  if (folders.length === 0) throw outside(path, "no folders are allowed (the setting `folders` is empty)", hint);
  const away = `it lies outside the allowed folders (${folders.join(", ")})`;
  // Of a folder `docs` both `a.txt` and `docs/a.txt` are meant well.
  const bases = isAbsolute(path) ? [""] : [...folders, ...folders.map((folder) => dirname(folder))];
  for (const base of bases) {
    const real = await realpath(resolve(base, path)).catch(() => undefined);
    if (real === undefined) continue;
    if (await isInside(real, folders)) return real;
    throw outside(path, away, hint);
  }
  if (isAbsolute(path) && !(await isInside(resolve(path), folders))) throw outside(path, away, hint);
  throw new Failure(
    "NOT_FOUND",
    `there is no file ${JSON.stringify(path)} in the allowed folders (${folders.join(", ")})`,
    {
      hint: "A path begins in an allowed folder, or is absolute.",
    },
  );
}

async function isInside(real: string, folders: readonly string[]): Promise<boolean> {
  for (const folder of folders) {
    const way = relative(await realpath(folder).catch(() => resolve(folder)), real);
    if (way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way)) return true;
  }
  return false;
}

const outside = (
  path: string,
  why: string,
  hint = "Add its folder to the setting `folders` (BATON_FOLDERS).",
): Failure => new Failure("FORBIDDEN", `the file ${JSON.stringify(path)} may not be read: ${why}`, { hint });

const notReadable = (path: string, why: string): Failure =>
  new Failure("BAD_REQUEST", `the file ${JSON.stringify(path)} cannot be read as a text: ${why}`);

const tooLarge = (path: string, bytes: number, most: number): Failure =>
  new Failure("TOO_LARGE", `the file ${JSON.stringify(path)} has ${bytes} bytes; at most ${most} are allowed`, {
    hint: "The setting is limits.input_bytes.",
  });
