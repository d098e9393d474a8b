import { z } from "zod";
import type { JsonSchema } from "../core/provider.ts";

type Json = Record<string, unknown>;

/** Said by the checks when they matter; in a menu they only cost tokens. */
const UNSAID = [
  "$schema",
  "minLength",
  "maxLength",
  "maximum",
  "exclusiveMinimum",
  "maxItems",
  "propertyNames",
  "format",
];

/** The JSON Schema of a tool's input, as short as it can be without losing a name, a choice or a requirement. */
export function inputSchema(schema: z.ZodType): JsonSchema {
  const json = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as Json;
  return { ...(slim(json) as Json), additionalProperties: false };
}

/** The JSON Schema of what a tool answers; open, so that it holds for answers of later versions too. */
export function outputSchema(schema: z.ZodType): JsonSchema {
  return slim(z.toJSONSchema(schema, { io: "input", unrepresentable: "any" })) as JsonSchema;
}

function slim(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(slim);
  if (value === null || typeof value !== "object") return value;
  const schema = value as Json;
  if (isAgentRef(schema)) return described(schema, AGENT);
  const kept = Object.entries(schema).filter(([key, item]) => !isUnsaid(schema, key, item));
  return Object.fromEntries(kept.map(([key, item]) => [key, slimEntry(key, item)]));
}

/** The names under `properties` are the caller's words, not the schema's. */
const slimEntry = (key: string, item: unknown): unknown =>
  key === "properties"
    ? Object.fromEntries(Object.entries(item as Json).map(([name, inner]) => [name, slim(inner)]))
    : key === "default" || key === "enum" || key === "const"
      ? item
      : slim(item);

function isUnsaid(schema: Json, key: string, item: unknown): boolean {
  if (key === "additionalProperties") return item === false || isEmpty(item);
  if (key === "minimum") return item === 0 || item === Number.MIN_SAFE_INTEGER;
  if (key === "minItems") return item === 0;
  return UNSAID.includes(key) && !("properties" in schema && key === "format");
}

const isEmpty = (item: unknown): boolean => item !== null && typeof item === "object" && Object.keys(item).length === 0;

const AGENT: Json = {
  anyOf: [
    { type: "string" },
    {
      type: "object",
      properties: { agent: { type: "string" }, instructions: { type: "string" } },
      required: ["agent"],
    },
  ],
};

/** A reference to an agent is the commonest part of the menu: it is always told in the same few words. */
function isAgentRef(schema: Json): boolean {
  const [text, object] = Array.isArray(schema["anyOf"]) ? (schema["anyOf"] as Json[]) : [];
  const names = Object.keys((object?.["properties"] ?? {}) as Json);
  return text?.["type"] === "string" && names.join() === "agent,instructions";
}

const described = (schema: Json, short: Json): Json =>
  "description" in schema ? { ...short, description: schema["description"] } : short;
