import { type AgentRef, refName } from "../core/agent.ts";
import { Failure } from "../core/errors.ts";
import type { Answer, Pattern, RunContext, Task } from "../core/pattern.ts";
import { misfit } from "../core/shape.ts";
import type { Line } from "../core/store.ts";
import { asText, paragraphs } from "../core/texts.ts";
import { NO_USAGE } from "../core/usage.ts";
import type { PinnedWorkflow } from "../core/workflow.ts";
import type { Teller } from "./call.ts";
import type { Frame } from "./frame.ts";
import { Nested } from "./nested.ts";
import type { Playing } from "./playing.ts";
import { fitted } from "./question.ts";

/** The pattern that plays saved workflows. */
const PLAYS_WORKFLOWS = "run_workflow";

/** The saved workflow that stands where an agent might; an agent of that name comes first. */
export function workflowOf({ catalogue }: Playing, ref: AgentRef): PinnedWorkflow | undefined {
  const name = refName(ref);
  const { agents, workflows = {} } = catalogue;
  return Object.hasOwn(agents, name) || !Object.hasOwn(workflows, name) ? undefined : workflows[name];
}

/** A call that a whole workflow answers: the prompt is its task, and what it gives is the answer. */
export function delegate(
  play: Playing,
  frame: Frame,
  place: string,
  workflow: PinnedWorkflow,
  task: Task<unknown>,
  contextOf: (frame: Frame) => RunContext,
  tell: Teller<Answer<unknown>>,
): void {
  const pattern = play.stage.patterns.get(PLAYS_WORKFLOWS);
  if (!pattern) return play.catastrophe(new Failure("BUG", "there is no pattern that plays workflows"));
  const input = { name: workflow.name, task: paragraphs(task.brief, task.prompt) };
  const { budget, seconds } = task;
  const options = { ...(budget && { budget }), ...(seconds !== undefined && { seconds }) };
  const inside = { pattern: shaped(pattern, workflow, task), input, options, contextOf };
  const done = ({ value, usage = NO_USAGE, at }: Line) => {
    const agent = `${workflow.name}@${workflow.version}`;
    const fits = fitted(task, value);
    if ("problem" in fits) return play.catastrophe(new Failure("BUG", `${place}: ${fits.problem}`));
    tell.done(Object.freeze({ agent, model: "workflow", output: fits.value, usage, at }));
  };
  new Nested(play, frame, place, inside, { ...tell, done }).begin();
}

/** The pattern with what it gives held to the shape that was asked for; without one, as text. */
function shaped(pattern: Pattern, { name }: PinnedWorkflow, task: Task<unknown>): Pattern {
  const { shape } = task;
  return {
    ...pattern,
    async run(ctx, input) {
      const output = await pattern.run(ctx, input);
      if (shape === undefined) return asText(output);
      const problem = "safeParse" in shape ? problemOf(fitted(task, output)) : misfit(output, shape);
      if (problem === undefined) return output;
      throw new Failure("BAD_OUTPUT", `what the workflow "${name}" gives is not what was asked for: ${problem}`, {
        agent: name,
      });
    },
  };
}

const problemOf = (fits: ReturnType<typeof fitted>): string | undefined =>
  "problem" in fits ? fits.problem : undefined;
