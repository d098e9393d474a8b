import { existsSync, readdirSync, readFileSync } from "node:fs";
import { Failure } from "../core/errors.ts";
import type { Draft } from "./files/draft.ts";

/** What a built-in agent has as its source. */
export const BUILT_IN_SOURCE = "built in";

/** The tiers that built-in agents name; the default model answers for one that the settings do not name. */
export const TIERS: readonly string[] = ["small", "medium", "large"];

/** Those whom most runs need stand first, where a list is cut short. */
const FIRST = ["writer", "critic", "judge", "synthesiser"];

/** Beside the bundle, and two folders above this file. */
const PLACES = ["../roles/", "../../roles/"];

let roles: readonly Draft[] | undefined;

/** The agents that are always there: the files of the package's folder `roles`, read once. A file with the same name takes the place of one. */
export function builtIn(): readonly Draft[] {
  roles ??= readRoles();
  return roles;
}

function readRoles(): Draft[] {
  const folder = PLACES.map((place) => new URL(place, import.meta.url)).find((place) => existsSync(place));
  if (!folder) throw new Failure("BUG", "the folder `roles` is missing from this package");
  const files = readdirSync(folder).filter((name) => name.endsWith(".md"));
  const drafts = files.sort().map((name) => readRole(name, readFileSync(new URL(name, folder), "utf8")));
  const isFirst = ({ name }: Draft) => FIRST.includes(name);
  return [
    ...FIRST.flatMap((name) => drafts.filter((draft) => draft.name === name)),
    ...drafts.filter((draft) => !isFirst(draft)),
  ];
}

/**
 * These files keep to one line a field, so that every start is spared a reader of YAML: with it, twenty files take 25 ms
 * and without it less than one. A test reads them both ways.
 */
function readRole(file: string, text: string): Draft {
  const [, front = "", body = ""] = /^---\n(.*?)\n---\n(.*)$/s.exec(text.replaceAll("\r\n", "\n")) ?? [];
  const fields = Object.fromEntries(front.split("\n").map(fieldOf));
  const { name, description, version, model, tools, web_search } = fields;
  if (!name || !description || !version || !model) throw new Failure("BUG", `roles/${file} is no role`);
  return {
    ...{ name, description, tag: version, system: body.trim(), models: [model], source: BUILT_IN_SOURCE },
    ...(tools && { tools: tools.split(", ") }),
    ...(web_search && { web_search: { max_uses: Number(web_search) } }),
  };
}

function fieldOf(line: string): [string, string] {
  const [, name = "", value = ""] = /^(\w+): (.+)$/.exec(line) ?? [];
  return [name, value.startsWith('"') ? String(JSON.parse(value)) : value];
}
