import type { Terms } from "../core/approval.ts";
import type { Amount, Caps } from "../core/budget.ts";
import type { Fork } from "../core/changes.ts";
import type { FailureInfo } from "../core/errors.ts";
import type { EventFilter, StoredEvent } from "../core/event.ts";
import type { OnBudget } from "../core/limits.ts";
import type { Material } from "../core/material.ts";
import type { RehearsalPlan, ShapeMode } from "../core/provider.ts";
import type { Status } from "../core/status.ts";
import type { Attempt, AttemptResult, Line, Run, RunCaps, Wait, WorkerIdentity } from "../core/store.ts";
import type { Usage } from "../core/usage.ts";
import { bit, type Cell, flag, int, maybeInt, maybeText, present, type Row, text } from "./statement.ts";
import { inputCells, inputOf, type Texts, unpack } from "./texts.ts";

/** The cells of a run's row that may refer to texts. */
export const runCells = (row: Row): readonly (Cell | undefined)[] => [
  row["input"],
  row["output"],
  row["error"],
  row["fork"],
  row["material"],
];

export function runOf(row: Row, texts: Texts): Run {
  return {
    id: text(row, "id"),
    status: text(row, "status") as Status,
    pattern: text(row, "pattern"),
    pattern_version: int(row, "pattern_version"),
    input: unpack(row["input"], texts),
    caller: text(row, "caller"),
    caps: runCapsOf(row),
    on_budget: text(row, "on_budget") as OnBudget,
    priority: int(row, "priority"),
    labels: listOf(row, "labels"),
    catalogue: text(row, "catalogue"),
    seed: text(row, "seed"),
    needs: listOf(row, "needs"),
    generation: int(row, "generation"),
    epoch: int(row, "epoch"),
    crashes: int(row, "crashes"),
    cancelling: flag(row, "cancelling"),
    paused: flag(row, "paused"),
    created_at: int(row, "created_at"),
    held_ms: int(row, "held_ms"),
    degraded: listOf(row, "degraded"),
    usage: usageOf(row),
    held: int(row, "held_usd"),
    ...present({
      rehearsal: unpack(row["rehearsal"], texts) as RehearsalPlan | undefined,
      owner: maybeText(row, "owner"),
      started_at: maybeInt(row, "started_at"),
      ended_at: maybeInt(row, "ended_at"),
      wake_at: maybeInt(row, "wake_at"),
      dropped_at: maybeInt(row, "dropped_at"),
      undoes: maybeText(row, "undoes"),
      redone: redoneOf(row),
      output: unpack(row["output"], texts),
      error: unpack(row["error"], texts) as FailureInfo | undefined,
      progress: maybeText(row, "progress"),
      source: maybeText(row, "source_run"),
      fork: unpack(row["fork"], texts) as Fork | undefined,
      control: unpack(row["control"], texts) as Run["control"],
      material: unpack(row["material"], texts) as Material | undefined,
    }),
  };
}

export const redoneOf = (row: Row): Readonly<Record<string, number>> | undefined => {
  const redone = maybeText(row, "redone");
  return redone === undefined ? undefined : (JSON.parse(redone) as Record<string, number>);
};

export const capsOf = (row: Row): Caps =>
  present({ usd: maybeInt(row, "cap_usd"), tokens: maybeInt(row, "cap_tokens"), calls: maybeInt(row, "cap_calls") });

const runCapsOf = (row: Row): RunCaps => ({
  ...capsOf(row),
  ...present({ seconds: maybeInt(row, "cap_seconds") }),
  explicit: flag(row, "cap_explicit"),
});

export const heldOf = (row: Row): Amount => ({
  usd: int(row, "held_usd"),
  tokens: int(row, "held_tokens"),
  calls: int(row, "held_calls"),
});

const listOf = (row: Row, column: string): readonly string[] => JSON.parse(text(row, column)) as string[];

/** The usage that the columns of a run or an attempt hold. */
export function usageOf(row: Row): Usage {
  return {
    usd: int(row, "usd"),
    input: int(row, "input_tokens"),
    cached: int(row, "cached_tokens"),
    cache_write: int(row, "cache_write_tokens"),
    output: int(row, "output_tokens"),
    reasoning: int(row, "reasoning_tokens"),
    calls: int(row, "calls"),
    ...(int(row, "partial") > 0 && { partial: true }),
  };
}

export const lineCells = (row: Row): readonly (Cell | undefined)[] => [row["value"], row["error"]];

export function lineOf(row: Row, texts: Texts): Line {
  return {
    generation: int(row, "generation"),
    place: text(row, "place"),
    seq: int(row, "seq"),
    kind: text(row, "kind") as Line["kind"],
    print: text(row, "print"),
    state: text(row, "state") as Line["state"],
    ms: int(row, "ms"),
    at: int(row, "at"),
    ...(flag(row, "dropped") && { dropped: true }),
    ...(flag(row, "reused") && { reused: true }),
    ...present({
      value: unpack(row["value"], texts),
      error: unpack(row["error"], texts) as FailureInfo | undefined,
      agent: maybeText(row, "agent"),
      model: maybeText(row, "model"),
      usage: unpackUsage(row["usage"]),
      degraded: row["degraded"] === null ? undefined : listOf(row, "degraded"),
    }),
  };
}

/** A usage as a line keeps it: its figures in order, as `unpackUsage` reads them. */
export function packUsage({ usd, input, cached, cache_write, output, reasoning, calls, partial }: Usage): string {
  return JSON.stringify([usd, input, cached, cache_write, output, reasoning, calls, bit(partial)]);
}

export function unpackUsage(cell: Cell | undefined): Usage | undefined {
  if (typeof cell !== "string") return undefined;
  const [usd = 0, input = 0, cached = 0, cache_write = 0, output = 0, reasoning = 0, calls = 0, partial = 0] =
    JSON.parse(cell) as number[];
  const usage = { usd, input, cached, cache_write, output, reasoning, calls };
  return partial === 1 ? { ...usage, partial: true } : usage;
}

export const attemptCells = (row: Row): readonly (Cell | undefined)[] => [
  row["reply"],
  row["uses"],
  row["error"],
  ...inputCells(row),
];

export function attemptOf(row: Row, texts: Texts): Attempt {
  const version = maybeText(row, "agent_version");
  return {
    id: int(row, "id"),
    generation: int(row, "generation"),
    place: text(row, "place"),
    epoch: int(row, "epoch"),
    rung: int(row, "rung"),
    turn: int(row, "turn"),
    agent: version === undefined ? text(row, "agent") : `${text(row, "agent")}@${version}`,
    model: text(row, "model"),
    state: text(row, "state") as Attempt["state"],
    reserve: { usd: int(row, "reserve_usd"), tokens: int(row, "reserve_tokens") },
    max_output_tokens: int(row, "max_output_tokens"),
    clamped: flag(row, "clamped"),
    usage: usageOf(row),
    estimated: flag(row, "estimated"),
    overrun: flag(row, "overrun"),
    cached_answer: flag(row, "cached_answer"),
    input: inputOf(row, texts),
    at: int(row, "at"),
    ...present({
      result: maybeText(row, "result") as AttemptResult | undefined,
      error: unpack(row["error"], texts) as FailureInfo | undefined,
      reply: unpack(row["reply"], texts) as string | undefined,
      uses: unpack(row["uses"], texts) as Attempt["uses"],
      mode: maybeText(row, "mode") as ShapeMode | undefined,
      first_ms: maybeInt(row, "first_ms"),
      ms: maybeInt(row, "ms"),
    }),
  };
}

export const waitCells = (row: Row): readonly (Cell | undefined)[] => [row["show"], row["answer"], row["terms"]];

export function waitOf(row: Row, texts: Texts): Wait {
  return {
    generation: int(row, "generation"),
    place: text(row, "place"),
    kind: text(row, "kind") as Wait["kind"],
    state: text(row, "state") as Wait["state"],
    opened_at: int(row, "opened_at"),
    ...present({
      show: unpack(row["show"], texts),
      event: filterOf(row),
      approval: maybeText(row, "approval"),
      expires_at: maybeInt(row, "expires_at"),
      terms: unpack(row["terms"], texts) as Terms | undefined,
      escalate_at: maybeInt(row, "escalate_at"),
      escalated_at: maybeInt(row, "escalated_at"),
      answer: unpack(row["answer"], texts),
      decided_by: maybeText(row, "decided_by"),
      decided_at: maybeInt(row, "decided_at"),
    }),
  };
}

/** Which event a wait is for. */
export function filterOf(row: Row): EventFilter | undefined {
  const type = maybeText(row, "event_type");
  if (type === undefined) return undefined;
  return {
    type,
    ...present({ where: maybeText(row, "event_where"), correlation_id: maybeText(row, "event_correlation") }),
  };
}

export function eventOf(row: Row, texts: Texts): StoredEvent {
  return {
    specversion: "1.0",
    id: text(row, "id"),
    source: text(row, "source"),
    type: text(row, "type"),
    time: text(row, "time"),
    ...present({ subject: maybeText(row, "subject"), correlationid: maybeText(row, "correlation") }),
    data: unpack(row["data"], texts) ?? null,
    caller: text(row, "caller"),
    number: int(row, "number"),
  };
}

export const workerOf = (row: Row): WorkerIdentity => ({
  id: text(row, "id"),
  pid: int(row, "pid"),
  host: text(row, "host"),
  boot: text(row, "boot"),
  lock: text(row, "lock_file"),
  ...present({ role: maybeText(row, "role") }),
});
