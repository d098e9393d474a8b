import { readCel } from "./cel.ts";
import { evaluate } from "./condition.ts";

/** A value told by CEL from named values, checked when it was read. */
export interface Expression {
  readonly text: string;
  /** What it reads, each from its variable on: `nodes.a.output` is ["nodes", "a", "output"]. */
  readonly paths: readonly (readonly string[])[];
  /** Its value, as JSON has it. Throws GATE_FAILED where the values give none, and says why. */
  value(values: Readonly<Record<string, unknown>>): unknown;
}

/** Reads an expression over these variables. Throws INVALID_INPUT where it can never be evaluated, with the position. */
export function compileExpression(text: string, variables: readonly string[]): Expression {
  const cel = readCel("expression", text, variables);
  return { text, paths: cel.paths, value: (values) => plain(evaluate(cel, text, values)) };
}

/** CEL's whole numbers are bigints, its maps may be Maps; JSON knows neither. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Date) return value.toISOString();
  const entries = value instanceof Map ? [...value.entries()] : Object.entries(value);
  return Object.fromEntries(entries.map(([key, inner]) => [String(key), plain(inner)]));
}
