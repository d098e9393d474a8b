import { Failure } from "../core/errors.ts";
import { type Replayed, replayTable, replayTotals } from "../core/replay-table.ts";
import { hasEnded } from "../core/status.ts";
import type { Run } from "../core/store.ts";
import type { Baton, OpenRooms } from "../server.ts";
import { comparisonOf } from "../tools/comparing.ts";
import { OK, RUN_FAILED } from "./complain.ts";
import { ask } from "./looking.ts";

interface SetOptions {
  /** A label, or words of the input. */
  readonly which: string;
  readonly args: object;
  readonly limit?: number;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

const MOST = 20;
const WAIT_MS = 3_600_000;

/** Plays the ended runs of a set again with the same changes, and prints a table for whoever decides on the change. */
export async function replaySet(baton: Baton, rooms: OpenRooms, options: SetOptions): Promise<number> {
  const { which, limit = MOST, dryRun, json } = options;
  const sources = await chosen(rooms, which, limit);
  if (sources.length === 0)
    throw new Failure("NOT_FOUND", `no run that has ended has the label ${JSON.stringify(which)}, or these words`, {
      hint: "baton runs --query … shows which runs there are.",
    });
  if (dryRun) return foresee(baton, sources, options);
  const started: (readonly [Run, string | Failure])[] = [];
  for (const source of sources) started.push([source, await begin(baton, source, options.args)]);
  const all: Replayed[] = [];
  for (const [source, fork] of started) all.push(await outcome(rooms, source, fork));
  const data = { runs: all.map(plain), totals: replayTotals(all) };
  process.stdout.write(`${json ? JSON.stringify(data, null, 2) : replayTable(all)}\n`);
  return all.every(({ comparison }) => comparison?.status.after === "succeeded") ? OK : RUN_FAILED;
}

/** Those with the label, else those with the words; forks are no part of a set. */
async function chosen({ store }: OpenRooms, which: string, limit: number): Promise<readonly Run[]> {
  for (const filter of [{ label: which }, { query: which }]) {
    const { runs } = await store.list({ ...filter, status: ["succeeded", "failed"], limit: Math.min(1000, limit * 2) });
    const sources = runs.filter(({ source }) => source === undefined).slice(0, limit);
    if (sources.length > 0) return sources;
  }
  return [];
}

async function begin(baton: Baton, { id, caller }: Run, args: object): Promise<string | Failure> {
  const { data, text } = await ask(baton, "replay_run", { ...args, run_id: id, wait_seconds: 0 }, caller);
  const fork = data["run_id"];
  return typeof fork === "string" ? fork : new Failure("INVALID_INPUT", text);
}

async function outcome({ engine, store }: OpenRooms, source: Run, fork: string | Failure): Promise<Replayed> {
  if (fork instanceof Failure) return { source, problem: fork.message.split("\n")[1] ?? fork.message };
  process.stderr.write(`${source.id} → ${fork}\n`);
  const run = await engine.wait(fork, WAIT_MS);
  if (!hasEnded(run.status)) return { source, problem: `${fork} is ${run.status}` };
  const comparison = await comparisonOf(store, run);
  return { source, ...(comparison ? { comparison } : { problem: "its source is gone" }) };
}

const plain = ({ source, comparison, problem }: Replayed) => ({ run_id: source.id, comparison, problem });

async function foresee(baton: Baton, sources: readonly Run[], { args, json }: SetOptions): Promise<number> {
  const rows: Readonly<Record<string, unknown>>[] = [];
  for (const { id, caller } of sources) {
    const { data, text, isError } = await ask(baton, "replay_run", { ...args, run_id: id, dry_run: true }, caller);
    const { reused, asked, usd } = data;
    rows.push({ run_id: id, ...(isError ? { problem: text.split("\n")[1] } : { reused, asked, usd }) });
  }
  const usd = rows.reduce((sum, row) => sum + Number(row["usd"] ?? 0), 0);
  const lines = rows.map((row) =>
    "problem" in row
      ? `${row["run_id"]}  ${row["problem"]}`
      : `${row["run_id"]}  ${row["reused"]} reused, ${row["asked"]} asked, likely $${row["usd"]}`,
  );
  const text = [...lines, `${rows.length} runs: likely $${Number(usd.toFixed(9))} in all; nothing was started`].join(
    "\n",
  );
  process.stdout.write(`${json ? JSON.stringify({ runs: rows, usd }, null, 2) : text}\n`);
  return OK;
}
