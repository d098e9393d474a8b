import type { Context } from "hono";
import { Failure } from "../core/errors.ts";
import type { Run, RunStore } from "../core/store.ts";

/** What is known of a request once it has passed the door: who makes it, and whether they may decide all. */
export type Env = { Variables: { caller: string; approver: string | undefined } };

/** Names whoever reads a page. */
export const readerOf = (c: Context<Env>): string => JSON.stringify([c.get("caller"), c.get("approver")]);

/** A run that this reader may see: their own, and to an approver every one. Another's is as unknown as none. */
export async function runOf(c: Context<Env>, store: RunStore, id: string): Promise<Run> {
  const run = await store.get(id);
  if (run && (c.get("approver") !== undefined || run.caller === c.get("caller"))) return run;
  throw new Failure("NOT_FOUND", "There is no such run.");
}
