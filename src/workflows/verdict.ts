import { lintWorkflow } from "./lint.ts";
import type { Finding, Problem } from "./problems.ts";
import { checkDefinition, type WorkflowText } from "./read.ts";
import type { World } from "./world.ts";

/** All that is wrong in a saved workflow, where it stands. */
export function mistakesIn({ definition, problems, place }: WorkflowText, world: World): readonly Problem[] {
  return definition ? place(checkDefinition(definition, world)) : problems;
}

/** What a careful reader would change in a saved workflow that can be played. */
export function adviceOn(name: string, { definition, place }: WorkflowText, world: World): Problem[] {
  if (!definition) return [];
  return place([...savedAdvice(name, definition.description, world), ...lintWorkflow(definition, world)]);
}

/** What matters only to those who choose among many. */
function savedAdvice(name: string, description: string | undefined, { agents }: World): Finding[] {
  const isTaken = agents?.has(name) ?? false;
  const clash = `an agent is called \`${name}\` too, and it is asked wherever both could be meant`;
  const silent = "it has no `description`, so that nobody can tell when to choose it";
  return [
    ...(isTaken ? [{ path: ["name"], message: clash, hint: "give the workflow another name" }] : []),
    ...(description?.trim() ? [] : [{ path: [], message: silent }]),
  ];
}
