import { endsRun, Failure } from "../../core/errors.ts";
import type { RunContext, Settled } from "../../core/pattern.ts";
import { counted } from "../../core/texts.ts";
import { insideOf } from "../references.ts";
import { together, type Writes } from "../state.ts";
import type { Values } from "../values.ts";
import { bounded, boundsOf } from "./bounds.ts";
import { orTakenBack, succeeded, TILL_FAILURE, takenBack } from "./graph.ts";
import { seen } from "./node.ts";
import type { Doing, Done, Draft, GraphEnd, Spot, Workshop } from "./scene.ts";

const MOST_ITEMS = 5000;

/** The nodes inside, once for each item of a list, all at once; outputs in the order of the items. */
export function mapDoing({ node, parts, around }: Draft, workshop: Workshop): Doing {
  const { map = { over: "[]", nodes: {} } } = node;
  const over = parts.expression("map", "over");
  const output = parts.expression("map", "output");
  const inside = { ...around, variables: insideOf(node, around.variables) };
  const graph = workshop.inner(map.nodes, inside);
  const bounds = boundsOf(node);
  const holds = graph.nodes.some((inner) => inner.holds);

  async function playItem(ctx: RunContext, spot: Spot, item: unknown, index: number): Promise<Done> {
    const values = { ...spot.values, item, index };
    const end = await workshop.play(ctx, graph, { ...spot, values, isTop: false });
    if (!output) return end;
    const value = await orTakenBack(ctx, end.undo, () => output.value(insideValues(spot, values, end)));
    return { ...end, output: value };
  }

  return (outer, spot) =>
    bounded(outer, bounds, async (ctx) => {
      const items = listOf(over?.value(spot.all));
      const settled = await ctx.map(items, (item, branch, index) => kept(playItem(branch, spot, item, index)), {
        join: map.min_succeeded === undefined && !holds ? TILL_FAILURE : { kind: "settle" },
      });
      if (map.min_succeeded !== undefined) await requireEnough(ctx, settled, map.min_succeeded);
      else await succeeded(ctx, settled, undoOf);
      return whole(workshop, settled);
    });
}

/** What of an item is remembered: nothing that is not read. */
const kept = async (played: Promise<Done>): Promise<Done> => {
  const { output, writes = {}, undo = [] } = await played;
  return {
    output,
    ...(Object.keys(writes).length > 0 && { writes }),
    ...(undo.length > 0 && { undo }),
  };
};

const undoOf = ({ undo = [] }: Done) => undo;

function whole({ keys }: Workshop, settled: readonly Settled<Done>[]): Done {
  const done = settled.flatMap((branch) => (branch.ok ? [branch.value] : []));
  return {
    output: settled.map((branch) => (branch.ok ? branch.value.output : null)),
    writes: together(
      keys,
      done.flatMap(({ writes }): Writes[] => (writes ? [writes] : [])),
    ),
    undo: done.flatMap(undoOf),
  };
}

/** Everything that an expression over the nodes inside may read. */
export function insideValues(spot: Spot, values: Values, { outcomes }: GraphEnd): Values {
  const own = Object.entries(outcomes).map(([name, outcome]) => [name, seen(outcome)] as const);
  return { ...spot.all, ...values, nodes: { ...spot.nodes, ...Object.fromEntries(own) } };
}

function listOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new Failure("GATE_FAILED", "`over` gives no list");
  if (value.length <= MOST_ITEMS) return value;
  throw new Failure("GATE_FAILED", `\`over\` gives ${value.length} items; at most ${MOST_ITEMS} are played in one map`);
}

async function requireEnough(ctx: RunContext, settled: readonly Settled<Done>[], needed: number): Promise<void> {
  const lost = settled.flatMap((branch) => (branch.ok ? [] : [Failure.fromInfo(branch.error)]));
  if (lost.length === 0) return;
  const why = [...new Set(lost.map(({ code }) => code))].join(", ");
  const told = `${lost.length} of ${counted(settled.length, "item")} failed: ${why}`;
  if (settled.length - lost.length >= needed) return ctx.degrade(told);
  const steps = settled.flatMap((branch) => (branch.ok ? undoOf(branch.value) : []));
  const limit = lost.find(endsRun);
  throw await takenBack(ctx, limit ?? new Failure("NO_QUORUM", `${told}; ${needed} had to succeed`), steps);
}
