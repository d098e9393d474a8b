import { fingerprint } from "../../core/fingerprint.ts";
import type { JsonSchema, ModelRequest, ShapeMode } from "../../core/provider.ts";

/** A shape asked for in words, for models that cannot be asked otherwise. */
const inWords = (shape: JsonSchema): string =>
  `Answer with JSON only: one value that fits this JSON Schema, and nothing before or after it.\n${JSON.stringify(shape)}`;

/** The system text with the shape in words below it, where the mode needs the words. */
export function systemText({ system, shape }: ModelRequest, mode: ShapeMode | undefined): string {
  if (!shape || mode === "schema" || mode === undefined) return system;
  return system === "" ? inWords(shape) : `${system}\n\n${inWords(shape)}`;
}

/** Does it qualify for strict decoding: closed objects, every property required, nothing conditional? */
export const isStrict = (shape: JsonSchema): boolean =>
  shape["type"] === "object" &&
  everyPart(shape, (part) => !UNSTRICT.some((key) => key in part) && isClosed(part, true));

/** Can every object in it be closed without forbidding what it allows? */
export const isClosable = (shape: JsonSchema): boolean => everyPart(shape, (part) => isClosed(part, false));

const UNSTRICT = ["allOf", "oneOf", "not", "if", "dependentRequired", "dependentSchemas", "patternProperties"];

function isClosed(part: JsonSchema, strict: boolean): boolean {
  const isObject = part["type"] === "object" || "properties" in part || "additionalProperties" in part;
  if (!isObject) return true;
  const names = Object.keys((part["properties"] as object | undefined) ?? {});
  const extra = part["additionalProperties"];
  if (!strict) return names.length > 0 && (extra === undefined || extra === false);
  const required = new Set((part["required"] as string[] | undefined) ?? []);
  return extra === false && names.every((name) => required.has(name));
}

/** Keys of a schema whose values are data, and not schemas. */
const DATA = new Set(["enum", "const", "default", "examples", "required"]);

function everyPart(part: unknown, test: (part: JsonSchema) => boolean): boolean {
  if (Array.isArray(part)) return part.every((item) => everyPart(item, test));
  if (typeof part !== "object" || part === null) return true;
  const schema = part as JsonSchema;
  return test(schema) && Object.entries(schema).every(([key, value]) => DATA.has(key) || everyInside(key, value, test));
}

/** The names inside `properties` and `$defs` are names, whatever they look like. */
function everyInside(key: string, value: unknown, test: (part: JsonSchema) => boolean): boolean {
  const named = key === "properties" || key === "$defs" || key === "definitions" || key === "patternProperties";
  if (named && typeof value === "object" && value !== null) {
    return Object.values(value).every((part) => everyPart(part, test));
  }
  return everyPart(value, test);
}

/**
 * How far up a model can be asked for a shape: its own schema support, JSON mode, or words. A rung that was refused
 * is remembered for the model; where only this schema was at fault, for the model and this schema.
 */
export class Ladder {
  readonly #rungs: readonly ShapeMode[];
  readonly #known = new Map<string, ShapeMode>();

  constructor(rungs: readonly ShapeMode[]) {
    this.#rungs = rungs;
  }

  /** The rung to ask on: the highest that the model and the shape are not known to refuse. */
  rung(model: string, shape: JsonSchema): ShapeMode {
    const byModel = this.#known.get(model);
    const byShape = this.#known.get(shapeKey(model, shape));
    const lowest = Math.max(...[byModel, byShape].map((mode) => (mode ? this.#rungs.indexOf(mode) : 0)));
    return this.#rungs[lowest] ?? "text";
  }

  /** Remembers a refusal. Is there a lower rung? */
  drop(model: string, shape: JsonSchema, refused: ShapeMode, complaint: string): boolean {
    const next = this.#rungs[this.#rungs.indexOf(refused) + 1];
    if (!next) return false;
    this.#known.set(/invalid (json )?schema/i.test(complaint) ? shapeKey(model, shape) : model, next);
    return true;
  }
}

const shapeKey = (model: string, shape: JsonSchema): string => `${model} ${fingerprint(shape)}`;
