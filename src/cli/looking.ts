import { SILENT } from "../core/log.ts";
import { type Baton, makeBaton } from "../server.ts";
import type { Reply } from "../tools/tool.ts";
import { OK, USAGE } from "./complain.ts";
import { type CommonOptions, settingsOf } from "./settings.ts";

/** Opens Baton to look and nothing else: no run is taken up, and nothing is logged. */
export async function looking<T>(options: CommonOptions, look: (baton: Baton) => Promise<T>): Promise<T> {
  const baton = makeBaton({ ...settingsOf(options), toolsets: ["default", "admin"] }, { asleep: true, log: SILENT });
  try {
    return await look(baton);
  } finally {
    await baton.close(0);
  }
}

/** Calls a tool as a caller would; or as a person, who has shown that they are one. */
export function ask({ tools }: Baton, name: string, args: object, caller: string, isPerson = false): Promise<Reply> {
  const tool = tools.find((candidate) => candidate.name === name);
  if (!tool) throw new TypeError(`no tool ${name}`);
  const signal = new AbortController().signal;
  return tool.call(args, { caller, signal, ...(isPerson && { person: true }) });
}

/** Prints an answer: to stdout, or to stderr where it is a refusal. */
export function print({ data, text, isError }: Reply, asJson: boolean | undefined): number {
  const body = asJson ? JSON.stringify(data, null, 2) : text;
  (isError ? process.stderr : process.stdout).write(`${body}\n`);
  return isError ? USAGE : OK;
}
