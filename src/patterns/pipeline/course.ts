import { refName } from "../../core/agent.ts";
import type { FailureInfo } from "../../core/errors.ts";
import { FENCE_RULE } from "../../core/fence.ts";
import type { Budget } from "../../core/limits.ts";
import { toNano, toUsd } from "../../core/money.ts";
import type { RunContext } from "../../core/pattern.ts";
import { type State, type Verdict, warned } from "../../core/stalls.ts";
import { paragraphs, quoted } from "../../core/texts.ts";
import { addUsage, NO_USAGE, type Usage } from "../../core/usage.ts";
import type { Planned } from "./steps.ts";

/** What was wrong with an output, told to the step that is to mend it. */
interface Note {
  readonly from: string;
  readonly problem: string;
  readonly rejected?: unknown;
  /** Whether it was so before. */
  readonly verdict: Verdict;
}

/** One step as far as it has come. */
export interface Progress {
  readonly planned: Planned;
  status?: "succeeded" | "skipped" | "failed";
  agent: string;
  rounds: number;
  sentBack: number;
  output?: unknown;
  /** What came of it last came from a person, or from a workflow that may have waited for somebody. */
  waited: boolean;
  error?: FailureInfo;
  notes: readonly Note[];
  spent: Usage;
  ms: number;
}

/** A pipeline as far as it has come. */
export interface Course {
  readonly task: string;
  readonly steps: readonly Progress[];
  /** Each rejection that had something made again. */
  readonly sentBack: State[];
  /** The summaries that steps have read, by what was asked for. */
  readonly summaries: Map<string, string>;
}

export const begin = (task: string, steps: readonly Planned[]): Course => ({
  task,
  steps: steps.map((planned) => ({
    planned,
    agent: refName(planned.agent),
    rounds: 0,
    sentBack: 0,
    waited: false,
    notes: [],
    spent: NO_USAGE,
    ms: 0,
  })),
  sentBack: [],
  summaries: new Map(),
});

/** The step before this one whose output stands: skipped ones leave none. */
export const lastBefore = ({ steps }: Course, at: number): Progress | undefined =>
  steps.slice(0, at).findLast(({ output }) => output !== undefined);

/** The outputs of the steps before this one, by name; null where there is none. */
export const outputsBefore = ({ steps }: Course, at: number): Record<string, unknown> =>
  Object.fromEntries(steps.slice(0, at).map(({ planned, output }) => [planned.name, output ?? null]));

/** What a step is told: the task, what it reads, the last output, and what was wrong the last time. */
export function promptOf(
  course: Course,
  at: number,
  read: readonly string[],
): { readonly prompt: string; readonly brief?: string } {
  const here = course.steps[at];
  const notes = here?.notes ?? [];
  const own = notes.some(({ from }) => from !== here?.planned.name) ? here?.output : undefined;
  const prompt = paragraphs(
    course.task,
    ...read,
    own === undefined ? undefined : quoted("# What you made of it before", "your last output", own),
    ...notes.map(noteText),
    notes.length > 0 ? "Do it again, whole, so that nothing of this is wrong any more." : undefined,
  );
  return prompt === course.task ? { prompt } : { prompt, brief: FENCE_RULE };
}

const noteText = ({ from, problem, rejected, verdict }: Note): string =>
  paragraphs(
    rejected === undefined ? undefined : quoted("# What was rejected", from, rejected),
    quoted("# What was wrong", "problem", problem),
    warned(verdict),
  );

/** Adds up what a step uses, so that its budget spans all its rounds, its fallbacks and its critic. */
export async function metered<T>(ctx: RunContext, step: Progress, work: () => Promise<T>): Promise<T> {
  const before = { spent: ctx.spent(), ms: ctx.elapsed() };
  try {
    return await work();
  } finally {
    step.spent = addUsage(step.spent, minus(ctx.spent(), before.spent));
    step.ms += ctx.elapsed() - before.ms;
  }
}

/** What is left of a step's own budget. */
export function budgetLeft({ planned, spent, ms }: Progress): Budget | undefined {
  const { budget } = planned.step;
  if (!budget) return undefined;
  const { usd, tokens, calls, seconds } = budget;
  return {
    ...(usd !== undefined && { usd: toUsd(Math.max(0, toNano(usd) - spent.usd)) }),
    ...(tokens !== undefined && { tokens: Math.max(0, tokens - spent.input - spent.output) }),
    ...(calls !== undefined && { calls: Math.max(0, calls - spent.calls) }),
    ...(seconds !== undefined && { seconds: Math.max(0.001, seconds - ms / 1000) }),
  };
}

const minus = (a: Usage, b: Usage): Usage => ({
  ...NO_USAGE,
  usd: a.usd - b.usd,
  input: a.input - b.input,
  output: a.output - b.output,
  calls: a.calls - b.calls,
});

/** The step's output stands, and nothing is left to mend. */
export function succeed(step: Progress, output: unknown): void {
  step.status = "succeeded";
  step.output = output;
  step.notes = [];
  delete step.error;
}
