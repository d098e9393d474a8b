import { Failure } from "../core/errors.ts";
import { compileExpression } from "../core/expression.ts";
import type { Limits } from "../core/limits.ts";
import type { Outline, OutlineStep } from "../core/outline.ts";
import type { Pattern } from "../core/pattern.ts";
import { asText } from "../core/texts.ts";
import type { PinnedWorkflow } from "../core/workflow.ts";
import type { Definition, Node } from "./definition.ts";
import { graphOf } from "./graph.ts";
import { agentsOf } from "./play/agent.ts";
import { boundsOf } from "./play/bounds.ts";
import { innerNodes, type Nodes, nodesRead, type Part, partsOf, readsOf } from "./references.ts";

/** How many items a map is thought to have, where its list is told only when it is played. */
const LIKELY_ITEMS = 5;

/** What an outline of a workflow is made from. */
export interface Prospect {
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly limits: Limits;
  readonly patterns: ReadonlyMap<string, Pattern>;
  readonly workflow: Pattern;
  /** The saved workflow of a name, where it is known. */
  readonly pinned: (name: string) => PinnedWorkflow | undefined;
}

/** The same inside one of its graphs. */
type Inside = Prospect & { readonly beside: Nodes };

/**
 * What a workflow is going to do: of a switch the first case; a loop once, and at the most as often as it may; a map
 * once for each item, and where nobody knows its list yet, for five items, at the most for `limits.width`.
 */
export const outlineWorkflow = ({ nodes }: Definition, prospect: Prospect): Outline => outlineGraph(nodes, prospect);

function outlineGraph(nodes: Nodes, around: Prospect): Outline {
  const prospect: Inside = { ...around, beside: nodes };
  const graph = graphOf(nodes);
  const steps = new Map<string, OutlineStep>();
  for (const name of graph.order) {
    const node = nodes[name];
    if (!node) continue;
    const after = graph.before.get(name) ?? [];
    const choices = graph.chosenBy.get(name);
    const isChosen = choices === undefined || choices.some(({ cases }) => cases.includes(0));
    const isLed = after.length === 0 || after.some((other) => (steps.get(other)?.least ?? 0) > 0);
    const reads = [...nodesRead(node)].filter((other) => Object.hasOwn(nodes, other));
    const { seconds, budget } = boundsOf(node);
    const caps = { ...budget, ...(seconds !== undefined && node.wait === undefined && { seconds }) };
    const does = doing(name, node, prospect);
    steps.set(name, {
      name,
      after,
      reads,
      bytes: 0,
      ...does,
      least: isChosen && isLed ? does.least : 0,
      ...(Object.keys(caps).length > 0 && { budget: caps }),
    });
  }
  return { steps: [...steps.values()] };
}

type Does = Pick<OutlineStep, "kind" | "least" | "most"> & Partial<OutlineStep>;

function doing(name: string, node: Node, prospect: Inside): Does {
  const once = { least: 1, most: 1 };
  if (node.agent !== undefined) return { kind: "call", ...once, ...callOf(node, prospect) };
  if (node.pattern !== undefined) return { kind: "run", ...once, ...innerOf(patternOutline(node, prospect)) };
  if (node.workflow !== undefined) return { kind: "run", ...once, ...innerOf(savedOutline(node.workflow, prospect)) };
  if (node.wait) return { kind: "wait", ...once };
  if ((node.http ?? node.file ?? node.control) !== undefined) return { kind: "act", ...once };
  const inner = innerNodes(node);
  if (!inner) return { kind: "code", ...once };
  const block = { kind: "code" as const, inner: outlineGraph(inner, prospect) };
  if (node.loop) return { ...block, least: 1, most: node.loop.max_rounds, back: name };
  if (node.map) return { ...block, ...itemsOf(node.map.over, prospect), parallel: true };
  return { ...block, ...once };
}

const innerOf = (inner: Outline | undefined): { readonly inner?: Outline } => (inner ? { inner } : {});

function callOf(node: Node, prospect: Inside): Partial<OutlineStep> {
  const [agent, ...fallback] = agentsOf(node);
  const schema = node.output_schema ? JSON.stringify(node.output_schema).length : 0;
  const bytes = partsOf(node).reduce(
    (sum, part) => (part.path[0] === "task" ? sum + known(part, prospect) : sum),
    schema,
  );
  const retry = Object.entries(node.retry ?? {}).filter(([, value]) => value !== undefined);
  return {
    ...(agent !== undefined && { agent }),
    bytes,
    ...(fallback.length > 0 && { fallback }),
    ...(retry.length > 0 && { retry: Object.fromEntries(retry) }),
  };
}

/** The bytes of a text that are known now: what is written, and the inputs that it names. */
function known(part: Part, prospect: Inside): number {
  const { inputs } = prospect;
  const written = part.kind === "template" ? part.text.replaceAll(/\{\{.*?\}\}|\{%.*?%\}/gs, "") : "";
  const reads = readsOf(part);
  const given = reads.filter(({ variable }) => variable === "inputs");
  const texts = [written, ...given.map(({ name }) => (name === undefined ? inputs : inputs[name]))];
  const told = reads.filter(
    ({ variable, name = "" }) => LATER.includes(variable) || isOutside(variable, name, prospect),
  );
  return texts.reduce<number>((sum, value) => sum + bytesOf(value), told.length * LIKELY_BYTES);
}

/** Variables of which only a play knows how long they are. */
const LATER = ["item", "last", "state"];
/** How long they are thought to be: as long as a typical answer. */
const LIKELY_BYTES = 2400;

/** No step beside it is read, but one around its block. */
const isOutside = (variable: string, name: string, { beside }: Inside): boolean =>
  variable === "nodes" && !Object.hasOwn(beside, name);

const bytesOf = (value: unknown): number => new TextEncoder().encode(asText(value ?? "")).length;

/** How long a list is that its inputs tell already. */
function itemsOf(over: string, { inputs, limits }: Prospect): { readonly least: number; readonly most: number } {
  try {
    const list = compileExpression(over.replace(/^\s*=/, ""), ["inputs"]).value({ inputs });
    if (Array.isArray(list)) return { least: list.length, most: list.length };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
  }
  return { least: Math.min(LIKELY_ITEMS, limits.width), most: limits.width };
}

/** What a pattern says, as far as its input stands in the definition. */
function patternOutline({ pattern: name = "", with: input = {} }: Node, prospect: Prospect): Outline | undefined {
  const pattern = prospect.patterns.get(name);
  const read = pattern?.input.safeParse(input);
  if (!pattern || !read?.success) return undefined;
  return guarded(() => pattern.outline?.(read.data, prospect.limits, prospect.pinned));
}

/** What a saved workflow says, no deeper than workflows may stand inside each other. */
function savedOutline(name: string, { limits, workflow, pinned }: Prospect): Outline | undefined {
  if (limits.depth <= 1 || !pinned(name)) return undefined;
  const below = { ...limits, depth: limits.depth - 1 };
  return guarded(() => workflow.outline?.({ name }, below, pinned));
}

function guarded(outline: () => Outline | undefined): Outline | undefined {
  try {
    return outline();
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}
