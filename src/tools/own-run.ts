import { Failure } from "../core/errors.ts";
import type { Run, RunStore } from "../core/store.ts";

/** A run of this caller. Somebody else's is as unknown as one that never was. */
export async function ownRun(store: RunStore, id: string, caller: string): Promise<Run> {
  const run = await store.get(id);
  if (run && run.caller === caller) return run;
  throw new Failure("NOT_FOUND", `there is no run ${JSON.stringify(id.slice(0, 80))} of yours`, {
    hint: 'Run ids begin with r_. Find yours: list_runs {"limit":10}',
  });
}
