import { LOCAL_CALLER } from "../core/caller.ts";
import { OK } from "./complain.ts";
import { ask, looking, print } from "./looking.ts";
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
    let args: object | undefined = asked;
    while (args) {
      const reply = await ask(baton, "get_run_trace", args, caller);
      const { next, ...data } = reply.data as { next?: { arguments: object } };
      const code = print({ ...reply, data, text: reply.text.replace(/\nnext: .*$/, "") }, json);
      if (code !== OK) return code;
      args = next?.arguments;
    }
    return OK;
  });
