import { type Nodes, nodesRead } from "./references.ts";

/** A switch that names a node, and in which of its cases; `else` is -1. */
export interface Choice {
  readonly switch: string;
  readonly cases: readonly number[];
}

/**
 * The order in which nodes may be played. A node follows the nodes of its `after`, those that it or a node inside it
 * reads, and the switches that name it; it runs if one of those chooses it. To read the state is no reason to wait: a
 * node sees what its ancestors have written.
 */
export interface Graph {
  /** Each after all that it follows, else as they are written. With a cycle, as far as that goes. */
  readonly order: readonly string[];
  /** Whom each node follows, directly. */
  readonly before: ReadonlyMap<string, readonly string[]>;
  /** Only nodes that a switch names are in here. */
  readonly chosenBy: ReadonlyMap<string, readonly Choice[]>;
  /** The nodes that no other follows. */
  readonly sinks: readonly string[];
  /** A way from a node back to itself, in the order of play; the first name is also the last. */
  readonly cycle?: readonly string[];
  /** All whom a node follows, by whatever way. */
  ancestors(name: string): ReadonlySet<string>;
  /** Does the second follow the first, by whatever way? */
  precedes(first: string, second: string): boolean;
}

const known = new WeakMap<Nodes, Graph>();

/** The graph of these nodes; names that are no nodes are left out. */
export function graphOf(nodes: Nodes): Graph {
  const graph = known.get(nodes) ?? buildGraph(nodes);
  known.set(nodes, graph);
  return graph;
}

function buildGraph(nodes: Nodes): Graph {
  const chosenBy = choicesOf(nodes);
  const before = new Map(Object.keys(nodes).map((name) => [name, followed(nodes, name, chosenBy.get(name) ?? [])]));
  const { order, cycle } = sorted(before);
  const read = new Set([...before.values()].flat());
  let rows: Rows | undefined;
  const precedes = (first: string, second: string) => {
    rows ??= new Rows(order, before);
    return rows.has(second, first);
  };
  return {
    order,
    before,
    chosenBy,
    sinks: Object.keys(nodes).filter((name) => !read.has(name)),
    ...(cycle && { cycle }),
    ancestors: (name) => new Set(order.filter((other) => precedes(other, name))),
    precedes,
  };
}

/** What a node reads of itself is no way back: it cannot be read at all. */
function followed(nodes: Nodes, name: string, choices: readonly Choice[]): string[] {
  const node = nodes[name];
  const reads = node ? [...nodesRead(node)].filter((read) => read !== name) : [];
  const names = new Set([...(node?.after ?? []), ...reads, ...choices.map((choice) => choice.switch)]);
  return [...names].filter((one) => Object.hasOwn(nodes, one));
}

function choicesOf(nodes: Nodes): Map<string, Choice[]> {
  const choices = new Map<string, Choice[]>();
  for (const [name, { switch: fork }] of Object.entries(nodes)) {
    const cases = new Map<string, number[]>();
    const note = (chosen: string, index: number) => cases.set(chosen, [...(cases.get(chosen) ?? []), index]);
    for (const [index, { then }] of (fork?.cases ?? []).entries())
      for (const chosen of new Set(then)) note(chosen, index);
    for (const chosen of new Set(fork?.else)) note(chosen, -1);
    for (const [chosen, indexes] of cases) {
      if (!Object.hasOwn(nodes, chosen)) continue;
      choices.set(chosen, [...(choices.get(chosen) ?? []), { switch: name, cases: indexes }]);
    }
  }
  return choices;
}

/** Goes from each node, as they are written, to those that it follows; without calling itself, since chains are long. */
function sorted(before: ReadonlyMap<string, readonly string[]>): { order: string[]; cycle?: string[] } {
  const order: string[] = [];
  const seen = new Map<string, "open" | "done">();
  let cycle: string[] | undefined;
  for (const start of before.keys()) {
    const way = seen.has(start) ? [] : [{ name: start, next: 0 }];
    for (let at = way.at(-1); at; at = way.at(-1)) {
      seen.set(at.name, "open");
      const name = before.get(at.name)?.[at.next++];
      if (name === undefined) {
        seen.set(at.name, "done");
        order.push(at.name);
        way.pop();
      } else if (!seen.has(name)) way.push({ name, next: 0 });
      else if (seen.get(name) === "open") cycle ??= wayBack(way, name);
    }
  }
  return { order, ...(cycle && { cycle }) };
}

/** The open way leads from followers to the followed; a cycle is told in the order of play. */
function wayBack(way: readonly { readonly name: string }[], name: string): string[] {
  const names = way.map((step) => step.name);
  return [name, ...names.slice(names.indexOf(name)).reverse()];
}

/** Who precedes whom, one bit for each pair. */
class Rows {
  readonly #index: ReadonlyMap<string, number>;
  readonly #rows: readonly Uint32Array[];

  constructor(order: readonly string[], before: ReadonlyMap<string, readonly string[]>) {
    this.#index = new Map(order.map((name, i) => [name, i]));
    const rows: Uint32Array[] = [];
    for (const name of order) rows.push(this.#rowOf(before.get(name) ?? [], rows, order.length));
    this.#rows = rows;
  }

  has(name: string, ancestor: string): boolean {
    const at = this.#index.get(ancestor) ?? -1;
    const row = this.#rows[this.#index.get(name) ?? -1];
    return at >= 0 && row !== undefined && ((row[at >> 5] ?? 0) & (1 << (at & 31))) !== 0;
  }

  #rowOf(followed: readonly string[], rows: readonly Uint32Array[], width: number): Uint32Array {
    const row = new Uint32Array(Math.ceil(width / 32));
    for (const name of followed) {
      const at = this.#index.get(name) ?? -1;
      for (const [i, bits] of rows[at]?.entries() ?? []) row[i] = (row[i] ?? 0) | bits;
      row[at >> 5] = (row[at >> 5] ?? 0) | (1 << (at & 31));
    }
    return row;
  }
}
