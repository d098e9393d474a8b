import { EFFORTS, type Effort } from "../../core/provider.ts";
import { meansOf } from "./dialect.ts";
import { readAs } from "./fields.ts";
import { serverLine } from "./server-lines.ts";
import { partsOf, type Ruled, ruled, ruledByList, wordsOf } from "./tool-list.ts";
import type { Dialect, FieldWord } from "./words.ts";

/** What a file asks for, in our words and before the settings are looked at. */
export interface Asked {
  name?: string;
  description?: string;
  tag?: string;
  told?: string;
  models: string[];
  fallbacks: string[];
  /** Absent where it names none; then its host would give it all it has. */
  tools?: string[];
  /** A person must allow each use of these. */
  careful: string[];
  denied: string[];
  /** Servers it names, with the line of settings that would make each known. */
  servers: Map<string, string>;
  consult: string[];
  effort?: Effort;
  max_turns?: number;
  call_seconds?: number;
  temperature?: number;
  web_search?: { max_uses: number };
  read_only: boolean;
  isolation?: string;
  notes: string[];
}

/** How often it may search where nothing says how often. */
export const USUAL_SEARCHES = 5;

const MOST_TURNS = 200;
const DAY = 86_400;

interface Field {
  readonly key: string;
  readonly value: unknown;
  readonly dialect: Dialect;
}

type Take = (asked: Asked, field: Field) => void;

/** What each word of ours takes from its field. What says more than one thing of it is read in its own function below. */
const TAKES: Readonly<Record<FieldWord, Take>> = {
  own: () => undefined,
  kind: () => undefined,
  off: () => undefined,
  name: (asked, { value }) => {
    asked.name = readAs("name", value).normalize("NFC");
  },
  description: (asked, { value }) => {
    asked.description = readAs("description", value);
  },
  version: (asked, { value }) => {
    asked.tag = readAs("version", value);
  },
  told: (asked, { value }) => {
    asked.told = readAs("told", value).trim();
  },
  model: (asked, { value }) => asked.models.push(...listOf(readAs("model", value))),
  fallbacks: (asked, { value }) => asked.fallbacks.push(...listOf(readAs("fallbacks", value))),
  tools: (asked, { value }) => {
    const said = readAs("tools", value);
    if (typeof said === "string" || Array.isArray(said)) asked.tools = [...(asked.tools ?? []), ...wordsOf(said)];
    else takeRules(asked, ruled(said));
  },
  denied: (asked, { value }) => {
    const said = readAs("denied", value);
    asked.denied.push(...(typeof said === "string" || Array.isArray(said) ? wordsOf(said) : Object.keys(said)));
  },
  permission: (asked, { value }) => {
    const said = readAs("permission", value);
    if (typeof said === "string") takeRules(asked, ruled({ "*": said }));
    else takeRules(asked, Array.isArray(said) ? ruledByList(said) : ruled(said));
  },
  servers: (asked, { value }) => {
    for (const [name, definition] of serversOf(readAs("servers", value)))
      asked.servers.set(name, serverLine(name, definition));
  },
  consult: (asked, { key, value }) => takePeers(asked, key, listOf(readAs("consult", value))),
  effort: (asked, { key, value }) => takeEffort(asked, key, readAs("effort", value)),
  turns: (asked, { key, value }) => {
    const turns = readAs("turns", value);
    asked.max_turns = Math.min(turns, MOST_TURNS);
    if (turns > MOST_TURNS) asked.notes.push(`\`${key}\` is ${turns}; at most ${MOST_TURNS} turns are taken`);
  },
  minutes: (asked, { value }) => {
    asked.call_seconds = Math.min(readAs("minutes", value) * 60, DAY);
  },
  temperature: (asked, { value }) => {
    asked.temperature = readAs("temperature", value);
  },
  read_only: (asked, { value }) => {
    asked.read_only ||= readAs("read_only", value) === "true";
  },
  posture: (asked, { key, value }) => takePosture(asked, key, readAs("posture", value)),
  search: (asked, { value }) => {
    const searches = searchesOf(readAs("search", value));
    if (searches) asked.web_search = searches;
  },
  isolation: (asked, { value }) => {
    asked.isolation = readAs("isolation", value);
  },
};

/** Reads the fields of a file whose shape is right. */
export function askedOf(
  fields: Readonly<Record<string, unknown>>,
  words: Readonly<Record<string, FieldWord>>,
  dialect: Dialect,
): Asked {
  const asked: Asked = {
    ...{ models: [], fallbacks: [], careful: [], denied: [], servers: new Map(), consult: [] },
    ...{ read_only: false, notes: [] },
  };
  for (const [key, word] of Object.entries(words)) TAKES[word](asked, { key, value: fields[key], dialect });
  takeAgents(asked, dialect);
  asked.read_only ||= asked.tools === undefined && ["edit", "exec"].every((way) => isDenied(asked, dialect, way));
  return asked;
}

export const listOf = (names: string | readonly string[] | undefined): string[] =>
  [names ?? []].flat().flatMap((name) => name.trim() || []);

/** What is allowed beside all that its host would allow anyway is asked for; what is only denied asks for nothing. */
function takeRules(asked: Asked, { allowed, asked: careful, denied }: Ruled): void {
  asked.denied.push(...denied);
  if (allowed.length + careful.length === 0) return;
  asked.tools = [...(asked.tools ?? []), ...allowed, ...careful];
  asked.careful.push(...careful);
}

function* serversOf(
  said: string | readonly (string | Readonly<Record<string, unknown>>)[] | Readonly<Record<string, unknown>>,
): Iterable<[string, unknown]> {
  if (typeof said === "string") for (const name of wordsOf(said)) yield [name, undefined];
  else if (Array.isArray(said))
    for (const one of said)
      yield* typeof one === "string" ? [[one, undefined] as [string, unknown]] : Object.entries(one);
  else yield* Object.entries(said);
}

function takePeers(asked: Asked, key: string, names: readonly string[]): void {
  const named = names.filter((name) => name !== "*");
  asked.consult.push(...named);
  if (named.length < names.length)
    asked.notes.push(`\`${key}\` would let it ask anybody; name in \`x-baton: { consult: […] }\` whom it may ask here`);
}

/** `Agent(critic, writer)` among the tools names whom it may ask. */
function takeAgents(asked: Asked, dialect: Dialect): void {
  if (asked.tools === undefined) return;
  asked.tools = asked.tools.flatMap((word) => {
    const { tool, within } = partsOf(word);
    if (within === undefined || !meansOf(tool, dialect)?.includes("agents")) return word;
    takePeers(asked, tool, wordsOf(within));
    return [];
  });
}

const EFFORT_WORDS: Partial<Record<string, Effort>> = { minimal: "low", lowest: "low", highest: "max", ultra: "max" };

function takeEffort(asked: Asked, key: string, said: string): void {
  const word = said.toLowerCase();
  const effort = EFFORTS.find((one) => one === word) ?? EFFORT_WORDS[word];
  if (effort) asked.effort = effort;
  else
    asked.notes.push(`\`${key}: ${said.slice(0, 40)}\` is no effort here (${EFFORTS.join(", ")}): its model decides`);
}

/** How far it may go. `default` and `workspace-write` leave that to its tools; those who are never asked are asked here. */
function takePosture(asked: Asked, key: string, said: string): void {
  if (["plan", "read-only"].includes(said)) asked.read_only = true;
  else if (["workspace-write", "danger-full-access"].includes(said))
    asked.tools = [...(asked.tools ?? []), "edit", "shell"];
  else if (said !== "default")
    asked.notes.push(
      `\`${key}: ${said.slice(0, 40)}\` changes nothing here: its tools, \`approve\` and the settings say what it may do`,
    );
}

export function searchesOf(said: boolean | string | number | { max_uses: number }): { max_uses: number } | undefined {
  if (typeof said === "object") return said;
  if (typeof said === "number") return said > 0 ? { max_uses: said } : undefined;
  return said === false || ["disabled", "false", "off", "none", ""].includes(String(said))
    ? undefined
    : { max_uses: USUAL_SEARCHES };
}

/** Is every tool that goes this way denied by name, as far as its host has one? */
const isDenied = ({ denied }: Asked, dialect: Dialect, way: string): boolean =>
  denied.some((word) => word === "*" || meansOf(word, dialect)?.some((means) => means === way));
