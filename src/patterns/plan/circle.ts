import { Failure } from "../../core/errors.ts";
import { graver, isOutside, type State, stallOf, stateAs, stateOf, type Verdict } from "../../core/stalls.ts";
import { counted, cut, listed } from "../../core/texts.ts";
import { type Course, finished, type Judgement, type Outcome, saidOf } from "./course.ts";
import type { PlannedTask } from "./input.ts";

/** Does planning again still help? Not where the same fails and nothing else is done, nor where a result is found wanting for the same again. */
export const standstill = ({ outcomes, judged }: Course): Verdict =>
  graver(stallOf(plansOf(outcomes).flatMap(statesOf)), stallOf(judged));

const plansOf = (outcomes: readonly Outcome[]): Outcome[][] =>
  [...new Set(outcomes.map(({ round }) => round))].map((round) => outcomes.filter((one) => one.round === round));

/** What came of one plan: who failed and how, whatever the words of the tasks were; whatever was done is new. */
function statesOf(plan: readonly Outcome[]): State[] {
  const failed = plan.filter(({ status }) => status === "failed");
  const states = failed.length > 0 ? [stateOfFailures(failed)] : [];
  const [first] = finished(plan);
  return first ? [...states, stateAs("done", first.round)] : states;
}

const WORDS_SHOWN = 80;

function stateOfFailures(failed: readonly Outcome[]): State {
  const how = failed.map(({ worker, error }) => `${worker} ${error?.code} ${error?.message}`).sort();
  const words = failed.map(
    ({ worker, error }) =>
      `${listed([worker])} failed with ${error?.code}: ${listed([cut(error?.message ?? "", WORDS_SHOWN)])}`,
  );
  const waiting = failed.every(({ error }) => error && isOutside(error));
  return { ...stateOf([...new Set(words)].join(" and "), ...new Set(how)), waiting };
}

/** What a validator found wrong; where it names nothing, the result that it did not take. */
export const stateOfJudgement = (judgement: Judgement, result: string, waited: boolean): State => ({
  ...stateOf(
    `the validator said ${listed([cut(saidOf(judgement), WORDS_SHOWN)])}`,
    ...(judgement.problems.length > 0 ? judgement.problems : [result]),
  ),
  waiting: waited,
});

/** A plan that was sent back; why it was so planned does not make it another one. */
export const stateOfPlan = (tasks: readonly PlannedTask[]): State =>
  stateAs(
    `the plan of ${listed(tasks.map(({ id }) => cut(id, WORDS_SHOWN)))}`,
    tasks.map(({ id, task, worker, after, reads }) => ({ id, task, worker, after, reads })),
  );

/** Why nothing is planned any more. */
export function stalled({ outcomes }: Course, evidence: string): Failure {
  const kept = counted(finished(outcomes).length, "finished task");
  return new Failure("STALLED", `planning again brings nothing new: ${evidence}; kept: ${kept}`, {
    hint: "Look in get_run_trace at what failed; name other workers, another planner or validator, or say more in the goal.",
  });
}
