import {
  type CompleteResult,
  type ListResourcesResult,
  type ReadResourceResult,
  ResourceNotFoundError,
} from "@modelcontextprotocol/server";
import { billOf } from "../core/bill.ts";
import { Failure } from "../core/errors.ts";
import { aboutRun } from "../core/record.ts";
import type { Memory, Run } from "../core/store.ts";
import { runUri, traceUri } from "./envelope.ts";
import { ownRun } from "./own-run.ts";
import type { Rooms } from "./tool.ts";

const LISTED = 20;
const JSON_TYPE = "application/json";

export const RESOURCE_TEMPLATES = [
  {
    uriTemplate: runUri("{id}"),
    name: "run",
    title: "A run",
    description: "A run whole: input, output, status, bill.",
    mimeType: JSON_TYPE,
  },
  {
    uriTemplate: traceUri("{id}"),
    name: "trace",
    title: "A run's journal",
    description: "Every step and every request of a run.",
    mimeType: JSON_TYPE,
  },
];

/** The caller's latest runs. */
export async function listResources({ store }: Rooms, caller: string): Promise<ListResourcesResult> {
  const { runs } = await store.list({ caller, limit: LISTED });
  return {
    resources: runs.map((run) => ({
      uri: runUri(run.id),
      name: run.id,
      title: `${run.pattern}: ${aboutRun(run)}`,
      description: run.status,
      mimeType: JSON_TYPE,
    })),
  };
}

/** A run or its journal, whole; with `?step=` one step of it. */
export async function readResource({ store }: Rooms, uri: string, caller: string): Promise<ReadResourceResult> {
  const [, id, trace, query] = /^baton:\/\/runs\/([^/?#]+)(\/trace(?:\?([^#]*))?)?$/.exec(uri) ?? [];
  if (id === undefined) throw new ResourceNotFoundError(uri);
  const run = await ownRun(store, id, caller).catch((error: unknown) => {
    throw Failure.from(error).code === "NOT_FOUND" ? new ResourceNotFoundError(uri) : error;
  });
  const body = trace === undefined ? whole(run) : journal(run, stepOf(await store.memory(id), query));
  return { contents: [{ uri, mimeType: JSON_TYPE, text: JSON.stringify(body, null, 1) }] };
}

function stepOf(memory: Memory, query: string | undefined): Memory {
  const step = new URLSearchParams(query).get("step");
  if (step === null) return memory;
  const here = ({ place }: { place: string }) => place === step;
  return {
    lines: memory.lines.filter(here),
    attempts: memory.attempts.filter(here),
    waits: memory.waits.filter(here),
  };
}

function whole(run: Run) {
  const { id, status, pattern, pattern_version, input, output, error, degraded, labels, usage } = run;
  const times = { created_at: run.created_at, started_at: run.started_at, ended_at: run.ended_at };
  return {
    run_id: id,
    status,
    pattern,
    pattern_version,
    input,
    output,
    error,
    degraded,
    labels,
    usage: billOf(usage),
    ...times,
  };
}

const journal = (run: Run, { lines, attempts, waits }: Memory) => ({
  run_id: run.id,
  status: run.status,
  lines,
  attempts,
  waits,
});

/** Run ids that begin as written so far. */
export async function completeRunId({ store }: Rooms, begun: string, caller: string): Promise<CompleteResult> {
  const { runs } = await store.list({ caller, limit: 100 });
  const values = runs.map(({ id }) => id).filter((id) => id.startsWith(begun));
  return { completion: { values: values.slice(0, 100), hasMore: false } };
}
