import { z } from "zod";
import { nearest } from "./nearest.ts";

/** One thing that is wrong in a value: where, and in words. `unknown` is a name nobody knows. */
export interface Misfit {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly unknown: boolean;
}

/** All that is wrong in a value, unknown names with the nearest right one. Values are never repeated: they may be secret. */
export function misfits(schema: z.ZodType, value: unknown): Misfit[] {
  const read = schema.safeParse(value);
  return read.success ? [] : read.error.issues.flatMap((issue) => explain(schema, issue, []));
}

type Issue = z.core.$ZodIssue;

function explain(schema: z.ZodType, issue: Issue, above: readonly PropertyKey[]): Misfit[] {
  const path = [...above, ...issue.path];
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => ({ path: [...path, key], message: unknownName(schema, path, key), unknown: true }));
  if (issue.code === "invalid_key") return [{ path, message: inWords(issue.issues[0]?.message ?? ""), unknown: true }];
  if (issue.code === "invalid_union") {
    const branch = closest(issue.errors);
    if (branch) return branch.flatMap((inner) => explain(schema, inner, path));
  }
  return [{ path, message: inWords(issue.message), unknown: false }];
}

/** Of the forms a value may have, the one it was meant to have: the one whose kind it is. */
const closest = (branches: readonly Issue[][]): Issue[] | undefined =>
  branches.find((issues) => issues.every((issue) => issue.path.length > 0 || issue.code === "unrecognized_keys"));

const inWords = (message: string): string =>
  message
    .replace(/^Invalid input: /, "")
    .replace(/^(Invalid option|Too small|Too big|Invalid string): /, "")
    .replace(", received ", ", but this is ")
    .replace("expected record", "expected object")
    .replace(/^Invalid input$/, "this has none of the forms it may have")
    .replace(/^Invalid URL$/, "expected a URL such as https://example.com/v1");

function unknownName(schema: z.ZodType, path: readonly PropertyKey[], key: string): string {
  const known = namesAt(schema, path);
  const [near] = nearest(key, known);
  const elsewhere = near ? undefined : placesOf(schema, key)[0];
  if (near ?? elsewhere) return `there is no such name here; did you mean \`${near ?? elsewhere}\`?`;
  return `there is no such name here; the names are ${known.join(", ")}`;
}

/** The names that may stand at a path of such a value; none where any name may. */
export function namesAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  const here = path.reduce<z.ZodType | undefined>((at, key) => (at ? childOf(at, String(key)) : undefined), schema);
  return here ? Object.keys(shapeOf(here) ?? {}) : [];
}

/** What may stand under a name; undefined where nothing may. */
export function childOf(schema: z.ZodType, key: string): z.ZodType | undefined {
  const bare = unwrap(schema);
  if (bare instanceof z.ZodRecord) return bare.valueType as z.ZodType;
  if (bare instanceof z.ZodArray) return bare.element as z.ZodType;
  const shape = shapeOf(bare) ?? {};
  return Object.hasOwn(shape, key) ? shape[key] : undefined;
}

/** A schema without its default and without "may be absent", and what stands behind one that is told later. */
export function unwrap(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodLazy) return unwrap(schema.unwrap() as z.ZodType);
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) return unwrap(schema.unwrap() as z.ZodType);
  return schema;
}

function shapeOf(schema: z.ZodType): Readonly<Record<string, z.ZodType>> | undefined {
  const bare = unwrap(schema);
  if (bare instanceof z.ZodObject) return bare.shape as Record<string, z.ZodType>;
  if (bare instanceof z.ZodUnion)
    return (bare.options as z.ZodType[]).map(shapeOf).find((shape) => shape !== undefined);
  return undefined;
}

/** Where such a name does belong, as a dotted path. */
function placesOf(schema: z.ZodType, key: string): string[] {
  return Object.entries(shapeOf(schema) ?? {}).flatMap(([name, inner]) =>
    Object.hasOwn(shapeOf(inner) ?? {}, key) ? [`${name}.${key}`] : [],
  );
}
