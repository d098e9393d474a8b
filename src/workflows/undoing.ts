import { Failure } from "../core/errors.ts";
import type { PinnedWorkflow } from "../core/workflow.ts";
import type { Node } from "./definition.ts";
import { savedDefinition } from "./inline.ts";
import { boundsOf } from "./play/bounds.ts";
import { innerNodes, type Nodes } from "./references.ts";

/** The saved workflow of a name, where it is known. */
export type Find = (name: string) => PinnedWorkflow | undefined;

/** Whether something that a node does, or a node inside it, can be taken back: then it is never cut off. */
export function holds(node: Node, find: Find, above: readonly string[] = []): boolean {
  if (node.compensate) return true;
  const { workflow: name } = node;
  const saved = name === undefined || above.includes(name) ? undefined : find(name);
  const nodes = saved ? savedDefinition(saved).nodes : (innerNodes(node) ?? {});
  const inside = saved ? [...above, saved.name] : above;
  return Object.values(nodes).some((inner) => holds(inner, find, inside));
}

/** Throws where what is done could be cut off so that nobody would know what to take back. */
export function checkUndoing(nodes: Nodes, find: Find): void {
  for (const [name, node] of Object.entries(nodes)) {
    const inner = innerNodes(node);
    if ((inner ?? node.workflow) === undefined || !holds(node, find)) continue;
    if (node.race)
      throw lost(name, "who loses a race is cut off", "Race for what only reads, and act on it afterwards.");
    if (boundsOf(node).seconds !== undefined)
      throw lost(name, "at the end of its time it is cut off", "Give the nodes inside their own timeout_seconds.");
    checkUndoing(inner ?? {}, find);
  }
}

const lost = (name: string, why: string, hint: string): Failure =>
  new Failure(
    "INVALID_WORKFLOW",
    `node ${JSON.stringify(name)}: ${why}, and what the nodes with \`compensate\` inside it had done would stay`,
    { hint },
  );
