import { Failure } from "../core/errors.ts";
import type { Material } from "../core/material.ts";
import { toUsd } from "../core/money.ts";
import { nearest } from "../core/nearest.ts";
import { isPlace } from "../core/place.ts";
import type { Message, ToolUse } from "../core/provider.ts";
import { marksOf, type StepRecord, stepRecords } from "../core/record.ts";
import { redact } from "../core/redact.ts";
import type { Attempt, Memory, Run } from "../core/store.ts";
import { addUsage, NO_USAGE, type Usage } from "../core/usage.ts";
import { clip, firstOf, fitting, textOf } from "./fit.ts";
import { mermaid } from "./graph.ts";
import { rowPage, textPage } from "./page.ts";
import { counted, decimal } from "./render.ts";
import { billed, resultOf, stepLine, stepRow, tokenWords } from "./trace-rows.ts";

/** One reading of a run's journal: as data, as text, and where it goes on. */
export interface View {
  readonly data: Readonly<Record<string, unknown>>;
  readonly text: string;
  readonly next?: string;
}

const ROOM = 1400;

export interface Asked {
  readonly run: Run;
  readonly memory: Memory;
  readonly step?: string | undefined;
  readonly cursor?: string | undefined;
}

/** The run as a whole: its times, its bill, how its steps ended, which were slow and dear. */
export function summary({ run, memory }: Asked): View {
  const records = stepRecords(memory);
  const counts = Object.fromEntries(
    [...Map.groupBy(records, ({ status }) => status)].map(([k, list]) => [k, list.length]),
  );
  const who = [...new Set(records.flatMap(({ agent, kind }) => (kind === "call" && agent ? [agent] : [])))];
  const top = (by: (record: StepRecord) => number) =>
    records
      .filter((r) => by(r) > 0)
      .toSorted((a, b) => by(b) - by(a))
      .slice(0, 3);
  const data = {
    pattern: `${run.pattern} v${run.pattern_version}`,
    created_at: iso(run.created_at),
    ...(run.started_at !== undefined && { started_at: iso(run.started_at) }),
    ...(run.ended_at !== undefined && { ended_at: iso(run.ended_at), ms: run.ended_at - run.created_at }),
    ...(run.generation > 1 && { generation: run.generation }),
    ...(run.crashes > 0 && { crashes: run.crashes }),
    ...billed(run.usage),
    calls: run.usage.calls,
    ...(run.usage.partial && { partial: true }),
    steps: counts,
    ...(who.length > 0 && { agents: firstOf(who, 12) }),
    slowest: top(({ ms }) => ms).map(({ place, ms }) => ({ step: place, ms })),
    dearest: top(({ usage }) => usage.usd).map(({ place, usage }) => ({ step: place, usd: toUsd(usage.usd) })),
    ...(run.degraded.length > 0 && { degraded: run.degraded.map((why) => clip(why, 200)).slice(0, 6) }),
    ...(run.error && { error: `${run.error.code}: ${clip(run.error.message, 400)}` }),
    input: fitting(redact(run.input), 400).value,
  };
  return {
    data,
    text: Object.entries(data)
      .map(([key, value]) => `${key}: ${figure(key, value)}`)
      .join("\n"),
  };
}

const iso = (ms: number): string => new Date(ms).toISOString();
const figure = (key: string, value: unknown): string => (key === "usd" ? decimal(Number(value)) : textOf(value));

/** Every step in one line, in order. */
export function steps({ memory, cursor }: Asked): View {
  const { shown, next } = rowPage(stepRecords(memory).map(stepRow), cursor, ROOM);
  const text = shown.length === 0 ? "no step has ended or is in flight" : shown.map(stepLine).join("\n");
  return { data: { steps: shown }, text, ...(next !== undefined && { next }) };
}

/** One step whole: what was asked, what was answered, request by request. */
export function step({ run, memory, step: wanted, cursor }: Asked): View {
  const records = stepRecords(memory);
  const record = wanted === undefined ? undefined : records.findLast(({ place }) => isPlace(place, wanted));
  if (!record) throw unknownStep(wanted, records);
  const { shown, next } = textPage(stepText(record, filesGiven(run.material)), cursor, ROOM);
  const row = stepRow(record);
  return { data: { step: row, text: shown }, text: `${stepLine(row)}\n${shown}`, ...(next !== undefined && { next }) };
}

function unknownStep(wanted: string | undefined, records: readonly StepRecord[]): Failure {
  const places = records.map(({ place }) => place);
  const near = wanted === undefined ? [] : nearest(wanted, places);
  const known = [...new Set([...near, ...places])].slice(0, 20).join(", ") || "none yet";
  const why =
    wanted === undefined ? 'the view "step" needs `step`' : `the run has no step ${JSON.stringify(clip(wanted, 80))}`;
  return new Failure(wanted === undefined ? "INVALID_INPUT" : "NOT_FOUND", why, { hint: `Its steps: ${known}.` });
}

function stepText({ attempts, value, error, kind, decided }: StepRecord, files: FilesGiven): string {
  const told = attempts.map((attempt, index) => attemptText(attempt, index, files));
  if (decided) told.push(`decided by ${decided.by} at ${new Date(decided.at).toISOString()}`);
  if (kind !== "call" && value !== undefined) told.push(`told the run: ${textOf(value)}`);
  if (error) told.push(`failed: ${error.code} (${error.kind}): ${error.message}`);
  return told.join("\n\n");
}

function attemptText(attempt: Attempt, index: number, files: FilesGiven): string {
  const { model, input, reply, uses, error, usage, ms, first_ms, mode } = attempt;
  const head = [
    `request ${index + 1}: ${resultOf(attempt)}`,
    model,
    ms === undefined ? "" : `${ms} ms${first_ms === undefined ? "" : ` (first token after ${first_ms})`}`,
    tokenWords(billed(usage)),
    `$${decimal(toUsd(usage.usd))}`,
    input.shape_version && `input schema ${input.shape_version}${mode ? ` asked as ${mode}` : ""}`,
    ...marksOf([attempt]),
  ];
  return [
    head.filter(Boolean).join(" · "),
    input.system && `asked (system):\n${input.system}`,
    input.after !== undefined && `after all that was said up to ${input.after}:`,
    ...files(input.messages.map(({ content }) => content).join("\n")),
    ...input.messages.flatMap(messageTexts),
    input.tools && `tools: ${input.tools.map(({ name }) => name).join(", ") || "none"}`,
    error && `error: ${error.code}: ${error.message}`,
    reply !== undefined && !(uses && reply === "") && `answered:\n${reply}`,
    ...(uses ?? []).map(useText),
  ]
    .filter(Boolean)
    .join("\n");
}

/** The files of a run that a text names, a line each. */
type FilesGiven = (text: string) => readonly string[];

const filesGiven =
  ({ files = [] }: Material = {}): FilesGiven =>
  (text) =>
    files
      .filter(({ sha256 }) => text.includes(sha256))
      .map(({ name, type, size }) => `given with it: ${name} (${type}, ${size.toLocaleString("en")} bytes)`);

function messageTexts({ role, content, uses = [], results = [], media = [] }: Message): string[] {
  return [
    ...media.map(({ type, name }) => `given (${type}): ${name ?? "unnamed"}`),
    ...results.map(({ id, content: text, is_error }) => `${is_error ? "error" : "result"} of ${id}:\n${text}`),
    ...(content === "" && (uses.length > 0 || results.length > 0) ? [] : [`asked (${role}):\n${content}`]),
    ...uses.map(useText),
  ];
}

const useText = ({ id, name, arguments: given }: ToolUse): string => `wanted ${name} (${id}): ${textOf(given)}`;

/** Where the money went: by step, by model and by agent. */
export function cost({ run, memory, cursor }: Asked): View {
  const records = stepRecords(memory).filter(({ attempts }) => attempts.length > 0);
  const rows = records
    .toSorted((a, b) => b.usage.usd - a.usage.usd)
    .map(({ place, usage, marks, attempts }) => ({
      step: place,
      requests: attempts.length,
      ...billed(usage),
      ...(marks.length > 0 && { marks }),
    }));
  const { shown, next } = rowPage(rows, cursor, ROOM - 400);
  const data = {
    ...billed(run.usage),
    held_usd: toUsd(run.held),
    ...(run.caps.usd !== undefined && { cap_usd: toUsd(run.caps.usd) }),
    by_model: grouped(memory.attempts, ({ model }) => model),
    by_agent: grouped(memory.attempts, ({ agent }) => agent),
    by_step: shown,
  };
  const line = (name: string, row: ReturnType<typeof billed> & { marks?: readonly string[] }) =>
    [name, `$${decimal(row.usd)}`, tokenWords(row), ...(row.marks ?? [])].join(" · ");
  const cap = data.cap_usd === undefined ? "" : ` of at most $${decimal(data.cap_usd)}`;
  const text = [
    `spent $${decimal(data.usd)}${cap}, held $${decimal(data.held_usd)}`,
    `in all · ${tokenWords(data)}`,
    ...data.by_model.map((row) => line(`model ${row.name}`, row)),
    ...data.by_agent.map((row) => line(`agent ${row.name}`, row)),
    ...shown.map((row) => line(`step ${row.step} (${counted(row.requests, "request")})`, row)),
  ];
  return { data, text: text.join("\n"), ...(next !== undefined && { next }) };
}

function grouped(attempts: readonly Attempt[], by: (attempt: Attempt) => string) {
  const groups = [...Map.groupBy(attempts, by)].map(([name, list]) => {
    const usage: Usage = list.reduce((all, { usage }) => addUsage(all, usage), NO_USAGE);
    return { name, requests: list.length, ...billed(usage) };
  });
  return groups.toSorted((a, b) => b.usd - a.usd).slice(0, 12);
}

/** The run drawn as Mermaid text. */
export function graph({ run, memory, cursor }: Asked): View {
  const { shown, next } = textPage(mermaid(run.pattern, stepRecords(memory)), cursor, ROOM);
  return { data: { graph: shown }, text: shown, ...(next !== undefined && { next }) };
}
