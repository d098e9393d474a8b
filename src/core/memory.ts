import { z } from "zod";
import { Failure } from "./errors.ts";

/** What one value may be at most, in bytes of its JSON. */
export const MOST_VALUE_BYTES = 65_536;

/** How memory is kept; what is not said is kept without that limit. */
export const MemorySettings = z.strictObject({
  /** A value that says nothing else is kept for so many days after it was written. */
  keep_days: z.number().positive().max(36_500).optional(),
  /** All values of one caller together, older versions among them. */
  most_bytes: z.int().positive().default(16_777_216),
  /** So many versions of a value can be read; of those before them stays who wrote them when. */
  most_versions: z.int().positive().max(1000).default(20),
});
export type MemorySettings = z.output<typeof MemorySettings>;

/** The name of what is remembered. */
export const MemoryKey = z
  .string()
  .regex(/^[\w.:/-]{1,100}$/, "a key has letters, digits and _ . : / - (at most 100), such as notes/style");

/** Who wrote something, as far as that is known; whose it is, is the caller. */
export interface Author {
  readonly run?: string;
  /** The place in the run. */
  readonly place?: string;
  /** `name@version`. */
  readonly agent?: string;
}

/** One version of what stands under a key. */
export interface Remembered {
  readonly key: string;
  readonly version: number;
  /** `forgotten`: from here on there is nothing. `erased`: its contents are gone for good. */
  readonly state: "kept" | "forgotten" | "erased";
  /** Only where it is kept. */
  readonly value?: unknown;
  readonly bytes: number;
  readonly caller: string;
  readonly by: Author;
  readonly at: number;
  readonly expires_at?: number;
}

export interface MemoryWrite {
  readonly key: string;
  readonly value: unknown;
  readonly by: Author;
  /** Instead of the setting `memory.keep_days`. */
  readonly ttl_days?: number;
  /** The same write again changes nothing, and is told what the first has told. */
  readonly once?: string;
}

/** Which keys are meant: exactly one, or with `*` at its end all that begin so. */
export type KeyGrants = readonly string[];

export interface MemoryHit extends Pick<Remembered, "key" | "version" | "at" | "by"> {
  /** The words that were found, in brackets, with what stands around them. */
  readonly snippet: string;
}

export interface MemoryList {
  readonly entries: readonly Remembered[];
  /** The key after which the next page begins. */
  readonly next?: string;
}

/** What is remembered beyond runs. Nothing of one caller is ever told to another. */
export interface MemoryStore {
  /** Writes a new version; older ones stay readable. */
  write(caller: string, write: MemoryWrite): Promise<Remembered>;
  /** What stands under a key now, or what a version was. */
  read(caller: string, key: string, version?: number): Promise<Remembered | undefined>;
  /** The best first; of all words, else of some. No query is wrong, some find nothing. */
  search(
    caller: string,
    asked: { readonly query: string; readonly keys: KeyGrants; readonly limit: number },
  ): Promise<readonly MemoryHit[]>;
  /** What stands there now, by key. */
  list(
    caller: string,
    asked: { readonly prefix?: string; readonly keys: KeyGrants; readonly limit: number; readonly after?: string },
  ): Promise<MemoryList>;
  /** All versions of a key, the latest first. */
  history(caller: string, key: string): Promise<readonly Remembered[]>;
  /** Writes that there is nothing any more; undefined where there was nothing. What was there goes after 30 days. */
  forget(caller: string, key: string, by: Author, once?: string): Promise<Remembered | undefined>;
  /** Forgets it, and erases the contents of all its versions at once; how many those were. */
  purge(caller: string, key: string, by: Author): Promise<number>;
}

/** Do these words allow a key? */
export const allowsKey = (grants: KeyGrants, key: string): boolean =>
  grants.some((grant) => (grant.endsWith("*") ? key.startsWith(grant.slice(0, -1)) : key === grant));

/** The JSON of a value that may be remembered; throws where it is too large or nothing. */
export function memoryJson(key: string, value: unknown): { readonly json: string; readonly bytes: number } {
  const json = JSON.stringify(typeof value === "string" ? value.toWellFormed() : value);
  if (json === undefined)
    throw new Failure("INVALID_INPUT", `there is no value to remember under ${JSON.stringify(key)}`);
  const bytes = new TextEncoder().encode(json).byteLength;
  if (bytes <= MOST_VALUE_BYTES) return { json, bytes };
  throw new Failure(
    "TOO_LARGE",
    `the value of ${JSON.stringify(key)} has ${bytes} bytes; at most ${MOST_VALUE_BYTES} are remembered`,
    {
      hint: "Remember what matters of it, or spread it over several keys such as notes/1 and notes/2.",
    },
  );
}
