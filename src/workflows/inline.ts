import type { PinnedWorkflow } from "../core/workflow.ts";
import type { Definition } from "./definition.ts";
import { invalid, type Problem } from "./problems.ts";
import { checkDefinition, parseWorkflow, type WorkflowText } from "./read.ts";
import type { World } from "./world.ts";

/** Definitions that have been read: of a start, and of each play, they are asked for several times. */
const texts = new Map<string, WorkflowText>();
const objects = new WeakMap<object, WorkflowText>();
const KEPT = 20;

/** A definition that came with a call. Throws INVALID_WORKFLOW where its form is wrong. */
export const readInline = (written: string | object): Definition => formed(readOnce(written), "The workflow");

/** Throws INVALID_WORKFLOW with everything that is wrong in a definition; a run that has begun is not asked again. */
export function checkInline(written: string | object, world: World): void {
  const text = readOnce(written);
  const problems: readonly Problem[] = text.place(checkDefinition(formed(text, "The workflow"), world));
  if (problems.length > 0) throw invalid("The workflow", problems);
}

/** The definition of a workflow that a run has pinned; it was checked when it was pinned. */
export const savedDefinition = ({ name, definition }: PinnedWorkflow): Definition =>
  formed(readOnce(definition as object), `The workflow ${JSON.stringify(name)}`);

function formed({ definition, problems }: WorkflowText, what: string): Definition {
  if (!definition) throw invalid(what, problems);
  return definition;
}

function readOnce(written: string | object): WorkflowText {
  if (typeof written === "object") {
    const text = objects.get(written) ?? parseWorkflow(written);
    objects.set(written, text);
    return text;
  }
  const text = texts.get(written) ?? parseWorkflow(written);
  texts.delete(written);
  texts.set(written, text);
  for (const oldest of texts.size > KEPT ? [...texts.keys()].slice(0, 1) : []) texts.delete(oldest);
  return text;
}
