import { z } from "zod";
import { childOf, type Misfit, misfits, namesAt, unwrap } from "../core/check.ts";
import { nearest } from "../core/nearest.ts";

const ROUNDS = 4;
const SHOWN = 160;
const MOST_LACKING = 4;
const MOST_ITEMS = 8;

/** A call that would be taken, as near to what was asked as can be: the caller's own values under the right names. */
export function rightCall(tool: string, schema: z.ZodType, args: unknown): string {
  let mended: unknown = structuredClone(args);
  for (let round = 0; round < ROUNDS; round++) {
    const wrong = misfits(schema, mended);
    if (wrong.length === 0) break;
    mended = mend(schema, mended, wrong);
  }
  return `${tool} ${JSON.stringify(mended, (_, item) => shorten(item))}`;
}

function shorten(item: unknown): unknown {
  if (Array.isArray(item)) return item.slice(0, MOST_ITEMS);
  return typeof item === "string" && item.length > SHOWN ? `${item.slice(0, SHOWN).toWellFormed()}…` : item;
}

function mend(schema: z.ZodType, args: unknown, wrong: readonly Misfit[]): unknown {
  const holder = { root: args };
  const spare = new Map<string, unknown>();
  for (const { path } of wrong.filter(({ unknown }) => unknown)) rename(schema, holder, path, spare);
  for (const { path } of wrong.filter(({ unknown }) => !unknown)) {
    const at = path.reduce<z.ZodType | undefined>((here, key) => here && childOf(here, String(key)), schema);
    const given = read(holder, path);
    if (at) put(holder, path, fitting(at, given, spare) ?? sample(at, nameOf(path), given));
  }
  return holder.root;
}

/** What a value is called: by its own name, or as one of its list. */
function nameOf(path: Misfit["path"]): string {
  const [last = "value", above] = path.toReversed();
  return typeof last === "number" ? singular(String(above ?? "value")) : String(last);
}

/** Gives a wrong name's value to the nearest right name that is free, or keeps it for a name that is missing. */
function rename(schema: z.ZodType, holder: Holder, path: Misfit["path"], spare: Map<string, unknown>): void {
  const parent = read(holder, path.slice(0, -1));
  const key = String(path.at(-1));
  if (!isObject(parent)) return;
  const value = parent[key];
  delete parent[key];
  const [near] = nearest(key, namesAt(schema, path.slice(0, -1)));
  if (near !== undefined && !(near in parent)) parent[near] = value;
  else spare.set(key, value);
}

/** What the caller meant: a value that only has the wrong form, or one that stood under an unknown name. */
function fitting(schema: z.ZodType, given: unknown, spare: Map<string, unknown>): unknown {
  const listed = Array.isArray(given) ? undefined : [given];
  const forms = given === undefined ? [] : [parsed(given), listed, String(given), Number(given)];
  const form = forms.find((candidate) => candidate !== undefined && schema.safeParse(candidate).success);
  if (form !== undefined) return form;
  const [name, value] = [...spare].find(([, candidate]) => schema.safeParse(candidate).success) ?? [];
  if (name !== undefined) spare.delete(name);
  return value;
}

function parsed(given: unknown): unknown {
  if (typeof given !== "string") return undefined;
  try {
    return JSON.parse(given);
  } catch {
    return undefined;
  }
}

/** A value such as the schema wants: what was given, as far as it goes; its first choice; or its name in angle brackets. */
function sample(schema: z.ZodType, name: string, given?: unknown): unknown {
  const bare = unwrap(schema);
  if (bare instanceof z.ZodEnum) return bare.options[0];
  if (bare instanceof z.ZodLiteral) return bare.value;
  if (bare instanceof z.ZodNumber) return near(bare, typeof given === "number" ? given : 1);
  if (bare instanceof z.ZodBoolean) return true;
  if (bare instanceof z.ZodArray) return filled(bare, name, Array.isArray(given) ? given : []);
  if (bare instanceof z.ZodUnion) return sample(bare.options[0] as z.ZodType, name);
  if (bare instanceof z.ZodRecord) return {};
  return bare instanceof z.ZodObject ? object(bare, given) : `<${name}>`;
}

/** An object with what it needs; where none of its names is needed by itself, with one of them, a given one if there is. */
function object(schema: z.ZodObject, given: unknown): Record<string, unknown> {
  const shape = Object.entries(schema.shape as Record<string, z.ZodType>);
  const needed = shape.filter(([, inner]) => !inner.isOptional());
  const whole = Object.fromEntries(needed.map(([key, inner]) => [key, meant(inner, given) ?? sample(inner, key)]));
  if (schema.safeParse(whole).success) return whole;
  const kept = Object.entries(isObject(given) ? given : {}).map(([key, value]) => ({ [key]: value }));
  const alone = [...kept, ...shape.map(([key, inner]) => ({ [key]: sample(inner, key) }))];
  return alone.find((candidate) => schema.safeParse(candidate).success) ?? whole;
}

/** A bare text where an object with one needed text belongs: `"writer"` for `{"agent": "writer"}`. */
const meant = (schema: z.ZodType, given: unknown): unknown =>
  typeof given === "string" && schema.safeParse(given).success ? given : undefined;

/** The allowed number that is nearest to the one given, as far as it is easily found. */
function near(schema: z.ZodNumber, given: number): number {
  const { minValue, maxValue } = schema;
  const clamped = Math.min(maxValue ?? given, Math.max(minValue ?? given, given));
  const tries = [clamped, Math.round(clamped), Math.floor(clamped), Math.ceil(clamped), clamped + 1, 1];
  return tries.find((candidate) => schema.safeParse(candidate).success) ?? clamped;
}

/** A list with what was given, without what is too much, and as many samples as it lacks. */
function filled(schema: z.ZodArray, name: string, given: readonly unknown[]): unknown[] {
  const tooBig = schema
    .safeParse(given)
    .error?.issues.find(({ code, path }) => code === "too_big" && path.length === 0);
  if (tooBig?.code === "too_big") return given.slice(0, Number(tooBig.maximum));
  for (let lacking = 0; lacking < MOST_LACKING; lacking++) {
    const more = Array.from({ length: lacking }, () => sample(schema.element as z.ZodType, singular(name)));
    if (schema.safeParse([...given, ...more]).success) return [...given, ...more];
  }
  return [sample(schema.element as z.ZodType, singular(name))];
}

const singular = (name: string): string => name.replace(/s$/, "");

interface Holder {
  root: unknown;
}

const isObject = (value: unknown): value is Record<string, unknown> => value !== null && typeof value === "object";

const read = (holder: Holder, path: Misfit["path"]): unknown =>
  path.reduce<unknown>((at, key) => (isObject(at) ? at[String(key)] : undefined), holder.root);

function put(holder: Holder, path: Misfit["path"], value: unknown): void {
  const parent = path.length === 0 ? holder : read(holder, path.slice(0, -1));
  if (isObject(parent)) parent[path.length === 0 ? "root" : String(path.at(-1))] = value;
}
