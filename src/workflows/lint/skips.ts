import type { Node } from "../definition.ts";
import type { Anatomy, Level, Site } from "../levels.ts";
import type { Finding } from "../problems.ts";
import { partsOf, readsOf } from "../references.ts";

/** What changes the world though something that it builds on was left out. */
export const lintSkips = (anatomy: Anatomy): Finding[] => anatomy.sites.flatMap(unguarded);

function unguarded({ path, node, name, level }: Site): Finding[] {
  if (!changesWorld(node) || node.when !== undefined || level.graph.chosenBy.has(name)) return [];
  const before = level.graph.before.get(name) ?? [];
  const [left] = before.filter((other) => maySkip(level, other) && !looksAt(node, other));
  if (left === undefined || before.every((other) => other === left)) return [];
  const message = `\`${name}\` is done even where \`${left}\` was skipped, since it follows others as well`;
  const hint = `say \`when: nodes.${left}.status == "succeeded"\`, or put it into the switch that chooses \`${left}\``;
  return [{ path, named: true, message, hint }];
}

const changesWorld = ({ http, control, effect }: Node): boolean =>
  effect !== undefined ? effect !== false : control !== undefined || (http?.method ?? "GET") !== "GET";

/** A condition or a switch may leave it out, or the one that it follows. */
function maySkip(level: Level, name: string): boolean {
  const { nodes, graph } = level;
  if (nodes[name]?.when !== undefined || graph.chosenBy.has(name)) return true;
  const [only, another] = graph.before.get(name) ?? [];
  return only !== undefined && another === undefined && maySkip(level, only);
}

/** It asks itself how another has ended. */
const looksAt = (node: Node, other: string): boolean =>
  partsOf(node)
    .flatMap(readsOf)
    .some(({ variable, name, path }) => variable === "nodes" && name === other && path[2] === "status");
