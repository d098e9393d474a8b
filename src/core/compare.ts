import { canonical } from "./fingerprint.ts";
import { isStep, standing } from "./fork.ts";
import { type DiffLine, diffLines } from "./line-diff.ts";
import { toUsd } from "./money.ts";
import { redact } from "./redact.ts";
import type { Line, Memory, Run } from "./store.ts";
import { addUsage, NO_USAGE, type Usage } from "./usage.ts";

/** What stands at one path of a JSON value in one output and in the other; absent: there is nothing. */
interface PathChange {
  readonly path: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

/** How two outputs differ: as texts by line, else by path. */
export type OutputDiff =
  | { readonly kind: "same" }
  | { readonly kind: "text"; readonly lines: readonly DiffLine[] }
  | { readonly kind: "json"; readonly changes: readonly PathChange[] };

/** Figures of one run: what its pattern was told they were, reused steps included, and what was paid. */
export interface Figures {
  readonly usd: number;
  readonly billed_usd: number;
  readonly tokens: number;
  readonly calls: number;
  /** What the steps took, one by one. */
  readonly ms: number;
}

/** A step that is not the same in both; absent: the run has no such step. */
export interface StepDifference {
  readonly step: string;
  readonly what: "answer" | "figures" | "only before" | "only after";
  readonly before?: StepFigures;
  readonly after?: StepFigures;
}

export interface StepFigures {
  readonly status: Line["state"];
  readonly agent?: string;
  readonly model?: string;
  readonly usd: number;
  readonly tokens: number;
  readonly ms: number;
}

/** What a fork has come to, beside its source. Money is in USD. */
export interface Comparison {
  readonly source: string;
  readonly fork: string;
  readonly status: { readonly before: Run["status"]; readonly after: Run["status"] };
  readonly reused: number;
  readonly asked: number;
  readonly output: OutputDiff;
  readonly totals: { readonly before: Figures; readonly after: Figures };
  /** Only the steps that differ, in the order in which the fork, or else the source, learnt of them. */
  readonly steps: readonly StepDifference[];
}

export interface Side {
  readonly run: Run;
  readonly memory: Memory;
}

/** Sets two runs side by side. No secrets are shown. */
export function compare(before: Side, after: Side): Comparison {
  const [old, now] = [stepsOf(before), stepsOf(after)];
  const places = new Set([...now.keys(), ...old.keys()]);
  const own = [...now.values()];
  return {
    source: before.run.id,
    fork: after.run.id,
    status: { before: before.run.status, after: after.run.status },
    reused: own.filter(({ reused }) => reused).length,
    asked: own.filter(({ reused }) => !reused).length,
    output: diffOutputs(byStep(redact(before.run.output)), byStep(redact(after.run.output))),
    totals: { before: totals(before, old), after: totals(after, now) },
    steps: [...places].flatMap((place) => stepDifference(place, old.get(place), now.get(place)) ?? []),
  };
}

function stepsOf({ memory }: Side): ReadonlyMap<string, Line> {
  const steps = standing(memory.lines).filter(isStep);
  return new Map(steps.sort((a, b) => a.seq - b.seq).map((line) => [line.place, line]));
}

function totals({ run }: Side, steps: ReadonlyMap<string, Line>): Figures {
  const lines = [...steps.values()];
  const used = lines.reduce((sum: Usage, { usage }) => (usage ? addUsage(sum, usage) : sum), NO_USAGE);
  return {
    usd: toUsd(used.usd),
    billed_usd: toUsd(run.usage.usd),
    tokens: used.input + used.output,
    calls: used.calls,
    ms: lines.reduce((sum, { ms }) => sum + ms, 0),
  };
}

function stepDifference(step: string, old: Line | undefined, now: Line | undefined): StepDifference | undefined {
  const sides = { ...(old && { before: figuresOf(old) }), ...(now && { after: figuresOf(now) }) };
  if (!now || !old) return { step, what: now ? "only after" : "only before", ...sides };
  if (now.reused) return undefined;
  const same =
    canonical([old.state, old.value, old.error?.code]) === canonical([now.state, now.value, now.error?.code]);
  return { step, what: same ? "figures" : "answer", ...sides };
}

const figuresOf = ({ state, agent, model, usage = NO_USAGE, ms }: Line): StepFigures => ({
  status: state,
  ...(agent !== undefined && { agent }),
  ...(model !== undefined && { model }),
  usd: toUsd(usage.usd),
  tokens: usage.input + usage.output,
  ms,
});

/** What a run that did not end well has to show is a list of steps, whose order means nothing. */
function byStep(output: unknown): unknown {
  const partial = output !== null && typeof output === "object" && "partial" in output ? output.partial : undefined;
  if (!Array.isArray(partial) || !partial.every(isDone)) return output;
  return { partial: Object.fromEntries(partial.map((done) => [done.step, done.output])) };
}

const isDone = (thing: unknown): thing is { readonly step: string; readonly output: unknown } =>
  typeof thing === "object" && thing !== null && "step" in thing && typeof thing.step === "string" && "output" in thing;

/** Two outputs side by side: a difference of key order is none. */
export function diffOutputs(before: unknown, after: unknown): OutputDiff {
  if (canonical(before) === canonical(after)) return { kind: "same" };
  if (typeof before === "string" && typeof after === "string") return { kind: "text", lines: diffLines(before, after) };
  return { kind: "json", changes: [...pathChanges("", before, after)] };
}

function* pathChanges(path: string, before: unknown, after: unknown): Generator<PathChange> {
  if (canonical(before) === canonical(after) && (before === undefined) === (after === undefined)) return;
  const [old, now] = [partsOf(before), partsOf(after)];
  if (!old || !now || Array.isArray(before) !== Array.isArray(after)) {
    yield { path: path || "(all)", ...(before !== undefined && { before }), ...(after !== undefined && { after }) };
    return;
  }
  for (const key of new Set([...Object.keys(old), ...Object.keys(now)])) {
    const inner = Array.isArray(after) ? `${path}[${key}]` : joined(path, key);
    yield* pathChanges(inner, old[key], now[key]);
  }
}

const partsOf = (value: unknown): Readonly<Record<string, unknown>> | undefined =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;

const joined = (path: string, key: string): string => {
  const plain = /^[\p{L}_][\p{L}\p{N}_-]*$/u.test(key);
  if (!plain) return `${path}[${JSON.stringify(key)}]`;
  return path === "" ? key : `${path}.${key}`;
};
