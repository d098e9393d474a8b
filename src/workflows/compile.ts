import { Failure } from "../core/errors.ts";
import type { Pattern } from "../core/pattern.ts";
import { type Definition, kindOf, type Node, type NodeKind } from "./definition.ts";
import { type Graph, graphOf } from "./graph.ts";
import { keysWritten } from "./levels.ts";
import { controlDoing, fileDoing, httpDoing } from "./play/act.ts";
import { agentDoing } from "./play/agent.ts";
import { playGraph } from "./play/graph.ts";
import { patternDoing, workflowDoing } from "./play/inside.ts";
import { loopDoing } from "./play/loop.ts";
import { mapDoing } from "./play/map.ts";
import { playNode } from "./play/node.ts";
import { switchDoing, templateDoing, valueDoing } from "./play/plain.ts";
import { raceDoing } from "./play/race.ts";
import type { Doing, Draft, PlayGraph, PlayNode, Workshop } from "./play/scene.ts";
import { waitDoing } from "./play/wait.ts";
import { innerNodes, type Nodes, partsOf, readsOf, VARIABLES } from "./references.ts";
import type { StateKeys } from "./state.ts";
import { type Find, holds } from "./undoing.ts";
import { type Around, type Fill, fillOf, Parts } from "./values.ts";

/** What each kind of node does. */
const DOINGS: Readonly<Record<NodeKind, (draft: Draft, workshop: Workshop) => Doing>> = {
  agent: agentDoing,
  pattern: patternDoing,
  workflow: workflowDoing,
  template: templateDoing,
  value: valueDoing,
  http: httpDoing,
  file: fileDoing,
  control: controlDoing,
  map: mapDoing,
  loop: loopDoing,
  race: raceDoing,
  switch: switchDoing,
  wait: waitDoing,
};

/** A workflow that is ready to be played. */
export interface Compiled {
  readonly graph: PlayGraph;
  /** The declared output; undefined where the last nodes give it. */
  readonly output: Fill | undefined;
}

/** Who else may be played inside, and whose word counts. */
export interface Company {
  readonly patterns: ReadonlyMap<string, Pattern>;
  readonly workflow: Pattern;
  readonly find: Find;
  /** The inputs that are the author's or the caller's own word; others stand in prompts as data. */
  readonly trusted: readonly string[];
  /** `name@version` of the definition. */
  tag(): string;
}

/** Makes a definition ready to be played. Throws where it can never be. */
export function compileWorkflow(definition: Definition, { trusted, ...company }: Company): Compiled {
  const keys = definition.state ?? {};
  const workshop: Workshop = {
    ...company,
    keys,
    inner: (nodes, around) => compileGraph(nodes, around, workshop),
    play: playGraph,
  };
  const around = { variables: VARIABLES, trusted: trusted.map((name) => `inputs.${name}`) };
  return {
    graph: compileGraph(definition.nodes, around, workshop),
    output: definition.output === undefined ? undefined : fillOf(definition.output, VARIABLES),
  };
}

function compileGraph(nodes: Nodes, around: Around, workshop: Workshop): PlayGraph {
  const graph = graphOf(nodes);
  if (graph.cycle)
    throw new Failure("INVALID_WORKFLOW", `these nodes wait for each other: ${graph.cycle.join(" -> ")}`, {
      hint: "Put what is repeated into a `loop` with max_rounds.",
    });
  const index = new Map(graph.order.map((name, i) => [name, i]));
  const writers = writersOf(nodes, graph.order);
  const compiled = graph.order.map((name): PlayNode => {
    const node = nodes[name];
    if (!node) throw new Failure("BUG", `the order names ${name}, and there is no such node`);
    return compileNode({ name, node, parts: new Parts(node, around), around }, { graph, index, writers, workshop });
  });
  return { nodes: compiled, sinks: graph.sinks, keys: workshop.keys };
}

interface Place {
  readonly graph: Graph;
  readonly index: ReadonlyMap<string, number>;
  /** Who writes each key, in the order of the graph. */
  readonly writers: ReadonlyMap<string, readonly string[]>;
  readonly workshop: Workshop;
}

function compileNode(draft: Draft, { graph, index, writers, workshop }: Place): PlayNode {
  const { name, node } = draft;
  const kind = kindOf(node);
  if (!kind) throw new Failure("INVALID_WORKFLOW", `node ${JSON.stringify(name)} does nothing`);
  const { keys } = workshop;
  const needs = new Set(graph.before.get(name));
  const reads = stateReads(node, keys);
  const written = reads.flatMap((key) => writers.get(key) ?? []).filter((writer) => graph.precedes(writer, name));
  const after = [...new Set([...needs, ...written])].map((other) => index.get(other) ?? 0).sort((a, b) => a - b);
  return playNode({
    draft,
    doing: DOINGS[kind](draft, workshop),
    keys,
    reads,
    after,
    names: after.map((at) => graph.order[at] ?? ""),
    needs,
    choices: graph.chosenBy.get(name) ?? [],
    holds: holds(node, workshop.find),
  });
}

/** The state keys that a node, or one inside it, reads. */
function stateReads(node: Node, keys: StateKeys): string[] {
  const reads = partsOf(node)
    .flatMap(readsOf)
    .filter(({ variable }) => variable === "state");
  if (reads.some(({ name }) => name === undefined)) return Object.keys(keys);
  const below = Object.values(innerNodes(node) ?? {}).flatMap((inner) => stateReads(inner, keys));
  return [...new Set([...reads.flatMap(({ name }) => name ?? []), ...below])];
}

function writersOf(nodes: Nodes, order: readonly string[]): Map<string, string[]> {
  const writers = new Map<string, string[]>();
  for (const name of order) {
    for (const key of keysWritten(nodes[name] ?? {})) {
      const known = writers.get(key);
      if (known) known.push(name);
      else writers.set(key, [name]);
    }
  }
  return writers;
}
