import { Failure } from "../../core/errors.ts";
import { fingerprint } from "../../core/fingerprint.ts";
import type { RunContext } from "../../core/pattern.ts";
import { type State, stallOf, stateAs } from "../../core/stalls.ts";
import { counted } from "../../core/texts.ts";
import type { Node } from "../definition.ts";
import { innerNodes, insideOf, type Nodes, partsOf, readsOf } from "../references.ts";
import { type StateKeys, stateOf, together, type Writes } from "../state.ts";
import type { Values } from "../values.ts";
import { bounded, boundsOf } from "./bounds.ts";
import { orTakenBack, takenBack } from "./graph.ts";
import { insideValues } from "./map.ts";
import type { Doing, Draft, GraphEnd, Scene, Spot, Undo, Workshop } from "./scene.ts";

/** One round of a loop, and what stands after it. */
interface Round {
  readonly end: GraphEnd;
  readonly writes: Writes;
  readonly undo: readonly Undo[];
  readonly values: Values;
}

/** The nodes inside, round after round, until the condition holds, the rounds are used up, or nothing changes any more. */
export function loopDoing(draft: Draft, workshop: Workshop): Doing {
  const { name, node, parts, around } = draft;
  const { loop = { nodes: {}, until: "true", max_rounds: 1 } } = node;
  const until = parts.condition("loop", "until");
  const output = parts.expression("loop", "output");
  const graph = workshop.inner(loop.nodes, { ...around, variables: insideOf(node, around.variables) });
  const bounds = boundsOf(node);
  const mayStall = isClosed(node);
  const title = `loop ${JSON.stringify(name)}`;

  async function play(ctx: RunContext, spot: Spot): Promise<Round> {
    let before: Round | undefined;
    const states: State[] = [];
    for (let round = 1; ; round++) {
      ctx.tell(`${title}: round ${round}`);
      const now = await playRound(ctx, workshop, graph, { spot, round, before });
      if (await orTakenBack(ctx, now.undo, () => until?.holds(now.values))) return now;
      if (round >= loop.max_rounds) {
        ctx.degrade(
          `${title} ended after ${counted(round, "round")} though \`until\` does not hold; the last one stands`,
        );
        return now;
      }
      states.push(stateAs(`what round ${round} gave`, progress(now)));
      if (mayStall && hasStalled(ctx, title, states)) return now;
      before = now;
    }
  }

  return (outer, spot) =>
    bounded(outer, bounds, async (ctx) => {
      const last = await play(ctx, spot);
      const { writes, undo } = last;
      const value = await orTakenBack(ctx, undo, () => (output ? output.value(last.values) : last.end.output));
      return { output: value, writes, undo };
    });
}

interface Standing {
  readonly spot: Spot;
  readonly round: number;
  readonly before: Round | undefined;
}

/** Plays one round; where it fails, what the rounds before it did is taken back as well. */
async function playRound(
  ctx: RunContext,
  workshop: Workshop,
  graph: Parameters<Workshop["play"]>[1],
  { spot, round, before }: Standing,
): Promise<Round> {
  const { keys } = workshop;
  const values = { ...spot.values, round, last: before ? outputsOf(before.end) : null };
  const state = stateNow(keys, spot.state, before?.writes);
  const scene: Scene = { ...spot, values, state, again: spot.again || round > 1, isTop: false };
  const end = await workshop.play(ctx, graph, scene).catch(async (error: unknown) => {
    throw await takenBack(ctx, Failure.from(error), before?.undo ?? []);
  });
  const writes = together(keys, [before?.writes ?? {}, end.writes]);
  const after = stateNow(keys, spot.state, writes);
  return {
    end,
    writes,
    undo: [...(before?.undo ?? []), ...end.undo],
    values: { ...insideValues(spot, values, end), state: after },
  };
}

const stateNow = (keys: StateKeys, state: Writes, writes: Writes = {}): Record<string, unknown> => ({
  ...state,
  ...stateOf(keys, Object.keys(writes), state, [writes]),
});

const outputsOf = ({ outcomes }: GraphEnd): Record<string, unknown> =>
  Object.fromEntries(Object.entries(outcomes).map(([name, { output }]) => [name, output]));

/** Two rounds alike end it at once; that it goes to and fro is told before it ends it. */
function hasStalled(ctx: RunContext, title: string, states: readonly State[]): boolean {
  const round = states.length;
  const same = round > 1 && states.at(-1)?.print === states.at(-2)?.print;
  const verdict = stallOf(states);
  if (verdict.is === "warn" && !same) ctx.tell(`${title} goes to and fro: ${verdict.evidence}`);
  if (verdict.is !== "stop" && !same) return false;
  const why =
    same || verdict.is === "fine"
      ? `gave the same in rounds ${round - 1} and ${round}`
      : `goes to and fro: ${verdict.evidence}`;
  ctx.degrade(`STALLED: ${title} ${why}; it went no further`);
  return true;
}

const progress = ({ end, values }: Round): string => fingerprint([outputsOf(end), values["state"]]);

/** Nothing but its own work can change what it gives: it neither waits nor looks at the world, nor counts rounds. */
function isClosed(node: Node): boolean {
  const reads = partsOf(node)
    .filter(({ path }) => path.at(-1) === "until")
    .flatMap(readsOf);
  return !reads.some(({ variable }) => variable === "round") && !looksOut(innerNodes(node) ?? {});
}

const looksOut = (nodes: Nodes): boolean =>
  Object.values(nodes).some(
    (node) =>
      node.wait !== undefined ||
      node.http !== undefined ||
      node.file !== undefined ||
      node.control !== undefined ||
      looksOut(innerNodes(node) ?? {}),
  );
