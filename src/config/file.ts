import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { readYaml, type YamlText } from "../core/yaml-text.ts";
import { isTree, type Tree, withoutNothing } from "./tree.ts";

const MAX_BYTES = 1_048_576;

/** The settings file as it was found; without a path there is none, and its tree is empty. */
export interface SettingsFile {
  readonly path?: string;
  readonly tree: Tree;
  readonly yaml?: YamlText;
  readonly problems: readonly string[];
}

/** The file that is named, else the nearest `baton.yaml` upward. */
export function readSettingsFile(cwd: string, named: string | undefined): SettingsFile {
  const path = named === undefined ? nearestUpward(cwd) : resolve(cwd, named);
  if (path === undefined) return { tree: {}, problems: [] };
  const text = textOf(path);
  if ("problem" in text) return { path, tree: {}, problems: [`${path}: ${text.problem}`] };
  const yaml = readYaml(text.text);
  const value = withoutNothing(yaml.value ?? {});
  const problems = yaml.problems.map(({ line, column, message }) => `${path}:${line}:${column}: ${message}`);
  if (isTree(value)) return { path, tree: value, yaml, problems };
  return {
    path,
    tree: {},
    yaml,
    problems: [`${path}:1:1: expected settings such as \`model: openai/gpt-5-mini\`, but this is no map`],
  };
}

function nearestUpward(from: string): string | undefined {
  const here = join(from, "baton.yaml");
  if (existsSync(here)) return here;
  const above = dirname(from);
  return above === from ? undefined : nearestUpward(above);
}

function textOf(path: string): { text: string } | { problem: string } {
  try {
    const { size } = statSync(path);
    if (size > MAX_BYTES) return { problem: `it has ${size} bytes; settings have at most ${MAX_BYTES}` };
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path)) };
  } catch (error) {
    return { problem: `it cannot be read (${codeOf(error)})` };
  }
}

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && error.code !== "ERR_ENCODING_INVALID_ENCODED_DATA"
    ? String(error.code)
    : "it is not UTF-8 text";
