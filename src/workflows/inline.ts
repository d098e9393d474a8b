import type { PinnedWorkflow } from "../core/workflow.ts";
import type { Definition } from "./definition.ts";
import { invalid } from "./problems.ts";
import { parseWorkflow, soundWorkflow } from "./read.ts";
import type { World } from "./world.ts";

/** Definitions that have been read: of a start, and of each play, they are asked for several times. */
const texts = new Map<string, Definition>();
const objects = new WeakMap<object, Definition>();
const KEPT = 20;

/** A definition that came with a call, checked. Throws INVALID_WORKFLOW with everything that is wrong in it. */
export function readInline(written: string | object, world: World): Definition {
  if (typeof written === "object") return once(written, () => soundWorkflow(written, world));
  const known = texts.get(written) ?? soundWorkflow(written, world);
  texts.delete(written);
  texts.set(written, known);
  for (const oldest of texts.size > KEPT ? [...texts.keys()].slice(0, 1) : []) texts.delete(oldest);
  return known;
}

/** The definition of a workflow that a run has pinned; it was checked when it was saved. */
export function savedDefinition({ name, definition }: PinnedWorkflow): Definition {
  return once(definition as object, () => {
    const { definition: read, problems } = parseWorkflow(definition);
    if (!read) throw invalid(`The workflow ${JSON.stringify(name)}`, problems);
    return read;
  });
}

function once(key: object, read: () => Definition): Definition {
  const known = objects.get(key) ?? read();
  objects.set(key, known);
  return known;
}
