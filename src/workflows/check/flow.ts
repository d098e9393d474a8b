import { Failure } from "../../core/errors.ts";
import type { Anatomy, Level, Site } from "../levels.ts";
import type { Finding } from "../problems.ts";
import { compilePart, type Part, partsOf } from "../references.ts";

/** Ways that lead back without a bound, and nodes that nothing can lead to. */
export const checkFlow = (anatomy: Anatomy): Finding[] =>
  anatomy.levels.flatMap((level) => {
    const { cycle } = level.graph;
    return cycle ? [cycleFound(level, cycle)] : unreachable(level);
  });

function cycleFound({ path, nodes }: Level, cycle: readonly string[]): Finding {
  const [first = ""] = Object.keys(nodes).filter((name) => cycle.includes(name));
  const start = cycle.indexOf(first);
  const around = [...cycle.slice(start, -1), ...cycle.slice(0, start), first];
  if (around.length === 2)
    return {
      path: [...path, first],
      named: true,
      message: `\`${first}\` follows itself`,
      hint: "to do it again, put it into a `loop` with `until` and `max_rounds`",
    };
  return {
    path: [...path, first],
    named: true,
    message: `these nodes follow each other in a circle without a bound: ${around.join(" → ")}`,
    hint: "put them into a `loop` with `until` and `max_rounds`",
  };
}

/** What a condition always says that reads nothing; undefined for the others. */
export function constantOf(part: Part | undefined): boolean | undefined {
  if (part?.kind !== "condition") return undefined;
  try {
    const condition = compilePart(part as Part<"condition">, ["inputs", "nodes", "state", "output"]);
    return condition.paths.length === 0 ? condition.holds({}) : undefined;
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

const partAt = (site: Site["node"], ...path: readonly (string | number)[]): Part | undefined =>
  partsOf(site).find((part) => part.path.join() === path.join());

/** Why each node that can never be played cannot, in the order of the graph. */
function unreachable(level: Level): Finding[] {
  const { graph, nodes, path } = level;
  const dead = new Map<string, string>();
  for (const name of graph.order) {
    const node = nodes[name];
    const why = node && whyNever(level, name, dead);
    if (why) dead.set(name, why);
  }
  return [...dead].map(([name, why]) => ({
    path: [...path, name, ...(why === NEVER ? ["when"] : [])],
    named: why !== NEVER,
    message: `\`${name}\` can never be played: ${why}`,
    ...(why === NEVER && { hint: "mend `when`, or take the node out" }),
  }));
}

const NEVER = "its `when` never holds";

function whyNever({ graph, nodes }: Level, name: string, dead: ReadonlyMap<string, string>): string | undefined {
  const node = nodes[name];
  if (node && constantOf(partAt(node, "when")) === false) return NEVER;
  const choices = graph.chosenBy.get(name) ?? [];
  const [first] = choices;
  if (
    first &&
    choices.every(
      (choice) => dead.has(choice.switch) || choice.cases.every((one) => isClosed(nodes[choice.switch], one)),
    )
  )
    return `no case of \`${first.switch}\` that names it can be taken`;
  const before = graph.before.get(name) ?? [];
  const [follows] = before;
  return follows !== undefined && before.every((one) => dead.has(one))
    ? `it follows \`${follows}\`, which never is`
    : undefined;
}

/** A case that never holds, or that stands behind one that always does. */
function isClosed(node: Site["node"] | undefined, index: number): boolean {
  if (!node?.switch) return false;
  const always = node.switch.cases.findIndex((_, i) => constantOf(partAt(node, "switch", "cases", i, "when")) === true);
  if (always >= 0 && (index < 0 || index > always)) return true;
  return index >= 0 && constantOf(partAt(node, "switch", "cases", index, "when")) === false;
}
