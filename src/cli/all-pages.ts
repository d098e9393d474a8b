import type { Baton } from "../server.ts";
import { OK } from "./complain.ts";
import { ask, print } from "./looking.ts";

/** Prints the answer of a tool, all pages of it. */
export async function allPages(
  baton: Baton,
  tool: string,
  first: object,
  { caller, json }: { readonly caller: string; readonly json: boolean | undefined },
): Promise<number> {
  for (let args: object | undefined = first; args; ) {
    const reply = await ask(baton, tool, args, caller);
    const { next, ...data } = reply.data as { next?: { arguments: object } };
    const code = print({ ...reply, data, text: reply.text.replace(/\nnext: .*$/, "") }, json);
    if (code !== OK) return code;
    args = next?.arguments;
  }
  return OK;
}
