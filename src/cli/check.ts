import { relative, resolve } from "node:path";
import type { Remark } from "../core/remark.ts";
import { counted } from "../core/texts.ts";
import { examine } from "../server.ts";
import { OK, RUN_FAILED } from "./complain.ts";
import { type CommonOptions, settingsOf } from "./settings.ts";

export interface CheckOptions extends CommonOptions {
  readonly json?: boolean;
}

/** `baton check`: what is wrong in files of workflows and agents, and what a careful reader would change. Asks nobody. */
export async function check(paths: readonly string[], { json, ...common }: CheckOptions): Promise<number> {
  const named = paths.length > 0 ? paths.map((path) => resolve(path)) : undefined;
  const { files, remarks } = await examine(settingsOf(common), named);
  const errors = remarks.filter(({ severity }) => severity === "error").length;
  const warnings = remarks.length - errors;
  const shown = remarks.map((remark) => ({ ...remark, file: shortest(remark.file) }));
  const count = `${counted(errors, "error")}, ${counted(warnings, "warning")} in ${counted(files.length, "file")}`;
  const body = json
    ? JSON.stringify({ files: files.length, errors, warnings, remarks: shown }, null, 2)
    : [...shown.map(lineOf), count].join("\n");
  process.stdout.write(`${body}\n`);
  return errors > 0 ? RUN_FAILED : OK;
}

/** A path from here, where that leads down. */
function shortest(path: string): string {
  const from = relative(process.cwd(), path);
  return from === "" || from.startsWith("..") ? path : from;
}

const lineOf = ({ file, line, column, severity, message }: Remark): string =>
  `${[file, ...(line === undefined ? [] : [line, column])].join(":")} ${severity} ${message}`;
