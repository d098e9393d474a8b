import { constantOf } from "../check/flow.ts";
import { writersOf } from "../check/state.ts";
import type { Node } from "../definition.ts";
import { type Anatomy, keysWritten, type Level, outward, type Place, type Site, siteOf } from "../levels.ts";
import type { Finding } from "../problems.ts";
import { innerNodes, nodesRead, type Part, partsOf, readsOf } from "../references.ts";

/** Orders that nothing needs, loops that do not look at their work, and nodes that nobody needs. */
export const lintFlow = (anatomy: Anatomy): Finding[] => [
  ...anatomy.sites.flatMap((site) => [...needless(site), ...loops(site), ...always(site)]),
  ...unread(anatomy),
];

/** Nodes whose place in time matters, though nobody reads them. */
const isTimed = (node: Node): boolean =>
  node.http !== undefined ||
  node.control !== undefined ||
  node.wait !== undefined ||
  node.switch !== undefined ||
  node.file !== undefined ||
  Object.values(innerNodes(node) ?? {}).some(isTimed);

/** A node that follows another and takes nothing from it. */
function needless({ path, node, name, level }: Site): Finding[] {
  const { nodes, graph } = level;
  if (isTimed(node) || node.workflow !== undefined) return [];
  const read = nodesRead(node);
  return (node.after ?? []).flatMap((other, i) => {
    const before = nodes[other];
    if (!before || isTimed(before) || before.workflow !== undefined || before.on_error !== undefined) return [];
    const isUsed = read.has(other) || passesState(level, other, node);
    if (isUsed || graph.chosenBy.has(other) || graph.chosenBy.has(name)) return [];
    const message = `\`${name}\` waits for \`${other}\` and takes nothing from it`;
    return [{ path: [...path, "after", i], message, hint: "without `after`, both go on at the same time" }];
  });
}

/** Does a node read what another, or one before that, has written? */
function passesState(level: Level, other: string, node: Node): boolean {
  return [...writersOf(level)].some(([key, writers]) => {
    const isBefore = writers.some((writer) => writer === other || level.graph.precedes(writer, other));
    return isBefore && readsState(node, key);
  });
}

/** Whether a node, or one inside it, reads a key of the state. */
function readsState(node: Node, key: string): boolean {
  const reads = partsOf(node).flatMap(readsOf);
  if (reads.some(({ variable, name }) => variable === "state" && (name ?? key) === key)) return true;
  return Object.values(innerNodes(node) ?? {}).some((inner) => readsState(inner, key));
}

/** A loop that goes round more often than this has no limit that helps. */
const MANY_ROUNDS = 20;

function loops({ path, node }: Site): Finding[] {
  if (!node.loop) return [];
  const { max_rounds: rounds, nodes } = node.loop;
  const until = partAt(node, "loop", "until");
  const reads = until ? readsOf(until) : [];
  const looks = reads.some(({ variable, name = "" }) => variable === "state" || Object.hasOwn(nodes, name));
  const blind = `\`until\` looks at nothing that the loop makes, so that it ends by counting alone`;
  const huge = `${rounds} rounds are a bound that protects nobody`;
  return [
    ...(looks
      ? []
      : [
          {
            path: [...path, "loop", "until"],
            message: blind,
            hint: `ask of its nodes whether the work is done, such as \`nodes.${Object.keys(nodes)[0]}.output.done\``,
          },
        ]),
    ...(rounds > MANY_ROUNDS
      ? [
          {
            path: [...path, "loop", "max_rounds"],
            message: huge,
            hint: "work that is no better after 5 is rarely better after 50",
          },
        ]
      : []),
  ];
}

const partAt = (node: Node, ...path: readonly (string | number)[]): Part | undefined =>
  partsOf(node).find((part) => part.path.join() === path.join());

/** Conditions that decide nothing. */
function always({ path, node }: Site): Finding[] {
  const found = constantOf(partAt(node, "when")) === true;
  return found ? [{ path: [...path, "when"], message: "this always holds", hint: "take it out" }] : [];
}

/** Last nodes whose output is thrown away, where the output is declared. */
function unread(anatomy: Anatomy): Finding[] {
  const { definition, top, places, levels } = anatomy;
  const read = new Set(places.flatMap(sitesRead));
  const ends = definition.output === undefined ? [] : [top];
  const inner = levels.filter(({ block }) => block && hasOutput(block));
  return [...ends, ...inner].flatMap((level) => level.graph.sinks.flatMap((name) => thrownAway(level, name, read)));
}

const hasOutput = ({ node }: Site): boolean => node.map?.output !== undefined || node.loop?.output !== undefined;

/** The nodes that a text reads, those of the round before too. */
function sitesRead({ part, level }: Place): Node[] {
  return readsOf(part).flatMap(({ variable, name }) => {
    if (variable !== "nodes" && variable !== "last") return [];
    if (name !== undefined) return siteOf(level, name)?.node ?? [];
    return Object.values(outward(level).find(({ block }) => block?.node.loop)?.nodes ?? {});
  });
}

function thrownAway({ nodes, path }: Level, name: string, read: ReadonlySet<Node>): Finding[] {
  const node = nodes[name];
  if (!node || read.has(node) || isTimed(node) || node.workflow !== undefined || keysWritten(node).size > 0) return [];
  const message = `nobody reads what \`${name}\` gives`;
  return [{ path: [...path, name], named: true, message, hint: "put it into the output, or take the node out" }];
}
