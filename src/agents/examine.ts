import type { AgentSpec } from "../core/agent.ts";
import { SILENT } from "../core/log.ts";
import type { Examined, Remark } from "../core/remark.ts";
import { filesIn, textOf } from "../files/folder.ts";
import { readAgentFile } from "./files/agent-file.ts";
import { AGENT_FILE } from "./files/shelf.ts";
import { type Defaults, Registry, type Roll } from "./registry.ts";

/** Agent files that were looked at, and who can be asked. */
export interface ExaminedAgents extends Examined {
  /** By name; tiers of the setting `models` among them. */
  readonly agents: ReadonlyMap<string, AgentSpec | undefined>;
}

/** What is to be said of these agent files; with none named, of all in the folders. */
export function examineAgents(
  folders: readonly string[],
  named: readonly string[] | undefined,
  defaults: Defaults,
): ExaminedAgents {
  const roll = new Registry(folders, defaults, SILENT).roll();
  const files = named ?? folders.flatMap((folder) => filesIn(folder, AGENT_FILE.isWanted, () => undefined));
  const tiers = Object.keys(defaults.models).map((name) => [name, undefined] as const);
  const known = [...roll.byName].map(([name, { spec }]) => [name, spec] as const);
  return { files, remarks: files.flatMap((file) => remarksOn(file, roll)), agents: new Map([...tiers, ...known]) };
}

function remarksOn(file: string, roll: Roll): Remark[] {
  const read = textOf(file, AGENT_FILE);
  if ("problem" in read) return [{ file, severity: "error", message: read.problem }];
  const reading = readAgentFile(file, read.text);
  if ("draft" in reading) {
    const refused = roll.all.find(({ source }) => source === file)?.refused;
    const wrong = refused === undefined ? [] : split(file, refused, "error");
    return [...wrong, ...reading.notes.map((message): Remark => ({ file, severity: "warning", message }))];
  }
  if (reading.document) return [];
  return split(file, reading.refused, reading.crippled ? "warning" : "error");
}

/** Each thing that is said of a file begins with its path, and mostly with a line and a column. */
const split = (file: string, said: string, severity: Remark["severity"]): Remark[] =>
  said.split(`; ${file}:`).map((one) => {
    const text = one.startsWith(`${file}:`) ? one.slice(file.length + 1) : one;
    const [, line, column, message] = /^(\d+):(\d+): (.*)$/s.exec(text) ?? [];
    if (message === undefined) return { file, severity, message: text.trim() };
    return { file, line: Number(line), column: Number(column), severity, message };
  });
