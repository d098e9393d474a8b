import { endsRun, Failure, type FailureInfo } from "../../core/errors.ts";
import type { Join, RunContext, Settled } from "../../core/pattern.ts";
import { together, type Writes } from "../state.ts";
import { putBack } from "./failure.ts";
import type { GraphEnd, Outcome, PlayGraph, Scene, Undo } from "./scene.ts";

/** How one node has ended: its failure is told to those that follow it. */
type Ended = { readonly index: number } & ({ readonly outcome: Outcome } | { readonly failed: FailureInfo });

/** Plays a graph: each node as soon as those before it have ended. Where it fails, what it did is taken back. */
export async function playGraph(ctx: RunContext, graph: PlayGraph, scene: Scene): Promise<GraphEnd> {
  const [only, another] = graph.nodes;
  if (only && !another) return endOf(graph, [await only.play(ctx, scene, [])]);
  const settled = await ctx.map(
    graph.nodes,
    (node, branch, index, before: readonly Settled<Ended>[]) =>
      ending(index, () => node.play(branch, scene, before.map(outcomeOf))),
    {
      after: graph.nodes.map(({ after }) => after),
      join: { kind: "until", test: (ended) => isLost(graph, ended as readonly Settled<Ended>[]) },
    },
  );
  const outcomes = await succeeded(ctx, settled.map(thrown), ({ undo = [] }) => undo);
  return endOf(graph, outcomes);
}

async function ending(index: number, play: () => Promise<Outcome>): Promise<Ended> {
  try {
    return { index, outcome: await play() };
  } catch (error) {
    const failure = Failure.from(error);
    if (failure.kind === "catastrophic") throw failure;
    return { index, failed: failure.toJSON() };
  }
}

/** Whom a node follows has failed: so has it, by the same failure. */
function outcomeOf(settled: Settled<Ended>): Outcome {
  const known = thrown(settled);
  if (known.ok) return known.value;
  throw Failure.fromInfo(known.error);
}

function thrown(settled: Settled<Ended>): Settled<Outcome> {
  if (!settled.ok) return settled;
  const { value } = settled;
  return "failed" in value ? { ok: false, error: value.failed } : { ok: true, value: value.outcome };
}

/**
 * A failure ends a graph and cancels the rest, but never a step that can be taken back: that ends first, so that it is
 * known. At a limit of the run, all that is in flight ends and is kept.
 */
function isLost({ nodes }: PlayGraph, settled: readonly Settled<Ended>[]): boolean {
  const last = settled.at(-1);
  if (!last?.ok || !(isFatal(last) || nodes[last.value.index]?.holds)) return false;
  if (!settled.some(isFatal)) return false;
  const ended = new Set(settled.flatMap((one) => (one.ok ? [one.value.index] : [])));
  return !nodes.some(
    ({ holds, after }, index) => holds && !ended.has(index) && after.every((other) => ended.has(other)),
  );
}

const isFatal = (settled: Settled<Ended>): boolean =>
  settled.ok && "failed" in settled.value && !endsRun(Failure.fromInfo(settled.value.failed));

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

/** Makes something of what was done; where that fails, it is taken back. */
export async function orTakenBack<T>(ctx: RunContext, steps: readonly Undo[] | undefined, make: () => T): Promise<T> {
  try {
    return make();
  } catch (error) {
    throw await takenBack(ctx, Failure.from(error), steps ?? []);
  }
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
  return putBack(failure, words.filter((word) => word !== "").join("; "));
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
