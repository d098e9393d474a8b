import { type ASTNode, Environment, type ParseResult } from "@marcbachmann/cel-js";
import { Failure } from "./errors.ts";

/** A question in CEL about named values, checked when it was read. */
export interface Condition {
  readonly text: string;
  /** Whether it holds. Throws GATE_FAILED where the values do not let it be told, and says why. */
  holds(values: Readonly<Record<string, unknown>>): boolean;
}

const MAX_CHARS = 2000;
const MAX_NESTED_LIST = 1000;
const LIMITS = { maxAstNodes: 500, maxDepth: 50, maxListElements: 100, maxMapEntries: 100, maxCallArguments: 16 };
const MACROS = new Set(["all", "exists", "exists_one", "map", "filter"]);

/** Reads a condition over these variables. Throws INVALID_INPUT where it can never be told, with the position. */
export function compileCondition(text: string, variables: readonly string[]): Condition {
  if (text.length > MAX_CHARS) throw unusable(text, `it is longer than ${MAX_CHARS} characters`, variables);
  const parsed = read(text, variables);
  if (calls(parsed.ast).has("matches")) {
    throw unusable(text, "matches() is not allowed; use contains(), startsWith() or endsWith()", variables);
  }
  const loops = nesting(parsed.ast);
  if (loops > 2) throw unusable(text, `${loops} loops inside each other are too many; 2 are allowed`, variables);
  return { text, holds: (values) => holds(parsed, text, values, loops) };
}

function read(text: string, variables: readonly string[]): ParseResult {
  const environment = worldOf(variables);
  const { valid, type, error } = environment.check(text);
  if (!valid) throw unusable(text, `${error?.summary ?? "it cannot be read"}${position(error?.range)}`, variables);
  if (type !== "bool" && type !== "dyn") throw unusable(text, `it gives ${type}, not true or false`, variables);
  return environment.parse(text);
}

function worldOf(variables: readonly string[]): Environment {
  const world = new Environment({ limits: LIMITS, homogeneousAggregateLiterals: false, enableOptionalTypes: true });
  for (const name of variables) world.registerVariable(name, "dyn");
  // Numbers from JSON are doubles and whole numbers in CEL are not: without these, `output.score + 1` has no meaning.
  for (const [sign, compute] of ARITHMETIC) {
    world.registerOperator(`double ${sign} int: double`, compute);
    world.registerOperator(`int ${sign} double: double`, compute);
  }
  world.registerOperator("double % int: double", (a: number, b: bigint) => a % Number(b));
  return world;
}

type Compute = (a: number | bigint, b: number | bigint) => number;
const ARITHMETIC: readonly [string, Compute][] = [
  ["+", (a, b) => Number(a) + Number(b)],
  ["-", (a, b) => Number(a) - Number(b)],
  ["*", (a, b) => Number(a) * Number(b)],
  ["/", (a, b) => Number(a) / Number(b)],
];

function holds(parsed: ParseResult, text: string, values: Readonly<Record<string, unknown>>, loops: number): boolean {
  if (loops > 1 && longestList(values) > MAX_NESTED_LIST) {
    throw untold(text, `it loops inside a loop, and a list has more than ${MAX_NESTED_LIST} elements`);
  }
  const verdict = evaluate(parsed, text, values);
  if (typeof verdict !== "boolean") throw untold(text, `it gives ${String(verdict)}, not true or false`);
  return verdict;
}

function evaluate(parsed: ParseResult, text: string, values: Readonly<Record<string, unknown>>): unknown {
  try {
    return parsed(values);
  } catch (error) {
    const why = error instanceof Error && "summary" in error ? String(error.summary) : "it cannot be evaluated";
    throw untold(text, why);
  }
}

const position = (range: { readonly start: number } | undefined): string =>
  range ? ` (at character ${range.start + 1})` : "";

const unusable = (text: string, why: string, variables: readonly string[]): Failure =>
  new Failure("INVALID_INPUT", `the condition \`${text.slice(0, 200)}\` cannot be used: ${why}`, {
    hint: `Write a CEL expression over ${variables.join(", ")}, such as \`size(string(${variables[0]})) > 0\`.`,
  });

const untold = (text: string, why: string): Failure =>
  new Failure("GATE_FAILED", `the condition \`${text}\` cannot be told: ${why}`, {
    hint: "Ask with has(x.y) whether a field is there before it is read.",
  });

/** The nodes right below a node of the syntax tree. */
function below(node: ASTNode): ASTNode[] {
  const nodes: ASTNode[] = [];
  const visit = (thing: unknown): void => {
    if (Array.isArray(thing)) for (const part of thing) visit(part);
    else if (isNode(thing)) nodes.push(thing);
  };
  visit(node.args);
  return nodes;
}

const isNode = (thing: unknown): thing is ASTNode =>
  typeof thing === "object" && thing !== null && "op" in thing && "args" in thing;

const callName = (node: ASTNode): string | undefined =>
  node.op === "rcall" || node.op === "call" ? node.args[0] : undefined;

function calls(node: ASTNode): Set<string> {
  const own = callName(node);
  return new Set([...(own === undefined ? [] : [own]), ...below(node).flatMap((child) => [...calls(child)])]);
}

function nesting(node: ASTNode): number {
  const deepest = Math.max(0, ...below(node).map(nesting));
  return MACROS.has(callName(node) ?? "") ? deepest + 1 : deepest;
}

function longestList(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const own = Array.isArray(value) ? value.length : 0;
  return Object.values(value).reduce<number>((most, part) => Math.max(most, longestList(part)), own);
}
