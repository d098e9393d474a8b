import type { z } from "zod";
import { childOf, namesAt, unwrap } from "../core/check.ts";
import { nearest } from "../core/nearest.ts";
import { Settings } from "../core/settings.ts";
import { readYaml } from "../core/yaml-text.ts";
import { isTree, type Tree } from "./tree.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** One setting that the environment makes. */
export interface Made {
  readonly variable: string;
  readonly path: readonly string[];
  readonly value: unknown;
}

/** Not settings: where the settings are, and what must not stand in them. */
const OTHERS = ["BATON_CONFIG", "BATON_TOKENS", "BATON_APPROVERS"];

/**
 * The settings that the environment makes: `BATON_` and the path in capitals joined by `__`, its value read as YAML.
 * Names of maps (providers, prices) are those of the file where they are alike, else written small. An empty value is none.
 */
export function settingsOf(
  env: Environment,
  file: Tree,
  others: readonly string[],
): { made: Made[]; problems: string[] } {
  const made: Made[] = [];
  const problems: string[] = [];
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith("BATON_") || text === undefined || text.trim() === "") continue;
    if ([...OTHERS, ...others].includes(variable)) continue;
    const found = find(variable, file);
    const read = found.schema ? readValue(text, found.schema) : { problem: unknown(variable, found.path) };
    if (read.problem !== undefined) problems.push(`${variable}: ${read.problem}`);
    else made.push({ variable, path: found.path, value: read.value });
  }
  return { made: made.sort((a, b) => a.path.length - b.path.length), problems };
}

/** Follows a variable's name into the settings as far as it goes; no schema means that it goes nowhere. */
function find(variable: string, file: Tree): { path: string[]; schema: z.ZodType | undefined } {
  const path: string[] = [];
  let schema: z.ZodType | undefined = Settings;
  let there: unknown = file;
  for (const part of variable.slice("BATON_".length).split("__")) {
    const names: string[] = [...namesAt(schema, []), ...(isTree(there) && isMap(schema) ? Object.keys(there) : [])];
    const name: string = names.find((known) => plain(known) === plain(part)) ?? part.toLowerCase();
    const child: z.ZodType | undefined = part === "" || isList(schema) ? undefined : childOf(schema, name);
    if (!child) return { path, schema: undefined };
    path.push(name);
    schema = child;
    there = isTree(there) ? there[name] : undefined;
  }
  return { path, schema };
}

const kind = (schema: z.ZodType): string => unwrap(schema).def.type;
const isMap = (schema: z.ZodType): boolean => kind(schema) === "record";
const isList = (schema: z.ZodType): boolean => kind(schema) === "array";
const plain = (name: string): string => name.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, "_");

/** Where text is wanted, text is taken as it is; a list may be written with commas. */
function readValue(text: string, schema: z.ZodType): { value?: unknown; problem?: string } {
  const { value, problems } = readYaml(text);
  if (["string", "enum"].includes(kind(schema))) return { value: typeof value === "string" ? value : text.trim() };
  const [problem] = problems;
  if (problem) return { problem: `its value is not YAML: ${problem.message}` };
  if (isList(schema) && typeof value === "string") {
    return { value: value.split(",").flatMap((item) => item.trim() || []) };
  }
  return { value };
}

const variableOf = (path: readonly string[]): string =>
  `BATON_${path.map((name) => plain(name).toUpperCase()).join("__")}`;

function unknown(variable: string, path: readonly string[]): string {
  const here = namesAt(Settings, path).map((name) => variableOf([...path, name]));
  const [near] = nearest(variable, [...here, ...everyVariable()]);
  return `there is no such setting${near ? `; did you mean ${near}?` : " (every name that begins with BATON_ is read as one)"}`;
}

function everyVariable(): string[] {
  const names = namesAt(Settings, []);
  return names.flatMap((name) => [[name], ...namesAt(Settings, [name]).map((inner) => [name, inner])]).map(variableOf);
}
