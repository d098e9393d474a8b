import type { Pattern, RunContext } from "../../core/pattern.ts";
import { compileWorkflow } from "../compile.ts";
import type { Definition } from "../definition.ts";
import { readInputs } from "../inputs.ts";
import { stateOf } from "../state.ts";
import { checkUndoing, type Find } from "../undoing.ts";
import { orTakenBack, playGraph } from "./graph.ts";
import { seen } from "./node.ts";
import type { Done, GraphEnd } from "./scene.ts";

/** What a workflow is played with. */
export interface Occasion {
  /** As its caller gave them. */
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly patterns: ReadonlyMap<string, Pattern>;
  /** Plays a saved workflow inside. */
  readonly workflow: Pattern;
  /** The inputs that stand in prompts as they are; the others are marked as data. */
  readonly trusted: readonly string[];
  /** `name@version` of the definition. */
  tag(): string;
}

/** Plays a workflow from its inputs to its output, and tells what would take back what it did. */
export async function playWorkflow(ctx: RunContext, definition: Definition, occasion: Occasion): Promise<Done> {
  const inputs = readInputs(definition, occasion.inputs);
  const find: Find = (name) => ctx.workflow(name);
  checkUndoing(definition.nodes, find);
  const { graph, output } = compileWorkflow(definition, { ...occasion, find });
  const end = await playGraph(ctx, graph, { values: { inputs }, nodes: {}, state: {}, again: false, isTop: true });
  const undo = end.undo.length > 0 && { undo: end.undo };
  if (!output) return { output: end.output, ...undo };
  const value = await orTakenBack(ctx, end.undo, () => output({ inputs, ...told(definition, end) }));
  return { output: value, ...undo };
}

/** What the output of a workflow reads of its nodes. */
function told({ state: keys = {} }: Definition, { outcomes, writes }: GraphEnd) {
  const nodes = Object.entries(outcomes).map(([name, outcome]) => [name, seen(outcome)]);
  return { nodes: Object.fromEntries(nodes), state: stateOf(keys, Object.keys(keys), {}, [writes]) };
}
