import { readFileSync } from "node:fs";
import { LOCAL_CALLER } from "../core/caller.ts";
import { Failure } from "../core/errors.ts";
import { hasEnded } from "../core/status.ts";
import type { Run } from "../core/store.ts";
import { openLog } from "../log.ts";
import { type Baton, makeBaton } from "../server.ts";
import type { Reply } from "../tools/tool.ts";
import { OK, RUN_FAILED, USAGE } from "./complain.ts";
import { type CommonOptions, settingsOf } from "./settings.ts";
import { untilTold } from "./until-told.ts";

export interface RunOptions extends CommonOptions {
  readonly input?: string;
  readonly agent?: string;
  readonly task?: string;
  readonly json?: boolean;
  readonly dryRun?: boolean;
}

const WAIT_SECONDS = 3600;

/** `baton run`: plays one run in this process; progress goes to stderr, the result to stdout. */
export async function run(pattern: string, options: RunOptions): Promise<number> {
  const args = argumentsOf(options);
  const config = settingsOf(options);
  const baton = makeBaton(
    { ...config, toolsets: ["default"], read_only: false },
    { log: openLog(config.log === "info" ? "warn" : config.log), role: "baton run" },
  );
  const stopping = new AbortController();
  untilTold(async () => {
    stopping.abort();
    await baton.close();
  });
  try {
    const told = await call(baton, pattern, { wait_seconds: WAIT_SECONDS, ...args }, stopping.signal);
    const ended = await lastWord(baton, told, stopping.signal);
    return tell(told, ended, options);
  } finally {
    if (!stopping.signal.aborted) await baton.close();
  }
}

function call(baton: Baton, name: string, args: object, signal: AbortSignal): Promise<Reply> {
  const tool = baton.tools.find((candidate) => candidate.name === name && !candidate.hints.readOnlyHint);
  const starts = baton.patterns.map((pattern) => pattern.name);
  if (!tool || !starts.includes(name))
    throw new Failure("INVALID_INPUT", `there is no pattern ${JSON.stringify(name)}`, {
      hint: `The patterns: ${starts.join(", ")}.`,
    });
  const progress = (message: string) => void process.stderr.write(`${message}\n`);
  return tool.call(args, { caller: LOCAL_CALLER, signal, progress });
}

/** Waits on where a run takes longer than one wait may. */
async function lastWord(baton: Baton, { data }: Reply, signal: AbortSignal): Promise<Run | undefined> {
  const id = data["run_id"];
  if (typeof id !== "string") return undefined;
  const { engine, store } = await baton.open();
  for (;;) {
    const now = await store.get(id);
    if (!now || hasEnded(now.status) || now.status === "waiting" || signal.aborted) return now;
    await engine.wait(id, WAIT_SECONDS * 1000, { signal });
  }
}

function tell(told: Reply, ended: Run | undefined, { json }: RunOptions): number {
  if (!ended && !told.isError) {
    process.stdout.write(`${json ? JSON.stringify(told.data, null, 2) : told.text}\n`);
    return OK;
  }
  if (!ended) {
    process.stderr.write(`${told.text}\n`);
    return USAGE;
  }
  const { next: _, ...envelope } = told.data;
  if (json) process.stdout.write(`${JSON.stringify({ ...envelope, output: ended.output }, null, 2)}\n`);
  else {
    process.stderr.write(`${told.text.split("\noutput:\n")[0]}\n`);
    if (ended.output !== undefined) process.stdout.write(`${readable(ended.output)}\n`);
  }
  return ended.status === "succeeded" ? OK : RUN_FAILED;
}

const readable = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value, null, 2));

function argumentsOf({ input, agent, task, dryRun }: RunOptions): object {
  const given = input === undefined ? {} : parsed(textOf(input));
  return {
    ...given,
    ...(agent !== undefined && { agent }),
    ...(task !== undefined && { task }),
    ...(dryRun && { dry_run: true }),
  };
}

function textOf(input: string): string {
  if (input === "-") return readFileSync(0, "utf8");
  if (!input.startsWith("@")) return input;
  try {
    return readFileSync(input.slice(1), "utf8");
  } catch (error) {
    throw new Failure("INVALID_INPUT", `--input: ${error instanceof Error ? error.message : error}`);
  }
}

function parsed(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (value !== null && typeof value === "object" && !Array.isArray(value)) return value;
  } catch {
    // Said below, in one sentence for both.
  }
  throw new Failure("INVALID_INPUT", "--input is not a JSON object", {
    hint: `Such as --input '{"task": "…", "agents": ["writer", "critic"]}', or @file, or - for stdin.`,
  });
}
