import { z } from "zod";
import { AgentRef, refName } from "../core/agent.ts";
import { childOf, unwrap } from "../core/check.ts";
import { isLiteral } from "../core/filling.ts";
import type { Pattern } from "../core/pattern.ts";
import type { Definition, Node } from "./definition.ts";
import { anatomyOf } from "./levels.ts";
import type { Path } from "./references.ts";

/** An agent or a saved workflow that a definition names, and where. */
export interface Named<T> {
  readonly ref: T;
  readonly path: Path;
}

/** Everybody whom a definition may ask, as far as it is written out. */
export const agentsOf = (definition: Definition, patterns: ReadonlyMap<string, Pattern>): Named<AgentRef>[] =>
  anatomyOf(definition).sites.flatMap(({ node, path }) =>
    agentsOfNode(node, patterns).map((named) => ({ ...named, path: [...path, ...named.path] })),
  );

/** Everybody whom a node may ask; not those of the nodes inside it. */
export function agentsOfNode(node: Node, patterns: ReadonlyMap<string, Pattern>): Named<AgentRef>[] {
  const asked = node.agent === undefined ? [] : [{ ref: node.agent, path: ["agent"] }];
  const others = (node.fallback ?? []).map((ref, i) => ({ ref, path: ["fallback", i] }));
  const pattern = node.pattern === undefined ? undefined : patterns.get(node.pattern);
  return [...asked, ...others, ...(pattern ? agentsOfPattern(pattern, node.with ?? {}) : [])];
}

/** Those where the schema of the input expects an agent, and those that the pattern itself finds in what is known of it. */
function agentsOfPattern(pattern: Pattern, input: object): Named<AgentRef>[] {
  const written = agentsIn(pattern.input, input, ["with"]);
  const { success, data } = pattern.input.safeParse(asFarAsKnown(pattern, input));
  const names = new Set(written.map(({ ref }) => refName(ref)));
  const others = success
    ? pattern.agents(data).filter((ref) => isLiteral(refName(ref)) && !names.has(refName(ref)))
    : [];
  return [...written, ...others.map((ref) => ({ ref, path: ["with", ...(pathTo(input, refName(ref)) ?? [])] }))];
}

/** An input without what only a play will tell, where its place takes no text. */
function asFarAsKnown({ input: schema }: Pattern, input: object): object {
  const { error } = schema.safeParse(input);
  const unfit = new Set(error?.issues.map(({ path }) => String(path[0])));
  return Object.fromEntries(Object.entries(input).filter(([key]) => !unfit.has(key)));
}

/** Where a text stands in a value. */
function pathTo(value: unknown, text: string): Path | undefined {
  if (value === text) return [];
  if (typeof value !== "object" || value === null) return undefined;
  const entries = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  for (const [key, inner] of entries) {
    const below = pathTo(inner, text);
    if (below) return [key, ...below];
  }
  return undefined;
}

/** The saved workflows that a definition plays by name. */
export const workflowsOf = (definition: Definition): Named<string>[] =>
  anatomyOf(definition).sites.flatMap(({ node, path }) =>
    node.workflow === undefined ? [] : [{ ref: node.workflow, path: [...path, "workflow"] }],
  );

/** Wherever the schema of an input expects an agent. */
function agentsIn(schema: z.ZodType, value: unknown, path: Path): Named<AgentRef>[] {
  if (isAgentRef(schema)) {
    const { success, data } = AgentRef.safeParse(value);
    return success && isLiteral(refName(data)) ? [{ ref: data, path }] : [];
  }
  const bare = unwrap(schema);
  if (bare instanceof z.ZodUnion)
    return (
      (bare.options as z.ZodType[]).map((option) => agentsIn(option, value, path)).find((found) => found.length > 0) ??
      []
    );
  if (typeof value !== "object" || value === null) return [];
  const entries = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return entries.flatMap(([key, inner]) => {
    const below = childOf(bare, String(key));
    return below ? agentsIn(below, inner, [...path, key]) : [];
  });
}

/** The same schema, with whatever description. */
const isAgentRef = (schema: z.ZodType): boolean => unwrap(schema)._zod.def === AgentRef._zod.def;
