import { LOCAL_CALLER } from "../core/caller.ts";
import { allPages } from "./all-pages.ts";
import { looking } from "./looking.ts";
import type { CommonOptions } from "./settings.ts";

export interface AgentsOptions extends CommonOptions {
  readonly note?: string;
  readonly json?: boolean;
}

/** What manage_agents does under the same word. */
export type AgentsAction =
  | "list"
  | "show"
  | "versions"
  | "compare"
  | "use"
  | "rollback"
  | "follow"
  | "retire"
  | "restore";

/** `baton agents`: agents, their versions and how each has done; which one new runs ask. All pages of an answer. */
export const agents = (
  action: AgentsAction,
  [name, a, b]: readonly (string | undefined)[],
  { note, json, ...common }: AgentsOptions,
): Promise<number> =>
  looking(common, async (baton) => {
    const args = { action, ...argsOf(action, name, a, b), ...(note !== undefined && { note }) };
    return allPages(baton, "manage_agents", args, { caller: LOCAL_CALLER, json });
  });

function argsOf(action: AgentsAction, name = "", a?: string, b?: string): object {
  if (action === "list") return {};
  if (action !== "compare") return { name };
  return { name: a === undefined ? name : `${name}@${a.replace(`${name}@`, "")}`, ...(b !== undefined && { with: b }) };
}
