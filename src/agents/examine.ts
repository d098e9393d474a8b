import type { AgentSpec } from "../core/agent.ts";
import { SILENT } from "../core/log.ts";
import type { Examined, Remark } from "../core/remark.ts";
import { filesIn, textOf } from "../files/folder.ts";
import type { Access } from "./access.ts";
import { readAgentFile } from "./files/agent-file.ts";
import { AGENT_FILE, shelve } from "./files/shelf.ts";
import { type Defaults, defaultsOf, fromFile, Registry, type Roll, type Wording } from "./registry.ts";

/** Agent files that were looked at, and who can be asked. */
export interface ExaminedAgents extends Examined {
  /** By name; tiers of the setting `models` among them. */
  readonly agents: ReadonlyMap<string, AgentSpec | undefined>;
}

/** What is to be said of these agent files; with none named, of all in the folders. */
export function examineAgents(
  folders: readonly string[],
  named: readonly string[] | undefined,
  wording: Wording,
  access: Access,
): ExaminedAgents {
  const defaults = defaultsOf(wording, access);
  const roll = new Registry(folders, defaults, SILENT).roll();
  const files = named ?? folders.flatMap((folder) => filesIn(folder, AGENT_FILE.isWanted, () => undefined));
  const tiers = Object.keys(defaults.models).map((name) => [name, undefined] as const);
  const known = [...roll.byName].map(([name, { spec }]) => [name, spec] as const);
  const remarks = files.flatMap((file) => remarksOn(file, roll, defaults));
  return { files, remarks, agents: new Map([...tiers, ...known]) };
}

function remarksOn(file: string, roll: Roll, defaults: Defaults): Remark[] {
  const read = textOf(file, AGENT_FILE);
  if ("problem" in read) return [{ file, severity: "error", message: read.problem }];
  const reading = readAgentFile(file, read.text);
  if (!("draft" in reading))
    return reading.document ? [] : split(file, reading.refused, reading.crippled ? "warning" : "error");
  const shelved = shelve(file, reading, undefined);
  const known = roll.all.find(({ source }) => source === file) ?? (shelved && fromFile(shelved, defaults));
  const { refused, crippled, notes = reading.notes } = known ?? {};
  const wrong = refused === undefined ? [] : split(file, refused, crippled ? "warning" : "error");
  return [...wrong, ...notes.map((message): Remark => ({ file, severity: "warning", message }))];
}

/** Each thing that is said of a file begins with its path, and mostly with a line and a column. */
const split = (file: string, said: string, severity: Remark["severity"]): Remark[] =>
  said.split(`; ${file}:`).map((one) => {
    const text = one.startsWith(`${file}:`) ? one.slice(file.length + 1) : one;
    const [, line, column, message] = /^(\d+):(\d+): (.*)$/s.exec(text) ?? [];
    if (message === undefined) return { file, severity, message: text.trim() };
    return { file, line: Number(line), column: Number(column), severity, message };
  });
