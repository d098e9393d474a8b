import { ask, looking, print } from "./looking.ts";
import type { CommonOptions } from "./settings.ts";

export interface RunsOptions extends CommonOptions {
  readonly status?: string;
  readonly query?: string;
  readonly limit?: number;
  readonly caller: string;
  readonly json?: boolean;
}

/** `baton runs`: the latest runs, as list_runs tells them. */
export const runs = ({ status, query, limit, caller, json, ...common }: RunsOptions): Promise<number> =>
  looking(common, async (baton) => {
    const filter = { ...(status && { status }), ...(query && { query }), ...(limit !== undefined && { limit }) };
    return print(await ask(baton, "list_runs", filter, caller), json);
  });
