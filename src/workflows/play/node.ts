import { endsRun, Failure } from "../../core/errors.ts";
import type { RunContext } from "../../core/pattern.ts";
import type { Node } from "../definition.ts";
import type { Choice } from "../graph.ts";
import { contribution, type StateKeys, stateOf, together, type Writes } from "../state.ts";
import { ofNode } from "./failure.ts";
import { orTakenBack } from "./graph.ts";
import type { Doing, Done, Draft, Outcome, PlayNode, Scene, Spot, Undo } from "./scene.ts";

/** A node as its graph knows it. */
export interface Standing {
  readonly draft: Draft;
  readonly doing: Doing;
  readonly keys: StateKeys;
  /** The state keys that it, or a node inside it, reads. */
  readonly reads: readonly string[];
  /** Whom it follows, in the order of the graph: by index, and by name. */
  readonly after: readonly number[];
  readonly names: readonly string[];
  /** Those of them that are its own dependencies, and not only writers of what it reads. */
  readonly needs: ReadonlySet<string>;
  readonly choices: readonly Choice[];
  readonly holds: boolean;
}

const SKIPPED: Outcome = { status: "skipped", output: null };

/** A node that knows when it is skipped, what it sees, and what happens when it fails. */
export function playNode(standing: Standing): PlayNode {
  const { draft, after } = standing;
  const { name, node, parts } = draft;
  const when = parts.condition("when");
  const finish = finisher(standing);
  return {
    name,
    node,
    after,
    holds: standing.holds,
    async play(ctx, scene, outcomes) {
      if (isPassedBy(standing, outcomes)) return SKIPPED;
      const spot = spotOf(standing, scene, outcomes);
      try {
        if (when && !when.holds(spot.all)) return SKIPPED;
        if (scene.isTop && !isInstant(node)) ctx.tell(`node ${name}`);
        return await finish(ctx, spot, await standing.doing(ctx, spot));
      } catch (error) {
        return wayOut(ctx, draft, error, (output) => finish(ctx, spot, { output }));
      }
    },
  };
}

/** It asks nobody and waits for nothing. */
const isInstant = ({ template, value, switch: fork }: Node): boolean => (template ?? value ?? fork) !== undefined;

/** No switch has chosen it, or all that it depends on was skipped. */
function isPassedBy({ choices, names, needs }: Standing, outcomes: readonly Outcome[]): boolean {
  const of = new Map(outcomes.map((outcome, i) => [names[i], outcome]));
  if (choices.length > 0 && !choices.some((choice) => chose(of.get(choice.switch), choice))) return true;
  const needed = outcomes.filter((_, i) => needs.has(names[i] ?? ""));
  return needed.length > 0 && needed.every(({ status }) => status === "skipped");
}

function chose(outcome: Outcome | undefined, { cases }: Choice): boolean {
  const output = outcome?.output as { readonly chosen: number } | null | undefined;
  return output !== null && output !== undefined && cases.includes(output.chosen);
}

function spotOf({ names, reads, keys }: Standing, scene: Scene, outcomes: readonly Outcome[]): Spot {
  const own = Object.fromEntries(outcomes.map((outcome, i) => [names[i] ?? "", seen(outcome)]));
  const nodes = { ...scene.nodes, ...own };
  const writes = outcomes.flatMap(({ writes }): Writes[] => (writes ? [writes] : []));
  const state = { ...scene.state, ...stateOf(keys, reads, scene.state, writes) };
  return { ...scene, nodes, state, all: { ...scene.values, nodes, state } };
}

/** A node as others read it. */
export const seen = ({ status, output, error }: Outcome) => ({ status, output, error: error ?? null });

/** What the node adds to what doing it gave: the way back, and its own writes. Where those fail, it is taken back. */
function finisher({ draft, keys }: Standing) {
  const { name, node, parts } = draft;
  const writes = Object.keys(node.writes ?? {}).map((key) => [key, parts.expression("writes", key)] as const);
  const undo = node.compensate && parts.fill(["compensate", "http"], node.compensate.http);

  return async (ctx: RunContext, spot: Spot, done: Done): Promise<Outcome> => {
    const { status = "succeeded", output = null, writes: inner = {}, undo: below = [] } = done;
    if (status === "skipped") return { status, output: null };
    const all = { ...spot.all, output };
    const steps: Undo[] = undo ? [...below, { node: name, http: undo(all) }] : [...below];
    const own = await orTakenBack(ctx, steps, () =>
      writes.map(([key, value]) => [key, contribution(key, keys[key] ?? {}, value?.value(all))] as const),
    );
    const said = together(keys, [inner, Object.fromEntries(own)]);
    return {
      status,
      output,
      ...(Object.keys(said).length > 0 && { writes: said }),
      ...(steps.length > 0 && { undo: steps }),
    };
  };
}

/** What happens to a node that failed is what its `on_error` says; what ends the run is not its to decide. */
async function wayOut(
  ctx: RunContext,
  draft: Draft,
  error: unknown,
  finish: (output: unknown) => Promise<Outcome>,
): Promise<Outcome> {
  const failure = ofNode(draft.name, error);
  const { on_error = "fail" } = draft.node;
  if (endsRun(failure) || on_error === "fail") throw failure;
  if (on_error === "skip") return withoutIt(ctx, failure);
  const { answer, output } = await askHuman(ctx, draft.name, failure);
  if (answer === "without") return withoutIt(ctx, failure);
  try {
    return await finish(output);
  } catch (again) {
    throw ofNode(draft.name, again);
  }
}

function withoutIt(ctx: RunContext, { code, message }: Failure): Outcome {
  ctx.degrade(`went on without ${message} (${code})`);
  return { status: "failed", output: null, error: { code, message } };
}

/** A person sees what went wrong: a value takes the output's place, approval goes on without one, rejection fails it. */
async function askHuman(
  ctx: RunContext,
  name: string,
  failure: Failure,
): Promise<{ answer: "value" | "without"; output?: unknown }> {
  const told = await ctx.wait(`${name}-decision`, {
    kind: "answer",
    choices: ["answer", "approve", "reject"],
    show: {
      node: name,
      problem: failure.message,
      answer: "go on with the value given",
      approve: "go on without it",
      reject: "the workflow fails",
    },
  });
  if (told.how === "answered" || (told.how === "approved" && told.value !== undefined))
    return { answer: "value", output: told.value };
  if (told.how === "approved") return { answer: "without" };
  const why = told.how === "rejected" && told.note !== undefined ? `: ${told.note}` : "";
  throw new Failure("REJECTED", `a person gave up node ${JSON.stringify(name)}${why}`, { cause: failure });
}
