import { Failure } from "../core/errors.ts";
import { hasEnded } from "../core/status.ts";
import type { Run, RunStore } from "../core/store.ts";
import { OK } from "./complain.ts";
import { looking } from "./looking.ts";
import type { CommonOptions } from "./settings.ts";

export interface PauseOptions extends CommonOptions {
  readonly all?: boolean;
}

type Does = "pause" | "resume";

const PAGE = 200;

/** `baton pause` and `baton resume`: one run, or all that have not ended, whoever started them. */
export const pause = (does: Does, id: string | undefined, { all, ...common }: PauseOptions): Promise<number> =>
  looking(common, async (baton) => {
    if ((id === undefined) === !all)
      throw new Failure("INVALID_INPUT", `baton ${does} takes a run's id, or --all`, {
        hint: "baton runs shows the runs there are.",
      });
    const { store } = await baton.open();
    const runs = id === undefined ? await unfinished(store, does) : [await store[does](id)];
    for (const run of runs) process.stdout.write(`${sentence(does, run)}\n`);
    if (runs.length === 0) process.stdout.write(`There is nothing to ${does}.\n`);
    return OK;
  });

/** Pauses or resumes all runs for which that changes something. */
async function unfinished(store: RunStore, does: Does): Promise<readonly Run[]> {
  const found: string[] = [];
  for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
    const from = cursor === undefined ? {} : { cursor };
    const page = await store.list({ status: ["queued", "running", "waiting"], limit: PAGE, ...from });
    found.push(...page.runs.filter(({ paused }) => paused === (does === "resume")).map(({ id }) => id));
    cursor = page.next;
  }
  return Promise.all(found.map((id) => store[does](id)));
}

function sentence(does: Does, { id, status, paused }: Run): string {
  if (hasEnded(status)) return `${id} had ended before: it is ${status}.`;
  if (does === "resume") return `${id} goes on: it is ${status}.`;
  const inFlight = status === "running" && paused;
  return inFlight ? `${id} is put down as soon as its calls in flight have ended.` : `${id} is paused.`;
}
