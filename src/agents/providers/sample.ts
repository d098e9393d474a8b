import type { JsonSchema } from "../../core/provider.ts";
import { misfit } from "../../core/shape.ts";
import { exampleOf } from "./pattern-text.ts";

/** What a made-up value is made of: pieces of text for its strings, and chance that is the same every time. */
export interface Stuff {
  /** The next piece of text, at most so long. */
  text(most: number): string;
  /** From 0 up to 1. */
  chance(): number;
}

const DEEP = 6;

/** A value that fits a JSON Schema, for all but perverse schemas. What is optional is filled in where that fits. */
export function sample(shape: JsonSchema, stuff: Stuff): unknown {
  const full = new Sampler(shape, stuff, true).value(shape, 0);
  if (misfit(full, shape) === undefined) return full;
  const bare = new Sampler(shape, stuff, false).value(shape, 0);
  return misfit(bare, shape) === undefined ? bare : full;
}

class Sampler {
  readonly #root: JsonSchema;
  readonly #stuff: Stuff;
  readonly #optional: boolean;

  constructor(root: JsonSchema, stuff: Stuff, optional: boolean) {
    this.#root = root;
    this.#stuff = stuff;
    this.#optional = optional;
  }

  value(asked: unknown, depth: number): unknown {
    const schema = this.#resolve(asked, depth);
    if ("const" in schema) return schema["const"];
    if (isList(schema["enum"])) return this.#one(schema["enum"]);
    const choices = schema["anyOf"] ?? schema["oneOf"];
    if (isList(choices)) return this.#choose(schema, choices, depth);
    return this.#ofType(typeOf(schema), schema, depth);
  }

  #ofType(type: string, schema: JsonSchema, depth: number): unknown {
    switch (type) {
      case "object":
        return this.#object(schema, depth);
      case "array":
        return this.#array(schema, depth);
      case "integer":
      case "number":
        return this.#number(schema, type === "integer");
      case "boolean":
        return true;
      case "null":
        return null;
      default:
        return this.#string(schema);
    }
  }

  /** Follows references and folds `allOf` into one schema. */
  #resolve(asked: unknown, depth: number): JsonSchema {
    let schema = isSchema(asked) ? asked : {};
    for (let steps = 0; typeof schema["$ref"] === "string" && steps < 20; steps++) {
      const { $ref, ...beside } = schema;
      schema = { ...this.#find(String($ref)), ...beside };
    }
    const { allOf, ...rest } = schema;
    if (!isList(allOf)) return schema;
    return allOf.map((part) => this.#resolve(part, depth)).reduce<JsonSchema>(merge, rest);
  }

  #find(ref: string): JsonSchema {
    const path = ref.replace(/^#\/?/, "").split("/").filter(Boolean);
    const names = path.map((name) => decodeURIComponent(name).replaceAll("~1", "/").replaceAll("~0", "~"));
    const found = names.reduce<unknown>((at, name) => (isSchema(at) ? at[name] : undefined), this.#root);
    return isSchema(found) ? found : {};
  }

  /** Deep down the plainest choice is taken, so that recursive schemas come to an end. */
  #choose(schema: JsonSchema, choices: readonly unknown[], depth: number): unknown {
    const { anyOf: _, oneOf: __, ...rest } = schema;
    const parts = choices.map((choice) => merge(rest, this.#resolve(choice, depth)));
    const plain = parts.find((part) => PLAIN.has(typeOf(part)));
    const telling = parts.find((part) => typeOf(part) !== "null");
    return this.value((depth > 2 ? plain : telling) ?? parts[0], depth + 1);
  }

  #object(schema: JsonSchema, depth: number): Record<string, unknown> {
    const properties = isSchema(schema["properties"]) ? schema["properties"] : {};
    const required = isList(schema["required"]) ? schema["required"].map(String) : [];
    const names = this.#optional && depth < 3 ? [...new Set([...Object.keys(properties), ...required])] : required;
    const made: Record<string, unknown> = {};
    if (depth > DEEP && required.length === 0) return made;
    for (const name of names) made[name] = this.value(properties[name] ?? extraOf(schema), depth + 1);
    for (let n = 1; Object.keys(made).length < numberOr(schema["minProperties"], 0) && n < 100; n++) {
      made[`item_${n}`] = this.value(extraOf(schema), depth + 1);
    }
    return made;
  }

  #array(schema: JsonSchema, depth: number): unknown[] {
    const first = isList(schema["prefixItems"]) ? schema["prefixItems"] : [];
    const least = Math.max(numberOr(schema["minItems"], 0), isSchema(schema["contains"]) ? 1 : 0);
    const wished = depth > 3 || schema["items"] === false ? first.length : Math.max(first.length, 2);
    const count = Math.min(Math.max(least, wished), numberOr(schema["maxItems"], 100), 1000);
    const made: unknown[] = [];
    for (let tries = 0; made.length < count && tries < count + 40; tries++) {
      const value = this.value(first[made.length] ?? schema["contains"] ?? schema["items"], depth + 1);
      const isNew = !made.some((other) => JSON.stringify(other) === JSON.stringify(value));
      if (isNew || schema["uniqueItems"] !== true) made.push(value);
    }
    return made;
  }

  /** In the upper part of what is allowed: a rehearsed score passes a gate, a rehearsed confidence is high. */
  #number(schema: JsonSchema, whole: boolean): number {
    const step = numberOr(schema["multipleOf"], whole ? 1 : 0);
    const { low, high } = rangeOf(schema, step || 0.001);
    const wished = low + (high - low) * (0.8 + 0.19 * this.#stuff.chance());
    if (step > 0) return clamp(Math.round(wished / step), Math.ceil(low / step), Math.floor(high / step)) * step;
    const round = Math.round(wished * 100) / 100;
    return round >= low && round <= high ? round : wished;
  }

  #string(schema: JsonSchema): string {
    const format = FORMATS[String(schema["format"])];
    if (format !== undefined) return format;
    if (typeof schema["pattern"] === "string") return exampleOf(schema["pattern"]);
    const text = this.#stuff.text(numberOr(schema["maxLength"], 300));
    return text.padEnd(numberOr(schema["minLength"], 0), ".");
  }

  #one(values: readonly unknown[]): unknown {
    return values[Math.floor(this.#stuff.chance() * values.length)];
  }
}

const FORMATS: Readonly<Record<string, string>> = {
  date: "2025-01-01",
  time: "12:00:00Z",
  "date-time": "2025-01-01T12:00:00Z",
  duration: "PT1H",
  email: "rehearsal@example.com",
  hostname: "example.com",
  ipv4: "192.0.2.1",
  ipv6: "2001:db8::1",
  uri: "https://example.com/rehearsal",
  "uri-reference": "/rehearsal",
  url: "https://example.com/rehearsal",
  uuid: "00000000-0000-4000-8000-000000000000",
  regex: "^rehearsal$",
  "json-pointer": "/rehearsal",
};

const PLAIN = new Set(["string", "number", "integer", "boolean", "null"]);

const VAST = 1e9;

/** Where a number may lie; limits so far out that they limit nothing are drawn in. */
function rangeOf(schema: JsonSchema, edge: number): { low: number; high: number } {
  const { exclusiveMinimum: above, exclusiveMaximum: below } = schema;
  const least = typeof above === "number" ? above + edge : numberOr(schema["minimum"], -Number.MAX_VALUE);
  const most = typeof below === "number" ? below - edge : numberOr(schema["maximum"], Number.MAX_VALUE);
  const low = least < -VAST ? Math.min(0, most - 1) : least;
  const high = most > VAST ? Math.max(1, low + 1) : most;
  return { low, high };
}

const clamp = (n: number, least: number, most: number): number => Math.max(least, Math.min(n, most));

/** The type a schema asks for, or the one its other words speak of. */
function typeOf(schema: JsonSchema): string {
  const type = schema["type"];
  if (typeof type === "string") return type;
  if (isList(type)) return String(type.find((name) => name !== "null") ?? "null");
  if ("properties" in schema || "required" in schema || "additionalProperties" in schema) return "object";
  if ("items" in schema || "prefixItems" in schema || "minItems" in schema) return "array";
  if ("minimum" in schema || "maximum" in schema || "multipleOf" in schema) return "number";
  return "string";
}

const extraOf = (schema: JsonSchema): unknown =>
  isSchema(schema["additionalProperties"]) ? schema["additionalProperties"] : { type: "string" };

/** Two schemas that must both hold, as far as that can be said in one. */
function merge(a: JsonSchema, b: JsonSchema): JsonSchema {
  const both = { ...a, ...b };
  const required = [a["required"], b["required"]].filter(isList).flat();
  const properties = { ...(a["properties"] as object | undefined), ...(b["properties"] as object | undefined) };
  return {
    ...both,
    ...(required.length > 0 && { required: [...new Set(required)] }),
    ...(Object.keys(properties).length > 0 && { properties }),
  };
}

const isSchema = (thing: unknown): thing is JsonSchema =>
  typeof thing === "object" && thing !== null && !Array.isArray(thing);
const isList = (thing: unknown): thing is readonly unknown[] => Array.isArray(thing) && thing.length > 0;
const numberOr = (thing: unknown, otherwise: number): number => (typeof thing === "number" ? thing : otherwise);
