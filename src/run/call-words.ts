import type { FailureOptions } from "../core/errors.ts";
import type { Line, Run } from "../core/store.ts";

/** What may be done where a cap has refused. */
export function capHint(scope: FailureOptions["scope"], { id, on_budget }: Pick<Run, "id" | "on_budget">): string {
  if (scope === "step") return "Give the step a larger budget.";
  if (scope !== "run") {
    const set = `What was done is kept. The cap of a ${scope} is set in the settings (budgets.${scope}) and counts anew each UTC day`;
    return on_budget === "ask"
      ? `${set}: then the run goes on by itself, or once Baton is started with a greater cap. A greater budget of its own does not help it.`
      : `${set}; control_run retry then goes on from here.`;
  }
  const raise = `decide {"run_id":"${id}","decision":"raise_budget","value":{…}}`;
  return `What was done is kept. A person may raise the cap: ${raise}; a failed run then goes on with control_run retry.`;
}

/** Short enough to stand in the row of a wait. */
export const clipped = (why: string): string => (why.length > 100 ? `${why.slice(0, 99)}…` : why);

/** The three words in which every call's end is counted. */
export const exitOf = ({
  state,
  error,
}: Pick<Line, "state" | "error">): "success" | "semantic failure" | "exception" =>
  state === "done" ? "success" : error?.kind === "semantic" ? "semantic failure" : "exception";
