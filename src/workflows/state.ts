import { Failure } from "../core/errors.ts";
import { canonical } from "../core/fingerprint.ts";
import { misfit } from "../core/shape.ts";
import type { Definition } from "./definition.ts";

/** The keys of a workflow's state, as they are declared. */
export type StateKeys = NonNullable<Definition["state"]>;
type StateKey = StateKeys[string];
type Merge = NonNullable<StateKey["merge"]>;

/** What somebody adds to the state: by key, one contribution each. */
export type Writes = Readonly<Record<string, unknown>>;

/** How contributions to one key, in the order of the graph, become one value; without a merge the last one counts. */
const MERGES: Readonly<Record<Merge, (parts: readonly unknown[]) => unknown>> = {
  append: (parts) => parts.flat(),
  union: (parts) => [...new Map(parts.flat().map((item) => [canonical(item), item])).values()],
  sum: (parts) => numbers(parts).reduce((sum, part) => sum + part, 0),
  max: (parts) => numbers(parts).reduce((most, part) => Math.max(most, part)),
  min: (parts) => numbers(parts).reduce((least, part) => Math.min(least, part)),
  merge: (parts) => Object.fromEntries(parts.flatMap((part) => Object.entries(part as object))),
};

const numbers = (parts: readonly unknown[]): number[] => parts.map(Number);

const joined = ({ merge }: StateKey, parts: readonly unknown[]): unknown =>
  merge && parts.length > 0 ? MERGES[merge](parts) : parts.at(-1);

/**
 * The state as these contributions leave it, each counted once, in the order of the graph and not in that of time. A key
 * begins with its value in `base`, else with its default; it is null where nothing was written.
 */
export function stateOf(
  keys: StateKeys,
  wanted: readonly string[],
  base: Writes,
  writes: readonly Writes[],
): Record<string, unknown> {
  return Object.fromEntries(wanted.map((name) => [name, keyValue(name, keys[name] ?? {}, base, writes)]));
}

function keyValue(name: string, key: StateKey, base: Writes, writes: readonly Writes[]): unknown {
  const begins = Object.hasOwn(base, name) ? base[name] : key.default;
  const parts = writes.filter((each) => Object.hasOwn(each, name)).map((each) => each[name]);
  return joined(key, begins === undefined || begins === null ? parts : [begins, ...parts]) ?? null;
}

/** Many contributions as one, which does to the state what they do one after another. */
export function together(keys: StateKeys, writes: readonly Writes[]): Writes {
  const names = [...new Set(writes.flatMap((each) => Object.keys(each)))];
  const parts = (name: string) => writes.filter((each) => Object.hasOwn(each, name)).map((each) => each[name]);
  return Object.fromEntries(names.map((name) => [name, joined(keys[name] ?? {}, parts(name))]));
}

/** A value as a contribution to a key: one item is a list of one where lists grow. Throws GATE_FAILED where it does not fit. */
export function contribution(name: string, key: StateKey, value: unknown): unknown {
  const { default: _, merge, ...schema } = key;
  const isList = merge === "append" || merge === "union";
  const part = isList && !Array.isArray(value) ? [value] : value;
  const wrong = formMisfit(merge, part) ?? misfit(part, merge === "merge" ? partly(schema) : schema);
  if (wrong === undefined) return part;
  throw new Failure("GATE_FAILED", `what is written to state.${name} does not fit: ${wrong}`, {
    hint: `Mend the expression under \`writes\`, or the schema of ${JSON.stringify(name)} under \`state\`.`,
  });
}

/** An object that others will complete need not be complete. */
const partly = ({ required: _, ...schema }: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
  schema;

function formMisfit(merge: Merge | undefined, part: unknown): string | undefined {
  if (merge === "sum" || merge === "max" || merge === "min")
    return typeof part === "number" ? undefined : `\`${merge}\` takes a number`;
  if (merge !== "merge") return undefined;
  return typeof part === "object" && part !== null && !Array.isArray(part) ? undefined : "`merge` takes an object";
}
