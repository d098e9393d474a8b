import type { Failure, FailureInfo } from "../core/errors.ts";
import type { OnBudget } from "../core/limits.ts";
import type { Ending } from "../core/store.ts";
import type { Remembered } from "./memory.ts";

export interface Circumstances {
  readonly on_budget: OnBudget;
  /** The limit that ended it, where one did. */
  readonly refusing: Failure | undefined;
  readonly degraded: readonly string[];
  readonly memory: Remembered;
}

/** How a run ends, from what its pattern returned or threw and the limits it met. */
export function conclude(
  result: { readonly output: unknown } | { readonly error: Failure },
  { on_budget, refusing, degraded, memory }: Circumstances,
): Ending {
  if ("output" in result) {
    const { output } = result;
    if (!refusing || on_budget === "partial") return { status: "succeeded", output, degraded };
    return { status: "failed", output, error: ofRun(refusing), degraded };
  }
  const { error } = result;
  if (error.kind === "catastrophic") {
    return { status: "dead", error: error.toJSON(), output: doneSteps(memory), degraded };
  }
  const limit = refusing ?? (error.kind === "limit" ? error : undefined);
  if (!limit) return { status: "failed", error: error.toJSON(), output: doneSteps(memory), degraded };
  const output = doneSteps(memory);
  const reasons = degraded.length > 0 ? degraded : [limit.message];
  if (on_budget === "partial" && output) return { status: "succeeded", output, degraded: reasons };
  return { status: "failed", error: ofRun(limit), output, degraded: reasons };
}

/** A limit stops the run and not one step of it: a retry asks again whatever it refused or cut off. */
function ofRun(limit: Failure): FailureInfo {
  const { step: _, ...info } = limit.toJSON();
  return info;
}

/** What a run that did not end well has to show: the answers of its finished steps, in order. */
export function doneSteps(memory: Remembered): { readonly partial: readonly object[] } | undefined {
  const done = [...memory.lines()].filter(
    ({ kind, state, generation }) => generation > 0 && kind === "call" && state === "done",
  );
  if (done.length === 0) return undefined;
  const steps = done.sort((a, b) => a.seq - b.seq);
  return {
    partial: steps.map(({ place, agent, value }) => ({ step: place, agent, output: value })),
  };
}
