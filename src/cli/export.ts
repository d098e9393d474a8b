import { Failure } from "../core/errors.ts";
import { callRows } from "../core/record.ts";
import type { RunStore } from "../core/store.ts";
import { OK } from "./complain.ts";
import { looking } from "./looking.ts";
import type { CommonOptions } from "./settings.ts";

const PAGE = 100;

export interface ExportOptions extends CommonOptions {
  readonly jsonl?: boolean;
}

/** `baton export`: the minimum viable record of every finished call, one JSON object a line. */
export const exportCalls = (id: string | undefined, { jsonl: _, ...common }: ExportOptions): Promise<number> =>
  looking(common, async (baton) => {
    const { store } = await baton.open();
    if (id === undefined) for await (const run of allRuns(store)) await printCalls(store, run);
    else if (await store.get(id)) await printCalls(store, id);
    else throw new Failure("NOT_FOUND", `there is no run ${id}`, { hint: "baton runs lists them." });
    return OK;
  });

async function* allRuns(store: RunStore): AsyncGenerator<string> {
  let cursor: string | undefined;
  do {
    const page = await store.list({ limit: PAGE, ...(cursor !== undefined && { cursor }) });
    for (const { id } of page.runs) yield id;
    cursor = page.next;
  } while (cursor !== undefined);
}

async function printCalls(store: RunStore, run: string): Promise<void> {
  const rows = callRows(run, await store.memory(run));
  if (rows.length > 0) process.stdout.write(`${rows.map((row) => JSON.stringify(row)).join("\n")}\n`);
}
