import { Failure } from "../../core/errors.ts";

/** What keeps SQLite from doing what it was told, where it is not the statement's own fault. */
export type Trouble = "busy" | "full" | "read-only" | "foreign";

const PRIMARY: Readonly<Record<number, Trouble>> = {
  5: "busy",
  6: "busy",
  8: "read-only",
  10: "full",
  11: "foreign",
  13: "full",
  14: "read-only",
  23: "read-only",
  26: "foreign",
};

/** SQLite's own number of what went wrong; 0 where it was not SQLite. */
export function sqliteCode(error: unknown): number {
  const code = error instanceof Error && "errcode" in error ? error.errcode : undefined;
  return typeof code === "number" ? code : 0;
}

export const troubleOf = (error: unknown): Trouble | undefined => PRIMARY[sqliteCode(error) & 0xff];

const SYSTEM: Readonly<Record<string, Trouble>> = {
  EACCES: "read-only",
  EPERM: "read-only",
  EROFS: "read-only",
  // What Node says of a folder that it cannot make on a read-only disk.
  ENOENT: "read-only",
  ENOSPC: "full",
  EDQUOT: "full",
  ENOTDIR: "foreign",
  EEXIST: "foreign",
};

/** The same for what the operating system says about files and folders. */
function systemTrouble(error: unknown): Trouble | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? SYSTEM[code] : undefined;
}

/** An error as a failure that says what troubles this file; one that is no trouble with files as it is. */
export function explained(error: unknown, path: string): unknown {
  const trouble = troubleOf(error) ?? systemTrouble(error);
  return trouble ? failureOf(trouble, path, error) : error;
}

/** Trouble in words that its reader can act on. */
export function failureOf(trouble: Trouble, path: string, cause?: unknown): Failure {
  const why = cause instanceof Error ? ` (${cause.message})` : "";
  switch (trouble) {
    case "busy":
      return new Failure("STORE_BUSY", `another process has kept ${path} locked for too long${why}`, {
        cause,
        hint: "Look for a stopped or hanging process that has this file open.",
      });
    case "full":
      return new Failure("STORE_FULL", `nothing can be written to ${path}${why}`, {
        cause,
        hint: "Free some space on that disk: what is in flight is kept, and goes on by itself.",
      });
    case "read-only":
      return new Failure("STORE_READ_ONLY", `${path} cannot be written${why}`, {
        cause,
        hint: "Give this user the right to write there, or set another `home`.",
      });
    case "foreign":
      return new Failure("STORE_FOREIGN", `${path} is not one of ours${why}`, {
        cause,
        hint: "Nothing was changed in it. Set another `home`, or move that file away.",
      });
  }
}

export const newerFormat = (path: string, theirs: number, ours: number): Failure =>
  new Failure("STORE_NEWER", `${path} has format ${theirs}, and this version knows formats up to ${ours}`, {
    hint: "Update baton: a newer version has used this file. Nothing was changed in it.",
  });
