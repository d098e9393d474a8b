import { readFileSync } from "node:fs";
import { compareWords, WHOLE } from "../core/compare-words.ts";
import { Failure } from "../core/errors.ts";
import { hasEnded } from "../core/status.ts";
import type { Run } from "../core/store.ts";
import { openLog } from "../log.ts";
import { type Baton, makeBaton, type OpenRooms } from "../server.ts";
import { comparisonOf } from "../tools/comparing.ts";
import type { Reply } from "../tools/tool.ts";
import { OK, RUN_FAILED } from "./complain.ts";
import { ask, print } from "./looking.ts";
import { replaySet } from "./replay-set.ts";
import { type CommonOptions, settingsOf } from "./settings.ts";
import { TERMINAL, type Terminal, types } from "./terminal.ts";
import { untilTold } from "./until-told.ts";

export interface ReplayOptions extends CommonOptions {
  readonly from?: string;
  readonly agent?: readonly string[];
  readonly instructions?: readonly string[];
  readonly prompt?: readonly string[];
  readonly schema?: readonly string[];
  readonly input?: string;
  readonly rerunEffects?: boolean;
  readonly dryRun?: boolean;
  readonly set?: string;
  readonly limit?: number;
  readonly json?: boolean;
}

const WAIT_SECONDS = 3600;

/** `baton replay`: plays one run, or a set of them, again with changes, and prints what came of it beside what was. */
export async function replay(
  id: string | undefined,
  options: ReplayOptions,
  terminal: Terminal = TERMINAL,
): Promise<number> {
  const args = argumentsOf(options);
  if ((id === undefined) === (options.set === undefined))
    throw new Failure("INVALID_INPUT", "name one run, or with --set a label or words that say which", {
      hint: "Such as: baton replay r_… --agent critic=openai/gpt-5, or baton replay --set nightly --agent critic=@latest",
    });
  const config = settingsOf(options);
  const log = openLog(config.log === "info" ? "warn" : config.log);
  const baton = makeBaton({ ...config, toolsets: ["default"], read_only: false }, { log });
  let stopped = false;
  untilTold(async () => {
    stopped = true;
    await baton.close();
  });
  try {
    const rooms = await baton.open();
    if (options.set !== undefined) return await replaySet(baton, rooms, { ...options, which: options.set, args });
    const source = await known(rooms, id ?? "");
    const isPerson = await saysSo(source, options, terminal);
    return await replayOne(baton, rooms, source, { ...options, isPerson }, args);
  } finally {
    if (!stopped) await baton.close();
  }
}

async function replayOne(
  baton: Baton,
  rooms: OpenRooms,
  source: Run,
  { dryRun, json, isPerson }: ReplayOptions & { readonly isPerson: boolean },
  args: object,
): Promise<number> {
  const call = { ...args, run_id: source.id, wait_seconds: WAIT_SECONDS };
  const told = await ask(baton, "replay_run", dryRun ? { ...call, dry_run: true } : call, source.caller, isPerson);
  const fork = await forkOf(rooms, told);
  if (!fork) return print(told, json);
  const comparison = hasEnded(fork.status) ? await comparisonOf(rooms.store, fork) : undefined;
  if (json) process.stdout.write(`${JSON.stringify({ ...told.data, output: fork.output, comparison }, null, 2)}\n`);
  else {
    process.stderr.write(`${told.text.split("\n")[0]}\n`);
    process.stdout.write(`${comparison ? compareWords(comparison, WHOLE) : told.text}\n`);
  }
  return fork.status === "succeeded" ? OK : RUN_FAILED;
}

/** Does a person at a terminal say that what changes the world may be done again? Else it is as if a model had said so. */
async function saysSo({ id }: Run, { rerunEffects, dryRun }: ReplayOptions, terminal: Terminal): Promise<boolean> {
  if (!rerunEffects || dryRun || !terminal.isPerson) return false;
  return types(
    id,
    terminal,
    "What changes the world is done again, without asking. (Enter: what needs a person waits.)",
  );
}

async function forkOf({ store }: OpenRooms, { data }: Reply): Promise<Run | undefined> {
  const id = data["run_id"];
  return typeof id === "string" ? store.get(id) : undefined;
}

async function known({ store }: OpenRooms, id: string): Promise<Run> {
  const run = await store.get(id);
  if (run) return run;
  throw new Failure("NOT_FOUND", `there is no run ${id}`, { hint: "baton runs lists them." });
}

/** What `replay_run` is asked for by these options. */
function argumentsOf({ from, agent, instructions, prompt, schema, input, rerunEffects }: ReplayOptions): object {
  const agents = merged(
    pairs(agent, "--agent").map(([name, who]) => [name, whoIs(who)]),
    [...pairs(instructions, "--instructions").map(([name, file]) => [name, { instructions: textOf(file) }] as const)],
  );
  const steps = merged(
    pairs(prompt, "--prompt").map(([place, file]) => [place, { prompt: textOf(file) }]),
    [...pairs(schema, "--schema").map(([place, file]) => [place, { output_schema: jsonOf(file) }] as const)],
  );
  const changes = {
    ...(Object.keys(agents).length > 0 && { agents }),
    ...(Object.keys(steps).length > 0 && { steps }),
    ...(input !== undefined && { input: jsonOf(input) }),
  };
  return {
    ...(from !== undefined && { from_step: from }),
    ...(Object.keys(changes).length > 0 && { changes }),
    ...(rerunEffects && { rerun_effects: true }),
  };
}

type Named = readonly (readonly [string, object])[];

function merged(some: Named, more: Named): Record<string, object> {
  const all: Record<string, object> = {};
  for (const [name, change] of [...some, ...more]) all[name] = { ...all[name], ...change };
  return all;
}

/** A model, or behind an `@` a version. */
const whoIs = (who: string): object => (who.startsWith("@") ? { version: who.slice(1) } : { model: who });

/** A model's name may hold an `=`, an agent's may not. */
function pairs(given: readonly string[] = [], option: string): (readonly [string, string])[] {
  return given.map((pair) => {
    const at = pair.indexOf("=");
    if (at > 0 && at < pair.length - 1) return [pair.slice(0, at), pair.slice(at + 1)] as const;
    throw new Failure("INVALID_INPUT", `${option} ${JSON.stringify(pair)} is no pair`, {
      hint: "Such as --agent critic=openai/gpt-5, --agent critic=@latest, --prompt map/1/critic=prompt.txt",
    });
  });
}

function textOf(file: string): string {
  try {
    return readFileSync(file === "-" ? 0 : file, "utf8");
  } catch (error) {
    throw new Failure("INVALID_INPUT", `${file}: ${error instanceof Error ? error.message : error}`);
  }
}

function jsonOf(file: string): unknown {
  try {
    return JSON.parse(textOf(file));
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure("INVALID_INPUT", `${file} holds no JSON`);
  }
}
