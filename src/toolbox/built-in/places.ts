import { realpath, stat } from "node:fs/promises";
import { basename, join, relative, sep } from "node:path";
import { Failure } from "../../core/errors.ts";
import { allowedPath } from "../../files/allowed.ts";

/** A file or folder: where it really is, and how a model names it. */
export interface Place {
  readonly real: string;
  readonly shown: string;
}

/** The places that a tool is to look at: the one that is named, else all allowed folders. */
export async function placesOf(path: string | undefined, folders: readonly string[]): Promise<Place[]> {
  if (path !== undefined) return [{ real: await allowedPath(path, folders), shown: shownAs(path) }];
  if (folders.length === 0) await allowedPath(".", folders);
  const names = folders.map((folder) => basename(folder));
  return Promise.all(
    folders.map(async (folder) => ({
      real: await realpath(folder).catch(() => {
        throw new Failure("NOT_FOUND", `the allowed folder ${folder} is not there`);
      }),
      // A name that two folders have says nothing.
      shown: names.filter((name) => name === basename(folder)).length === 1 ? basename(folder) : folder,
    })),
  );
}

const shownAs = (path: string): string => path.replace(/[/\\]+$/, "") || path;

/** How something below a place is named. */
export const below = (place: Place, real: string): string =>
  join(place.shown, relative(place.real, real)).split(sep).join("/");

export const isFolder = async (real: string): Promise<boolean> => (await stat(real)).isDirectory();
