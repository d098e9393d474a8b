import { Failure } from "../core/errors.ts";
import type { Pattern, RunContext } from "../core/pattern.ts";
import { compileWorkflow } from "./compile.ts";
import type { Definition } from "./definition.ts";
import { readInputs } from "./inputs.ts";
import { playGraph, takenBack } from "./play-graph.ts";
import { seen } from "./play-node.ts";
import type { GraphEnd } from "./play-scene.ts";
import { stateOf } from "./state.ts";

/** What a workflow is played with. */
export interface Occasion {
  /** As its caller gave them. */
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly patterns: ReadonlyMap<string, Pattern>;
  /** Plays a saved workflow inside. */
  readonly workflow: Pattern;
  /** The inputs that stand in prompts as they are; the others are marked as data. */
  readonly trusted: readonly string[];
}

/** Plays a workflow from its inputs to its output. */
export async function playWorkflow(ctx: RunContext, definition: Definition, occasion: Occasion): Promise<unknown> {
  const inputs = readInputs(definition, occasion.inputs);
  const { graph, output } = compileWorkflow(definition, occasion);
  const end = await playGraph(ctx, graph, { values: { inputs }, nodes: {}, state: {}, again: false, isTop: true });
  if (!output) return end.output;
  try {
    return output({ inputs, ...told(definition, end) });
  } catch (error) {
    throw await takenBack(ctx, Failure.from(error), end.undo);
  }
}

/** What the output of a workflow reads of its nodes. */
function told({ state: keys = {} }: Definition, { outcomes, writes }: GraphEnd) {
  const nodes = Object.entries(outcomes).map(([name, outcome]) => [name, seen(outcome)]);
  return { nodes: Object.fromEntries(nodes), state: stateOf(keys, Object.keys(keys), {}, [writes]) };
}
