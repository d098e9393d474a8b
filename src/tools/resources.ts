import { type ListResourcesResult, type ReadResourceResult, ResourceNotFoundError } from "@modelcontextprotocol/server";
import { billOf } from "../core/bill.ts";
import { Failure } from "../core/errors.ts";
import { aboutRun } from "../core/record.ts";
import type { Memory, Run } from "../core/store.ts";
import { compareUri, comparisonOf } from "./comparing.ts";
import { runUri, traceUri } from "./envelope.ts";
import { clip } from "./fit.ts";
import { ownRun } from "./own-run.ts";
import type { Rooms } from "./tool.ts";
import { traceMemory } from "./trace-memory.ts";
import { type Drawer, drawnWorkflow, workflowCard } from "./workflows.ts";

const LISTED = 20;
const JSON_TYPE = "application/json";
const FORMAT_URI = "baton://schemas/workflow";
const agentUri = (name: string): string => `baton://agents/${escaped(name)}`;
const workflowUri = (name: string): string => `baton://workflows/${escaped(name)}`;

/** A template's place stays as it is. */
const escaped = (name: string): string => (name.startsWith("{") ? name : encodeURIComponent(name));

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
  {
    uriTemplate: compareUri("{id}"),
    name: "compare",
    title: "A fork beside its source",
    description: "What differs: output, status, cost, tokens and time, and each step that is not the same.",
    mimeType: JSON_TYPE,
  },
  {
    uriTemplate: agentUri("{name}"),
    name: "agent",
    title: "An agent",
    description: "What an agent is for, its models, its price, and what stands in its way.",
    mimeType: JSON_TYPE,
  },
  {
    uriTemplate: workflowUri("{name}"),
    name: "workflow",
    title: "A saved workflow",
    description: "A workflow whole: its definition, its inputs, a drawing, and what a reader would change.",
    mimeType: JSON_TYPE,
  },
];

/** The caller's latest runs, the agents, the saved workflows, and the format that these are written in. */
export async function listResources({ store, desk, library }: Rooms, caller: string): Promise<ListResourcesResult> {
  const { runs } = await store.list({ caller, limit: LISTED });
  return {
    resources: [
      ...runs.map((run) => card(runUri(run.id), run.id, `${run.pattern}: ${aboutRun(run)}`, run.status)),
      ...agentsOf(desk).map(({ name, description }) => card(agentUri(name), name, `Agent ${name}`, description)),
      ...(library?.list() ?? []).map(({ name, description }) =>
        card(workflowUri(name), name, `Workflow ${name}`, description),
      ),
      ...(library
        ? [card(FORMAT_URI, "workflow-format", "The format of workflows", "JSON Schema of a definition.")]
        : []),
    ],
  };
}

const card = (uri: string, name: string, title: string, description: string) => ({
  uri,
  name,
  title,
  description: clip(description, 200),
  mimeType: JSON_TYPE,
});

const agentsOf = (desk: Rooms["desk"]) => desk.list().filter(({ kind }) => kind === "agent");

/** What resources are read from: the rooms, who plays workflows, and the schema of their format. */
export interface Shelf extends Drawer {
  readonly rooms: Rooms;
  readonly format: () => Promise<unknown>;
}

/** A run or its journal, whole, with `?step=` one step of it; an agent; a workflow; the format of workflows. */
export async function readResource(shelf: Shelf, uri: string, caller: string): Promise<ReadResourceResult> {
  const body = await bodyOf(shelf, uri, caller);
  if (body === undefined) throw new ResourceNotFoundError(uri);
  return { contents: [{ uri, mimeType: JSON_TYPE, text: JSON.stringify(body, null, 1) }] };
}

async function bodyOf(shelf: Shelf, uri: string, caller: string): Promise<unknown> {
  if (uri === FORMAT_URI) return shelf.format();
  const [, kind, name = "", rest] = /^baton:\/\/(runs|agents|workflows)\/([^/?#]+)(\/.*)?$/.exec(uri) ?? [];
  if (kind === "runs") return runBody(shelf.rooms, name, rest, caller);
  if (kind === undefined || rest !== undefined) return undefined;
  const plain = plainName(name);
  if (kind === "agents") return agentsOf(shelf.rooms.desk).find((agent) => agent.name === plain);
  return workflowBody(shelf, plain);
}

async function runBody({ store }: Rooms, id: string, rest: string | undefined, caller: string): Promise<unknown> {
  const [, trace, query] = /^(\/trace)(?:\?([^#]*))?$/.exec(rest ?? "") ?? [];
  const isCompare = rest === "/compare";
  if (rest !== undefined && trace === undefined && !isCompare) return undefined;
  const run = await ownRun(store, id, caller).catch((error: unknown) => {
    if (Failure.from(error).code === "NOT_FOUND") return undefined;
    throw error;
  });
  if (!run) return undefined;
  if (isCompare) return comparisonOf(store, run);
  return trace === undefined ? whole(run) : journal(run, stepOf(await traceMemory(store, run), query));
}

function workflowBody({ rooms: { library }, ...drawer }: Shelf, name: string): unknown {
  const known = workflowCard(library, name);
  if (!library || "near" in known) return undefined;
  const { refused, definition = refused === undefined ? library.pin(name).definition : undefined, ...rest } = known;
  const mermaid = refused === undefined ? drawnWorkflow(library, name, drawer) : undefined;
  return { ...rest, ...(refused !== undefined && { refused }), definition, ...(mermaid !== undefined && { mermaid }) };
}

/** Names in addresses are escaped; one that is escaped wrongly is no name. */
function plainName(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
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

/** What may stand in a place of a resource's address, from what is written so far. */
export async function completeUri(rooms: Rooms, uri: string, begun: string, caller: string): Promise<string[]> {
  const all = await namesFor(rooms, uri, caller);
  return all.filter((name) => name.startsWith(begun)).slice(0, 100);
}

async function namesFor({ store, desk, library }: Rooms, uri: string, caller: string): Promise<string[]> {
  if (uri === agentUri("{name}")) return agentsOf(desk).map(({ name }) => name);
  if (uri === workflowUri("{name}")) return (library?.list() ?? []).map(({ name }) => name);
  const { runs } = await store.list({ caller, limit: 100 });
  return runs.map(({ id }) => id);
}
