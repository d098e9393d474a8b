import { Failure } from "../core/errors.ts";
import type { JsonSchema } from "../core/provider.ts";
import { checkShape } from "../core/shape.ts";

const DEEPEST = 40;
/** Under these keys stand names that somebody chose, each with a schema. */
const MAPS = ["properties", "$defs", "definitions", "dependentSchemas"];
/** Under these stand values, which are no schemas. */
const VALUES = ["enum", "const", "default", "examples", "required"];

type Tree = Record<string, unknown>;
const isTree = (value: unknown): value is Tree => typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * A server's schema as a model is told it: that of an object, in the words of 2020-12. Throws a Failure where it is none
 * that arguments could be checked against.
 */
export function offeredSchema(schema: unknown): JsonSchema {
  if (!isTree(schema)) throw unfit("it is no JSON Schema of an object");
  const { $schema: _, type = "object", ...rest } = renewed(schema, 0) as Tree;
  if (type !== "object") throw unfit(`it is a JSON Schema of ${JSON.stringify(type)}, and not of an object`);
  const offered = { type, ...rest };
  checkShape(checkable(offered));
  return offered;
}

/**
 * The same without what its author's regular expressions would cost us: the server checks those itself.
 */
export const checkable = (schema: JsonSchema): JsonSchema => withoutPatterns(schema) as JsonSchema;

/** Older drafts write a list of places as `items`. */
function renewed(value: unknown, depth: number): unknown {
  if (depth > DEEPEST) throw unfit("it is nested too deep");
  if (Array.isArray(value)) return value.map((item) => renewed(item, depth + 1));
  if (!isTree(value)) return value;
  const all = Object.entries(value).map(([key, item]) => [key, VALUES.includes(key) ? item : renewed(item, depth + 1)]);
  const { items, additionalItems, ...rest } = Object.fromEntries(all);
  if (!Array.isArray(items)) return Object.fromEntries(all);
  return { ...rest, prefixItems: items, ...(additionalItems !== undefined && { items: additionalItems }) };
}

function withoutPatterns(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutPatterns);
  if (!isTree(value)) return value;
  const { pattern, patternProperties, additionalProperties, ...rest } = value;
  const kept: Tree = {
    ...rest,
    ...(pattern !== undefined && typeof pattern !== "string" && { pattern }),
    ...(patternProperties === undefined && additionalProperties !== undefined && { additionalProperties }),
  };
  return Object.fromEntries(
    Object.entries(kept).map(([key, item]) => {
      if (VALUES.includes(key)) return [key, item];
      if (!MAPS.includes(key) || !isTree(item)) return [key, withoutPatterns(item)];
      return [key, Object.fromEntries(Object.entries(item).map(([name, each]) => [name, withoutPatterns(each)]))];
    }),
  );
}

const unfit = (why: string): Failure => new Failure("BAD_OUTPUT", why);
