import { type Cel, readCel, unusable } from "./cel.ts";
import { Failure } from "./errors.ts";

/** A question in CEL about named values, checked when it was read. */
export interface Condition {
  readonly text: string;
  /** What it reads, each from its variable on. */
  readonly paths: readonly (readonly string[])[];
  /** Whether it holds. Throws GATE_FAILED where the values do not let it be told, and says why. */
  holds(values: Readonly<Record<string, unknown>>): boolean;
}

const MAX_NESTED_LIST = 1000;

/** Reads a condition over these variables. Throws INVALID_INPUT where it can never be told, with the position. */
export function compileCondition(text: string, variables: readonly string[]): Condition {
  const cel = readCel("condition", text, variables);
  if (cel.type !== "bool" && cel.type !== "dyn")
    throw unusable("condition", text, `it gives ${cel.type}, not true or false`, variables);
  return { text, paths: cel.paths, holds: (values) => holds(cel, text, values) };
}

function holds(cel: Cel, text: string, values: Readonly<Record<string, unknown>>): boolean {
  const verdict = evaluate(cel, text, values);
  if (typeof verdict !== "boolean") throw untold(text, `it gives ${String(verdict)}, not true or false`);
  return verdict;
}

/** What an expression gives for these values. Throws GATE_FAILED where it gives nothing. */
export function evaluate({ parsed, loops }: Cel, text: string, values: Readonly<Record<string, unknown>>): unknown {
  if (loops > 1 && longestList(values) > MAX_NESTED_LIST)
    throw untold(text, `it loops inside a loop, and a list has more than ${MAX_NESTED_LIST} elements`);
  try {
    return parsed(values);
  } catch (error) {
    const why = error instanceof Error && "summary" in error ? String(error.summary) : "it cannot be evaluated";
    throw untold(text, why);
  }
}

const untold = (text: string, why: string): Failure =>
  new Failure("GATE_FAILED", `the condition \`${text}\` cannot be told: ${why}`, {
    hint: "Ask with has(x.y) whether a field is there before it is read.",
  });

function longestList(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const own = Array.isArray(value) ? value.length : 0;
  return Object.values(value).reduce<number>((most, part) => Math.max(most, longestList(part)), own);
}
