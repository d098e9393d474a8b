import { LOCAL_CALLER } from "../core/caller.ts";
import { allPages } from "./all-pages.ts";
import { looking } from "./looking.ts";
import type { CommonOptions } from "./settings.ts";

export interface TraceOptions extends CommonOptions {
  readonly view: string;
  readonly step?: string;
  readonly json?: boolean;
}

/** `baton trace`: what a run did, whoever called for it, all pages of the view. */
export const trace = (id: string, { view, step, json, ...common }: TraceOptions): Promise<number> =>
  looking(common, async (baton) => {
    const { store } = await baton.open();
    const caller = (await store.get(id))?.caller ?? LOCAL_CALLER;
    const asked = { run_id: id, view: step === undefined ? view : "step", ...(step !== undefined && { step }) };
    return allPages(baton, "get_run_trace", asked, { caller, json });
  });
