import type { Deed } from "../core/deed.ts";
import { Failure } from "../core/errors.ts";
import type { PinnedWorkflow } from "../core/workflow.ts";
import type { Node } from "./definition.ts";
import { savedDefinition } from "./inline.ts";
import { boundsOf } from "./play/bounds.ts";
import { innerNodes, type Nodes, partsOf, readsOf } from "./references.ts";
import type { Values } from "./values.ts";

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

/** What takes a node back, as data: its templates as they are written, and all that they read. */
export function compensationOf({ compensate, http }: Node): (all: Values) => Pick<Deed, "compensate"> {
  if (!compensate) return () => ({});
  const paths = partsOf({ compensate }).flatMap((part) => readsOf(part).map(({ path }) => path));
  const outer = paths.filter(([variable]) => variable !== "output");
  const output = http && http.method !== "HEAD" && { output: "body" };
  return (all) => ({
    compensate: { does: "http", input: compensate.http, values: picked(all, outer) as Values, ...output },
  });
}

/** Of a value what these paths lead to, and nothing else. */
export function picked(value: unknown, paths: readonly (readonly string[])[]): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  if (paths.some((path) => path.length === 0)) return value;
  const heads = [...Map.groupBy(paths, ([head = ""]) => head)].filter(([head]) => Object.hasOwn(value, head));
  const entries = heads.map(([head, list]) => [
    head,
    picked(
      (value as Values)[head],
      list.map((path) => path.slice(1)),
    ),
  ]);
  return Object.fromEntries(entries);
}
