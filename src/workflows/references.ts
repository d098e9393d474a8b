import { type Condition, compileCondition } from "../core/condition.ts";
import { Failure } from "../core/errors.ts";
import { compileExpression, type Expression } from "../core/expression.ts";
import { isLiteral } from "../core/filling.ts";
import { compileTemplate, type Template } from "../core/template.ts";
import type { Node } from "./definition.ts";

/** The nodes of one graph by name: those of a workflow, or of a map, a loop or a race. */
export type Nodes = Readonly<Record<string, Node>>;
export type Path = readonly (string | number)[];

/** What a part of each kind is once it is compiled. */
interface Forms {
  readonly template: Template;
  readonly expression: Expression;
  readonly condition: Condition;
}

/**
 * A text of a node in which values are put in, or which tells a value. In `with`, `inputs`, an `http` body and a wait's
 * `default`, texts without anything to put in are no parts: they stand as they are.
 */
export interface Part<K extends keyof Forms = keyof Forms> {
  /** Where it stands inside its node. */
  readonly path: Path;
  readonly kind: K;
  /** Without the leading `=`. */
  readonly text: string;
  /** How many characters of what is written stand before the text. */
  readonly skipped: number;
  /** It reaches a model: what is put in is marked as data. */
  readonly prompt: boolean;
  readonly scope: Scope;
}

/**
 * What a part may read. `before`: what stands around its node. `after`: that, and the node's `output`. `inside`: that,
 * and the nodes and variables of the block. `event`: nothing but `event`.
 */
export type Scope = "before" | "after" | "inside" | "event";

/** The variables of every workflow. */
export const VARIABLES = ["inputs", "nodes", "state"] as const;
const EVERY_VARIABLE = [...VARIABLES, "item", "index", "round", "last", "output"];

/** The variables inside a block, over those around it. */
export function insideOf(block: Node, around: readonly string[]): readonly string[] {
  const own = block.map ? ["item", "index"] : block.loop ? ["round", "last"] : [];
  return [...new Set([...around, ...own])];
}

/** The variables of a part of a node, over those around the node. */
export function variablesOf(part: Part, node: Node, around: readonly string[]): readonly string[] {
  if (part.scope === "before") return around;
  if (part.scope === "event") return ["event"];
  const inside = part.scope === "inside" ? insideOf(node, around) : around;
  return part.path.at(-1) === "until" ? inside : [...inside, "output"];
}

/** The nodes inside a block; undefined where a node is no block. */
export const innerNodes = (node: Node): Nodes | undefined => node.map?.nodes ?? node.loop?.nodes ?? node.race?.nodes;

const parts = new WeakMap<Node, readonly Part[]>();

/** All parts of a node, without those of the nodes inside it; the same objects each time. */
export function partsOf(node: Node): readonly Part[] {
  const known = parts.get(node) ?? findParts(node);
  parts.set(node, known);
  return known;
}

function findParts(node: Node): Part[] {
  const { map, loop, wait, http, verify, compensate } = node;
  return [
    cel("condition", ["when"], node.when),
    text(["task"], node.task, "before", true),
    texts(["with"], node.with, "before", true),
    texts(["inputs"], node.inputs),
    text(["template"], node.template),
    cel("expression", ["value"], node.value),
    request(["http"], http),
    request(["verify", "http"], verify?.http),
    cel("condition", ["verify", "done"], verify?.done, "after"),
    cel("expression", ["verify", "value"], verify?.value, "after"),
    text(["file"], node.file),
    text(["control", "run"], node.control?.run),
    cel("expression", ["map", "over"], map?.over),
    cel("expression", ["map", "output"], map?.output, "inside"),
    cel("condition", ["loop", "until"], loop?.until, "inside"),
    cel("expression", ["loop", "output"], loop?.output, "inside"),
    (node.switch?.cases ?? []).flatMap(({ when }, i) => cel("condition", ["switch", "cases", i, "when"], when)),
    waiting(wait),
    Object.entries(node.writes ?? {}).flatMap(([key, value]) => cel("expression", ["writes", key], value, "after")),
    request(["compensate", "http"], compensate?.http, "after"),
  ].flat();
}

function request(path: Path, http: Partial<NonNullable<Node["http"]>> | undefined, scope: Scope = "before"): Part[] {
  const headers = Object.entries(http?.headers ?? {});
  return [
    ...text([...path, "url"], http?.url, scope),
    ...headers.flatMap(([name, value]) => text([...path, "headers", name], value, scope)),
    ...texts([...path, "body"], http?.body, scope),
  ];
}

function waiting(wait: Node["wait"]): Part[] {
  const { approval, answer, action, event, seconds } = wait ?? {};
  return [
    ...text(["wait", "approval"], approval),
    ...text(["wait", "answer"], answer),
    ...texts(["wait", "action", "arguments"], action?.arguments),
    ...cel("condition", ["wait", "event", "where"], event?.where, "event"),
    ...text(["wait", "event", "correlation_id"], event?.correlation_id),
    ...(typeof seconds === "string" ? cel("expression", ["wait", "seconds"], seconds) : []),
    ...texts(["wait", "default"], wait?.default),
  ];
}

/** The parts of a value of any form, such as a workflow's `output`. */
export function texts(path: Path, value: unknown, scope: Scope = "before", prompt = false): Part[] {
  if (typeof value === "string") return isLiteral(value) ? [] : text(path, value, scope, prompt);
  if (typeof value !== "object" || value === null) return [];
  const entries = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return entries.flatMap(([key, inner]) => texts([...path, key], inner, scope, prompt));
}

function text(path: Path, written: string | undefined, scope: Scope = "before", prompt = false): Part[] {
  if (written === undefined) return [];
  if (/^\s*=/.test(written)) return cel("expression", path, written, scope, prompt);
  return [{ path, kind: "template", text: written, skipped: 0, prompt, scope }];
}

function cel(
  kind: "expression" | "condition",
  path: Path,
  written: string | undefined,
  scope: Scope = "before",
  prompt = false,
): Part[] {
  if (written === undefined) return [];
  const [{ length: skipped } = ""] = /^\s*=?\s*/.exec(written) ?? [];
  return [{ path, kind, text: written.slice(skipped), skipped, prompt, scope }];
}

const COMPILE: { readonly [K in keyof Forms]: (part: Part, variables: readonly string[]) => Forms[K] } = {
  template: ({ text, prompt }, variables) => compileTemplate(text, variables, { prompt }),
  expression: ({ text }, variables) => compileExpression(text, variables),
  condition: ({ text }, variables) => compileCondition(text, variables),
};

const compiled = new WeakMap<Part, Map<string, Forms[keyof Forms]>>();

/** A part, ready to be evaluated; compiled once. Throws INVALID_INPUT where it can never be. */
export function compilePart<K extends keyof Forms>(part: Part<K>, variables: readonly string[]): Forms[K] {
  const known = compiled.get(part) ?? new Map<string, Forms[keyof Forms]>();
  const key = variables.join();
  const form = known.get(key) ?? COMPILE[part.kind](part, variables);
  compiled.set(part, known.set(key, form));
  return form as Forms[K];
}

/** One thing that a part reads: `nodes.draft.output.title` is the name `draft` of `nodes`, with its whole path. */
export interface Read {
  readonly part: Part;
  readonly variable: string;
  /** Absent where the variable is read as a whole, or by a name that is told only when it is played. */
  readonly name: string | undefined;
  readonly path: readonly string[];
}

const reads = new WeakMap<Part, readonly Read[] | undefined>();

/** What a part reads, whatever it may read; nothing where it cannot be compiled. */
export const readsOf = (part: Part): readonly Read[] => readingOf(part) ?? [];

/** Whether a part can be compiled over these variables, as far as that is known without compiling it for them. */
export const fitsIn = (part: Part, variables: readonly string[]): boolean =>
  readingOf(part)?.every(({ variable }) => variables.includes(variable)) ?? false;

function readingOf(part: Part): readonly Read[] | undefined {
  const known = reads.has(part) ? reads.get(part) : findReads(part);
  reads.set(part, known);
  return known;
}

function findReads(part: Part): Read[] | undefined {
  try {
    const { paths } = COMPILE[part.kind](
      { ...part, prompt: false },
      part.scope === "event" ? ["event"] : EVERY_VARIABLE,
    );
    return paths.map((path) => ({ part, variable: path[0] ?? "", name: path[1], path }));
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

const around = new WeakMap<Node, ReadonlySet<string>>();

/** The nodes beside or around it that a node reads, itself or inside it. */
export function nodesRead(node: Node): ReadonlySet<string> {
  const known = around.get(node) ?? findNodesRead(node);
  around.set(node, known);
  return known;
}

function findNodesRead(node: Node): Set<string> {
  const inner = innerNodes(node) ?? {};
  const own = partsOf(node).flatMap((part) =>
    readsOf(part).filter(
      ({ variable, name = "" }) => variable === "nodes" && !(part.scope === "inside" && Object.hasOwn(inner, name)),
    ),
  );
  const below = Object.values(inner).flatMap((each) => [...nodesRead(each)]);
  return new Set([...own.flatMap(({ name }) => name ?? []), ...below.filter((name) => !Object.hasOwn(inner, name))]);
}
