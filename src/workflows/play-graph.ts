import { Failure, type FailureInfo } from "../core/errors.ts";
import type { Join, RunContext, Settled } from "../core/pattern.ts";
import { added, endsRun } from "./play-failure.ts";
import type { GraphEnd, Outcome, PlayGraph, Scene, Undo } from "./play-scene.ts";
import { together, type Writes } from "./state.ts";

/** Plays a graph: each node as soon as those before it have ended. Where it fails, what it did is taken back. */
export async function playGraph(ctx: RunContext, graph: PlayGraph, scene: Scene): Promise<GraphEnd> {
  const [only, another] = graph.nodes;
  if (only && !another) return endOf(graph, [await only.play(ctx, scene, [])]);
  const settled = await ctx.map(
    graph.nodes,
    (node, branch, _, before: readonly Settled<Outcome>[]) => node.play(branch, scene, before),
    {
      after: graph.nodes.map(({ after }) => after),
      join: TILL_FAILURE,
    },
  );
  const outcomes = await succeeded(ctx, settled, ({ undo = [] }) => undo);
  return endOf(graph, outcomes);
}

/** A failure ends it, and cancels the rest; at a limit of the run, what is in flight ends and is kept. */
export const TILL_FAILURE: Join = {
  kind: "until",
  test: (ended) => {
    const last = ended.at(-1);
    return last?.ok === false && !endsRun(Failure.fromInfo(last.error));
  },
};

/** What all branches gave; where one failed, what the others did is taken back, the last first, and the failure goes on. */
export async function succeeded<T>(
  ctx: RunContext,
  settled: readonly Settled<T>[],
  undoOf: (value: T) => readonly Undo[],
): Promise<T[]> {
  const values = settled.flatMap((branch) => (branch.ok ? [branch.value] : []));
  const failure = worst(settled.flatMap((branch) => (branch.ok ? [] : [branch.error])));
  if (failure) throw await takenBack(ctx, failure, values.flatMap(undoOf));
  return values;
}

/** The failure that ended it; those that were cancelled for it do not count. */
function worst(errors: readonly FailureInfo[]): Failure | undefined {
  const failures = errors.map((error) => Failure.fromInfo(error));
  return (
    failures.find((failure) => !endsRun(failure)) ?? failures.find(({ code }) => code !== "CANCELLED") ?? failures[0]
  );
}

/** Plays the steps back in reverse order, each once. What a limit has ended is left as it is, and says so. */
export async function takenBack(ctx: RunContext, failure: Failure, steps: readonly Undo[]): Promise<Failure> {
  if (steps.length === 0) return failure;
  if (endsRun(failure)) return failure;
  const undone: string[] = [];
  const left: string[] = [];
  for (const { node, http } of steps.toReversed()) {
    try {
      await ctx.act(`undo-${node}`, { does: "http", input: http, effect: { idempotent: true } });
      undone.push(node);
    } catch (error) {
      const { code } = Failure.from(error);
      left.push(`${node} (${code})`);
    }
  }
  const words = [
    undone.length > 0 ? `undone: ${undone.join(", ")}` : "",
    left.length > 0 ? `could not be undone: ${left.join(", ")}` : "",
  ];
  return added(failure, `; ${words.filter((word) => word !== "").join("; ")}`);
}

function endOf({ nodes, sinks, keys }: PlayGraph, outcomes: readonly Outcome[]): GraphEnd {
  const named: Record<string, Outcome> = Object.fromEntries(
    nodes.flatMap(({ name }, i) => (outcomes[i] ? [[name, outcomes[i]]] : [])),
  );
  return {
    outcomes: named,
    output: lastOf(sinks, named),
    writes: together(
      keys,
      outcomes.flatMap(({ writes }): Writes[] => (writes ? [writes] : [])),
    ),
    undo: outcomes.flatMap(({ undo }) => undo ?? []),
  };
}

/** One last node gives its output as it is; of several, each gives its own by name. */
function lastOf(sinks: readonly string[], outcomes: Readonly<Record<string, Outcome>>): unknown {
  const [only, another] = sinks;
  if (only !== undefined && another === undefined) return outcomes[only]?.output ?? null;
  return Object.fromEntries(sinks.map((name) => [name, outcomes[name]?.output ?? null]));
}
