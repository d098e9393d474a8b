import type { Definition, Node } from "./definition.ts";
import { type Graph, graphOf } from "./graph.ts";
import {
  innerNodes,
  insideOf,
  type Nodes,
  type Part,
  type Path,
  partsOf,
  texts,
  VARIABLES,
  variablesOf,
} from "./references.ts";

/** One graph of a definition: the workflow's own, or that inside a map, a loop or a race. */
export interface Level {
  /** Where its nodes stand. */
  readonly path: Path;
  readonly nodes: Nodes;
  readonly graph: Graph;
  /** What a node of it may read. */
  readonly variables: readonly string[];
  /** The block that it is the inside of. */
  readonly block?: Site;
}

/** A node in its place. */
export interface Site {
  readonly level: Level;
  readonly name: string;
  readonly node: Node;
  readonly path: Path;
}

/** A text in its place, with what it may read there. */
export interface Place {
  readonly part: Part;
  readonly path: Path;
  /** The graph in which its names of nodes are looked up first. */
  readonly level: Level;
  readonly variables: readonly string[];
  /** Whose text it is; absent for the workflow's output. */
  readonly site?: Site;
}

/** A definition taken apart once, for all that look at it. */
export interface Anatomy {
  readonly definition: Definition;
  readonly top: Level;
  readonly levels: readonly Level[];
  readonly sites: readonly Site[];
  readonly places: readonly Place[];
}

const known = new WeakMap<Definition, Anatomy>();

/** All graphs, nodes and texts of a definition. */
export function anatomyOf(definition: Definition): Anatomy {
  const anatomy = known.get(definition) ?? dissect(definition);
  known.set(definition, anatomy);
  return anatomy;
}

function dissect(definition: Definition): Anatomy {
  const top = levelOf(["nodes"], definition.nodes, VARIABLES);
  const levels = [top, ...levelsBelow(top)];
  const sites = levels.flatMap(sitesOf);
  const inside = new Map(levels.flatMap((level) => (level.block ? [[level.block.node, level] as const] : [])));
  const outputs = texts(["output"], definition.output).map((part) => ({
    part,
    path: part.path,
    level: top,
    variables: VARIABLES,
  }));
  const places = sites.flatMap((site) =>
    partsOf(site.node).map((part) => ({
      part,
      path: [...site.path, ...part.path],
      level: (part.scope === "inside" && inside.get(site.node)) || site.level,
      variables: variablesOf(part, site.node, site.level.variables),
      site,
    })),
  );
  return { definition, top, levels, sites, places: [...places, ...outputs] };
}

const levelOf = (path: Path, nodes: Nodes, variables: readonly string[], block?: Site): Level => ({
  path,
  nodes,
  graph: graphOf(nodes),
  variables,
  ...(block && { block }),
});

const sitesOf = (level: Level): Site[] =>
  Object.entries(level.nodes).map(([name, node]) => ({ level, name, node, path: [...level.path, name] }));

function levelsBelow(level: Level): Level[] {
  return sitesOf(level).flatMap((site) => {
    const nodes = innerNodes(site.node);
    if (!nodes) return [];
    const word = site.node.map ? "map" : site.node.loop ? "loop" : "race";
    const inner = levelOf([...site.path, word, "nodes"], nodes, insideOf(site.node, level.variables), site);
    return [inner, ...levelsBelow(inner)];
  });
}

/** The node that a name means at a level: one of its own, or of a level around it. */
export function siteOf(level: Level, name: string): Site | undefined {
  const node = Object.hasOwn(level.nodes, name) ? level.nodes[name] : undefined;
  if (node) return { level, name, node, path: [...level.path, name] };
  return level.block ? siteOf(level.block.level, name) : undefined;
}

/** The level, and those around it, from the inside out, each with the block that leads inwards. */
export function outward(level: Level): Level[] {
  return level.block ? [level, ...outward(level.block.level)] : [level];
}

/** The state keys that a node writes, itself or inside it. */
export function keysWritten(node: Node): Set<string> {
  const below = Object.values(innerNodes(node) ?? {}).flatMap((inner) => [...keysWritten(inner)]);
  return new Set([...Object.keys(node.writes ?? {}), ...below]);
}
