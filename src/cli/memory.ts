import { LOCAL_CALLER } from "../core/caller.ts";
import { allPages } from "./all-pages.ts";
import { looking } from "./looking.ts";
import type { CommonOptions } from "./settings.ts";

export interface MemoryOptions extends CommonOptions {
  readonly caller?: string;
  readonly at?: number;
  readonly ttlDays?: number;
  readonly purge?: boolean;
  readonly json?: boolean;
}

/** What manage_memory does under the same word. */
export type MemoryAction = "list" | "read" | "search" | "write" | "forget" | "history";

/** `baton memory`: what agents remember beyond runs, of one caller. All pages of an answer. */
export const memory = (
  action: MemoryAction,
  [what, value]: readonly (string | undefined)[],
  { caller = LOCAL_CALLER, at, ttlDays, purge, json, ...common }: MemoryOptions,
): Promise<number> =>
  looking(common, async (baton) => {
    const args = {
      action,
      ...(what !== undefined && { [ABOUT[action]]: what }),
      ...(value !== undefined && { value: jsonOr(value) }),
      ...(at !== undefined && { version: at }),
      ...(ttlDays !== undefined && { ttl_days: ttlDays }),
      ...(purge && { purge }),
    };
    return allPages(baton, "manage_memory", args, { caller, json });
  });

const ABOUT: Readonly<Record<MemoryAction, string>> = {
  ...{ list: "prefix", search: "query" },
  ...{ read: "key", write: "key", forget: "key", history: "key" },
};

/** A value as people type it: JSON where it is some, else a text. */
function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
