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
  "minItems",
  "minimum",
  "propertyNames",
  "format",
];

/** Made when it is first asked for: a server that is called at once need not have told its menu. */
export function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** The JSON Schema of a tool's input, as short as it can be without losing a name, a choice or a requirement. */
export function inputSchema(schema: z.ZodType): JsonSchema {
  const json = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as Json;
  return { ...(slim(json) as Json), additionalProperties: false };
}

/**
 * The JSON Schema of what a tool answers; open, so that it holds for answers of later versions too. What is inside its
 * parts is told in words: a client reads it, and checks no answer of ours by it.
 */
export function outputSchema(schema: z.ZodType): JsonSchema {
  const json = slim(z.toJSONSchema(schema, { io: "input", unrepresentable: "any" })) as Json;
  const parts = Object.entries((json["properties"] ?? {}) as Record<string, Json>);
  return { ...json, properties: Object.fromEntries(parts.map(([name, part]) => [name, inWords(part)])) };
}

/** An object by the names that it has, `?` behind those that may be absent. */
function inWords(part: Json): Json {
  const [choice, none] = Array.isArray(part["anyOf"]) ? (part["anyOf"] as Json[]) : [];
  if (choice && Array.isArray(choice["enum"]) && none?.["type"] === "null")
    return described(part, { enum: [...(choice["enum"] as unknown[]), null] });
  if (!("properties" in part)) return part;
  const required = (part["required"] ?? []) as string[];
  const names = Object.keys(part["properties"] as Json).map((name) => (required.includes(name) ? name : `${name}?`));
  const said = "description" in part ? `${String(part["description"])}: ` : "";
  return { type: "object", description: `${said}{${names.join(", ")}}` };
}

function slim(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(slim);
  if (value === null || typeof value !== "object") return value;
  const schema = value as Json;
  if (isAgentRef(schema)) return described(schema, AGENT);
  if (IN_WORDS.includes(namesOf(schema)))
    return described({ description: `{${namesOf(schema)}}`, ...schema }, { type: "object" });
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
  if (key === "properties") return isEmpty(item);
  return UNSAID.includes(key) && !("properties" in schema && key === "format");
}

/** Objects that stand in many tools: their names say what they hold. */
const IN_WORDS = [
  "usd,tokens,calls,seconds",
  "attempts,initial_ms,factor,max_ms,on",
  "ttl",
  "step,path,head,tail,summary",
];

const namesOf = ({ properties }: Json): string => Object.keys((properties ?? {}) as Json).join();

const isEmpty = (item: unknown): boolean => item !== null && typeof item === "object" && Object.keys(item).length === 0;

const AGENT: Json = { anyOf: [{ type: "string" }, { type: "object", description: "{agent, instructions}" }] };

/** A reference to an agent is the commonest part of the menu: it is always told in the same few words. */
function isAgentRef(schema: Json): boolean {
  const [text, object] = Array.isArray(schema["anyOf"]) ? (schema["anyOf"] as Json[]) : [];
  const names = Object.keys((object?.["properties"] ?? {}) as Json);
  return text?.["type"] === "string" && names.join() === "agent,instructions";
}

const described = (schema: Json, short: Json): Json =>
  "description" in schema ? { ...short, description: schema["description"] } : short;
