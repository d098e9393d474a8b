import { type AgentRef, refName } from "../core/agent.ts";
import { Failure } from "../core/errors.ts";
import type { Pattern, Task } from "../core/pattern.ts";
import type { Line } from "../core/store.ts";
import { asText, paragraphs } from "../core/texts.ts";
import { NO_USAGE } from "../core/usage.ts";
import type { PinnedWorkflow } from "../core/workflow.ts";
import { boundsOf } from "./bounds.ts";
import type { Asking } from "./executor.ts";
import { Nested } from "./nested.ts";
import { patternInside } from "./pattern-inside.ts";
import type { Playing } from "./playing.ts";
import { fitted, misshapen } from "./question.ts";

/** The pattern that plays saved workflows. */
const PLAYS_WORKFLOWS = "run_workflow";

/** The saved workflow that stands where an agent might; an agent of that name comes first. */
function workflowOf({ catalogue }: Playing, ref: AgentRef): PinnedWorkflow | undefined {
  const name = refName(ref);
  const { agents, workflows = {} } = catalogue;
  return Object.hasOwn(agents, name) || !Object.hasOwn(workflows, name) ? undefined : workflows[name];
}

/** A call that a whole workflow answers: the prompt is its task, and what it gives is the answer. */
export function byWorkflow({ play, frame, place, ref, task, tell, contextOf }: Asking): boolean {
  const workflow = workflowOf(play, ref);
  if (!workflow) return false;
  const pattern = play.stage.patterns.get(PLAYS_WORKFLOWS);
  if (!pattern) {
    play.catastrophe(new Failure("BUG", "there is no pattern that plays workflows"));
    return true;
  }
  const input = { name: workflow.name, task: paragraphs(task.brief, task.prompt) };
  const inside = patternInside(
    play,
    { pattern: shaped(pattern, workflow, task), input, options: boundsOf(task) },
    contextOf,
  );
  const done = ({ value, usage = NO_USAGE, at }: Line) => {
    const agent = `${workflow.name}@${workflow.version}`;
    const fits = fitted(task, value);
    if ("problem" in fits) return play.catastrophe(new Failure("BUG", `${place}: ${fits.problem}`));
    tell.done(Object.freeze({ agent, model: "workflow", output: fits.value, usage, at }));
  };
  new Nested(play, frame, place, inside, { ...tell, done }).begin();
  return true;
}

/** The pattern with what it gives held to the shape that was asked for; without one, as text. */
function shaped(pattern: Pattern, { name }: PinnedWorkflow, task: Task<unknown>): Pattern {
  return {
    ...pattern,
    async run(ctx, input) {
      const output = await pattern.run(ctx, input);
      if (task.shape === undefined) return asText(output);
      const problem = misshapen(task, output);
      if (problem === undefined) return output;
      throw new Failure("BAD_OUTPUT", `what the workflow "${name}" gives is not what was asked for: ${problem}`, {
        agent: name,
      });
    },
  };
}
