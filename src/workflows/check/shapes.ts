import { z } from "zod";
import { nearest } from "../../core/nearest.ts";
import type { Pattern } from "../../core/pattern.ts";
import type { JsonSchema } from "../../core/provider.ts";
import type { Node } from "../definition.ts";
import { graphOf } from "../graph.ts";
import type { World } from "../world.ts";

/** The form of a value as far as it is known before anything is played; undefined where it is not. */
export type Shape = JsonSchema | undefined;

const TEXT: JsonSchema = { type: "string" };

/** The form of what a node gives. */
export function shapeOf(node: Node, world: World): Shape {
  if (node.agent !== undefined) return node.output_schema ?? TEXT;
  if (node.http !== undefined) return node.output_schema;
  if (node.pattern !== undefined) return patternShape(world.patterns.get(node.pattern));
  if (node.workflow !== undefined) return workflowShape(node.workflow, world);
  if (node.template !== undefined) return node.template.trimStart().startsWith("=") ? undefined : TEXT;
  if (node.file !== undefined) return TEXT;
  if (node.switch) return object({ chosen: { type: "integer" }, nodes: { type: "array", items: TEXT } });
  if (node.map)
    return { type: "array", ...given("items", node.map.output === undefined && lastOf(node.map.nodes, world)) };
  if (node.loop && node.loop.output === undefined) return lastOf(node.loop.nodes, world);
  return undefined;
}

/** What the last nodes of a graph give: one's output as it is, those of several by name. */
function lastOf(nodes: Readonly<Record<string, Node>>, world: World): Shape {
  const { sinks } = graphOf(nodes);
  const shapes = sinks.flatMap((name) => {
    const node = nodes[name];
    return node ? [[name, shapeOf(node, world) ?? {}] as const] : [];
  });
  const [only, another] = shapes;
  return only && !another ? only[1] : object(Object.fromEntries(shapes));
}

/** What a saved workflow gives; of one that plays itself nothing is known. */
function workflowShape(name: string, world: World): Shape {
  const known = world.workflows?.definition(name);
  if (!known || !world.workflows) return undefined;
  const { workflows } = world;
  const definition = (other: string) => (other === name ? undefined : workflows.definition(other));
  if (known.output === undefined) return lastOf(known.nodes, { ...world, workflows: { ...workflows, definition } });
  return writtenShape(known.output);
}

/** The form of a value in which texts are put together. */
function writtenShape(value: unknown): JsonSchema {
  if (typeof value === "string") return /^\s*=/.test(value) ? {} : TEXT;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return {};
  return object(Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, writtenShape(inner)])));
}

const object = (properties: Readonly<Record<string, unknown>>): JsonSchema => ({
  type: "object",
  properties,
  additionalProperties: false,
});

const given = (name: string, value: unknown): object => (value ? { [name]: value } : {});

const shapes = new WeakMap<Pattern, JsonSchema>();

function patternShape(pattern: Pattern | undefined): Shape {
  if (!pattern) return undefined;
  const known =
    shapes.get(pattern) ?? (z.toJSONSchema(pattern.output, { io: "output", unrepresentable: "any" }) as JsonSchema);
  shapes.set(pattern, known);
  return known;
}

/** Why a name cannot be read from a value of this form. */
export interface Dead {
  /** Which of the names. */
  readonly at: number;
  readonly why: "text" | "list" | "plain" | "unlisted";
  /** The names that may stand there. */
  readonly names: readonly string[];
}

/** A form, and where the names that it refers to are defined. */
interface Look {
  readonly shape: Shape;
  readonly root: JsonSchema;
}

/** Where a chain of names leaves a form; a name that may be there is let pass. */
export function deadEnd(shape: Shape, names: readonly string[]): Dead | undefined {
  const end = follow(shape, names);
  return end && "why" in end ? end : undefined;
}

/** The form of the items of a list that stands at the end of a chain of names. */
export function itemsAt(shape: Shape, names: readonly string[]): Shape {
  const end = follow(shape, names);
  return end && "shape" in end ? (resolved(end.shape, end.root) as Fields | undefined)?.items : undefined;
}

function follow(shape: Shape, names: readonly string[]): Look | Dead | undefined {
  let look: Look | undefined = shape && { shape, root: shape };
  for (const [at, name] of names.entries()) {
    if (!look) return undefined;
    const next: Step = step(look, name);
    if (next && "why" in next) return { at, ...next };
    look = next;
  }
  return look;
}

type Step = Look | Omit<Dead, "at"> | undefined;

/** Counts that Liquid knows of any text or list. */
const COUNTS = ["size", "first", "last"];

function step({ shape, root }: Look, name: string): Step {
  const here: Fields | undefined = resolved(shape, root);
  if (!here || MANIFOLD.some((word) => word in here)) return undefined;
  const { type, items } = here;
  if (here.properties || type === "object") return field(here, name, root);
  if (typeof type !== "string" || COUNTS.includes(name)) return undefined;
  if (type !== "array") return { why: type === "string" ? "text" : "plain", names: [] };
  if (!/^\d+$/.test(name)) return { why: "list", names: [] };
  return items && { shape: items, root };
}

/** Words with which a value may have more than one form. */
const MANIFOLD = ["anyOf", "oneOf", "allOf", "not", "if", "$dynamicRef"];

function field({ properties, additionalProperties, patternProperties }: Fields, name: string, root: JsonSchema): Step {
  if (!properties) return undefined;
  const names = Object.keys(properties);
  if (names.includes(name)) return { shape: properties[name], root };
  if (patternProperties !== undefined) return undefined;
  if (typeof additionalProperties === "object") return { shape: additionalProperties, root };
  return additionalProperties === false || nearest(name, names).length > 0 ? { why: "unlisted", names } : undefined;
}

interface Fields {
  readonly type?: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly patternProperties?: unknown;
  readonly items?: JsonSchema;
}

/** A reference inside the same schema is followed; another is not known. */
function resolved(shape: Shape, root: JsonSchema, hops = 0): JsonSchema | undefined {
  const ref = shape?.["$ref"];
  if (typeof ref !== "string") return shape;
  if (!ref.startsWith("#") || hops > 20) return undefined;
  const keys = ref.slice(1).split("/").filter(Boolean);
  const target = keys.reduce<unknown>(
    (at, key) => (at as Record<string, unknown> | undefined)?.[key.replaceAll("~1", "/")],
    root,
  );
  return resolved(target as Shape, root, hops + 1);
}
