import type { Pattern, RunContext } from "../../core/pattern.ts";
import type { Node } from "../definition.ts";
import type { Nodes } from "../references.ts";
import type { StateKeys, Writes } from "../state.ts";
import type { Find } from "../undoing.ts";
import type { Around, Parts, Values } from "../values.ts";

/** What takes a step back, filled in when the step had succeeded. */
export interface Undo {
  readonly node: string;
  readonly http: unknown;
}

/** What became of a node: all that the nodes after it learn. */
export interface Outcome {
  readonly status: "succeeded" | "skipped" | "failed";
  /** Null where there is none. */
  readonly output: unknown;
  readonly error?: { readonly code: string; readonly message: string };
  readonly writes?: Writes;
  readonly undo?: readonly Undo[];
}

/** What doing it gave, before the node's own `writes` and `compensate`. */
export interface Done extends Pick<Outcome, "output" | "writes" | "undo"> {
  readonly status?: "succeeded" | "skipped";
}

/** Where a graph is played: what its nodes see beside each other. */
export interface Scene {
  /** The variables around it, without `nodes` and `state`. */
  readonly values: Values;
  /** The nodes around it, as they are read. */
  readonly nodes: Values;
  /** The state as it was when the graph began. */
  readonly state: Writes;
  /** It is done again: nothing is answered from memory. */
  readonly again: boolean;
  /** It is the workflow's own graph, of which whoever watches is told. */
  readonly isTop: boolean;
}

/** Where one node is played. */
export interface Spot extends Scene {
  /** All that its expressions and templates read. */
  readonly all: Values;
}

/** What a node does, ready to be done. */
export type Doing = (ctx: RunContext, spot: Spot) => Promise<Done>;

/** A graph that has been played to its end. */
export interface GraphEnd {
  readonly outcomes: Readonly<Record<string, Outcome>>;
  /** What the last nodes give: one node's output as it is, those of several by name. */
  readonly output: unknown;
  readonly writes: Writes;
  readonly undo: readonly Undo[];
}

/** A graph that is ready to be played. */
export interface PlayGraph {
  readonly nodes: readonly PlayNode[];
  readonly sinks: readonly string[];
  readonly keys: StateKeys;
}

/** A node that is ready to be played, in a graph whose order is that of play. */
export interface PlayNode {
  readonly name: string;
  readonly node: Node;
  /** Whom it follows, by their index. */
  readonly after: readonly number[];
  /** Something that it does can be taken back. */
  readonly holds: boolean;
  /** Plays it, once it is told how those have ended. */
  play(ctx: RunContext, scene: Scene, before: readonly Outcome[]): Promise<Outcome>;
}

/** What compiles the nodes of one workflow. */
export interface Workshop {
  readonly patterns: ReadonlyMap<string, Pattern>;
  /** Plays a saved workflow. */
  readonly workflow: Pattern;
  readonly keys: StateKeys;
  /** The saved workflow of a name. */
  readonly find: Find;
  /** `name@version` of the definition, which is what a person approves by. */
  tag(): string;
  /** Compiles a graph inside a node. */
  inner(nodes: Nodes, around: Around): PlayGraph;
  play(ctx: RunContext, graph: PlayGraph, scene: Scene): Promise<GraphEnd>;
}

/** One node as it is compiled. */
export interface Draft {
  readonly name: string;
  readonly node: Node;
  readonly parts: Parts;
  readonly around: Around;
}
