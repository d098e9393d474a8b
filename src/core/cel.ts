import { type ASTNode, Environment, type ParseResult } from "@marcbachmann/cel-js";
import { Failure } from "./errors.ts";

const MAX_CHARS = 2000;
const LIMITS = { maxAstNodes: 500, maxDepth: 50, maxListElements: 100, maxMapEntries: 100, maxCallArguments: 16 };
const MACROS = new Set(["all", "exists", "exists_one", "map", "filter"]);

/** An expression in CEL, checked when it was read: no loop without a bound, no pattern that takes for ever. */
export interface Cel {
  readonly parsed: ParseResult;
  readonly type: string;
  /** How many loops stand inside each other. */
  readonly loops: number;
  /** What it reads, each from its variable on: `nodes.a.output` is ["nodes", "a", "output"]. */
  readonly paths: readonly (readonly string[])[];
}

/** Reads an expression over these variables. Throws INVALID_INPUT where it can never be evaluated, with the position. */
export function readCel(what: string, text: string, variables: readonly string[]): Cel {
  const refuse = (why: string) => unusable(what, text, why, variables);
  if (text.length > MAX_CHARS) throw refuse(`it is longer than ${MAX_CHARS} characters`);
  const environment = worldOf(variables);
  const { valid, type = "dyn", error } = environment.check(text);
  if (!valid) throw refuse(`${error?.summary ?? "it cannot be read"}${position(error?.range)}`);
  const parsed = environment.parse(text);
  if (calls(parsed.ast).has("matches"))
    throw refuse("matches() is not allowed; use contains(), startsWith() or endsWith()");
  const loops = nesting(parsed.ast);
  if (loops > 2) throw refuse(`${loops} loops inside each other are too many; 2 are allowed`);
  return { parsed, type, loops, paths: paths(parsed.ast, new Set(variables)) };
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

const position = (range: { readonly start: number } | undefined): string =>
  range ? ` (at character ${range.start + 1})` : "";

export const unusable = (what: string, text: string, why: string, variables: readonly string[]): Failure =>
  new Failure("INVALID_INPUT", `the ${what} \`${text.slice(0, 200)}\` cannot be used: ${why}`, {
    hint: `Write a CEL expression over ${variables.join(", ")}, such as \`size(string(${variables[0]})) > 0\`.`,
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

/** The chains of names that begin with a variable, as far as they are written out. */
function paths(node: ASTNode, variables: ReadonlySet<string>): string[][] {
  const own = chain(node, variables);
  if (own) return [own.names, ...inside(node).flatMap((each) => paths(each, variables))];
  return below(node).flatMap((each) => paths(each, variables));
}

/** Names from a variable on; `cut` where the next one is told only by evaluating it. */
interface Chain {
  readonly names: string[];
  readonly cut?: true;
}

function chain(node: ASTNode, variables: ReadonlySet<string>): Chain | undefined {
  if (node.op === "id") return variables.has(node.args) ? { names: [node.args] } : undefined;
  if (node.op !== "." && node.op !== ".?" && node.op !== "[]" && node.op !== "[?]") return undefined;
  const before = chain(node.args[0], variables);
  if (!before || before.cut) return before;
  const name = keyOf(node.args[1]);
  return name === undefined ? { ...before, cut: true } : { names: [...before.names, name] };
}

/** A key as it is written out: a field, a text or a whole number in brackets. */
function keyOf(key: string | ASTNode): string | undefined {
  if (typeof key === "string") return key;
  const isPlain = key.op === "value" && (typeof key.args === "string" || typeof key.args === "bigint");
  return isPlain ? String(key.args) : undefined;
}

/** The expressions in the brackets of a chain. */
function inside(node: ASTNode): ASTNode[] {
  if (node.op === "." || node.op === ".?") return inside(node.args[0]);
  if (node.op === "[]" || node.op === "[?]") return [...inside(node.args[0]), node.args[1]];
  return [];
}
