import { Failure } from "../core/errors.ts";
import { callRows } from "../core/record.ts";
import type { RunStore } from "../core/store.ts";
import { exportCassette } from "./cassette.ts";
import { OK } from "./complain.ts";
import { looking } from "./looking.ts";
import type { CommonOptions } from "./settings.ts";

const PAGE = 100;

export interface ExportOptions extends CommonOptions {
  readonly jsonl?: boolean;
  readonly cassette?: string;
}

/** `baton export`: a run as a cassette, or the minimum viable record of every finished call; one JSON object a line. */
export const exportRun = (id: string | undefined, { jsonl: _, cassette, ...common }: ExportOptions): Promise<number> =>
  cassette === undefined ? exportCalls(id, common) : exportCassette(cassette, common);

const exportCalls = (id: string | undefined, common: CommonOptions): Promise<number> =>
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
