import { Command } from "commander";
import { z } from "zod";
import { VERSION } from "../version.ts";
import { withAgents } from "./agent-commands.ts";
import type { ApproveOptions } from "./approve.ts";
import type { CheckOptions } from "./check.ts";
import type { CompensateOptions } from "./compensate.ts";
import { complain, USAGE } from "./complain.ts";
import type { DeadOptions } from "./dead.ts";
import type { ExportOptions } from "./export.ts";
import type { PauseOptions } from "./pause.ts";
import type { ReplayOptions } from "./replay.ts";
import type { RunOptions } from "./run.ts";
import type { RunsOptions } from "./runs.ts";
import type { SaveOptions } from "./save.ts";
import type { ServeOptions } from "./serve.ts";
import type { CommonOptions } from "./settings.ts";
import type { TraceOptions } from "./trace.ts";
import type { WorkerOptions } from "./worker.ts";

// Most schemas are used once or twice in the life of a process: to compile each takes longer than it saves.
z.config({ jitless: true });

/** Reads the command line and does what it says; the exit code says how that went. */
export async function main(argv: readonly string[]): Promise<void> {
  try {
    await program().parseAsync([...argv]);
  } catch (error) {
    process.exitCode = complain(error);
  }
}

function program(): Command {
  const baton = new Command("baton")
    .description("Multi-agent patterns as MCP tools: durable, budgeted, traceable runs.")
    .exitOverride((error) => {
      if (error.exitCode !== 0) error.exitCode = USAGE;
      throw error;
    })
    .helpCommand(false)
    .showHelpAfterError("(baton --help tells what there is)")
    .option("--home <folder>", "where runs are kept")
    .option("--config <file>", "the settings file (default: the nearest baton.yaml upward)")
    .version(VERSION, "--version", "print the version");

  baton
    .command("serve")
    .description("serve MCP on stdin and stdout, or with --http on 127.0.0.1:7717")
    .option("--http", "serve Streamable HTTP and the page")
    .option("--port <port>", "the port of --http", Number)
    .option("--host <host>", "the address of --http; beyond this machine only with tokens", "127.0.0.1")
    .option("--toolsets <names>", "default, admin", list)
    .option("--read-only", "offer only tools that start and change nothing")
    .action(act<ServeOptions>(async (options) => (await import("./serve.ts")).serve(options)));

  baton
    .command("run")
    .argument("<pattern>", "run_agent, fan_out, run_workflow, …: any tool that starts a run")
    .description("play one run here and print its result")
    .option("--input <json>", "the tool's arguments: JSON, @file or - for stdin")
    .option("--agent <agent>", "shortcut for the argument `agent`")
    .option("--task <text>", "shortcut for the argument `task`")
    .option("--dry-run", "tell what it would do and cost, and start nothing")
    .option("--json", "print the whole envelope")
    .action(act<RunOptions>(async (options, pattern) => (await import("./run.ts")).run(String(pattern), options)));

  baton
    .command("runs")
    .description("list the latest runs")
    .option("--status <status>", "queued, running, waiting, succeeded, failed, cancelled or dead")
    .option("--query <words>", "words in the input, id or labels")
    .option("--limit <count>", "how many", Number)
    .option("--caller <name>", "whose", "local")
    .option("--json", "print data instead of text")
    .action(act<RunsOptions>(async (options) => (await import("./runs.ts")).runs(options)));

  baton
    .command("trace")
    .argument("<id>", "the run's id")
    .description("tell what a run did")
    .option("--view <view>", "summary, steps, step, cost or graph", "steps")
    .option("--step <place>", "the step of --view step")
    .option("--json", "print data instead of text")
    .action(act<TraceOptions>(async (options, id) => (await import("./trace.ts")).trace(String(id), options)));

  baton
    .command("worker")
    .description("play what is unfinished, until a signal comes")
    .option("--until-idle", "or until nothing is running, queued or due within a minute; one for each home")
    .action(act<WorkerOptions>(async (options) => (await import("./worker.ts")).worker(options)));

  for (const [does, what] of [
    ["pause", "let a run's calls in flight end, and start none"],
    ["resume", "let a paused run go on"],
  ] as const)
    baton
      .command(does)
      .argument("[run]", "the run's id")
      .description(what)
      .option("--all", "all runs that have not ended, whoever started them")
      .option("--agent <name>", "an agent: nobody asks it while it is switched off")
      .option("--provider <name>", "a provider likewise")
      .action(
        act<PauseOptions>(async (options, id) =>
          (await import("./pause.ts")).pause(does, id === undefined ? undefined : String(id), options),
        ),
      );

  baton
    .command("cancel")
    .argument("<run>", "the run's id")
    .description("end a run, whoever plays it; what was done is kept")
    .action(act<CommonOptions>(async (options, id) => (await import("./cancel.ts")).cancel(String(id), options)));

  baton
    .command("approve")
    .argument("[run]", "the run's id; else all that waits is listed")
    .description("decide what waits for a person; a terminal asks, and no server is needed")
    .option("--step <place>", "which step, where several wait")
    .option("--yes", "approve it")
    .option("--reject", "reject it")
    .option("--edit <file>", "approve what the file holds instead (JSON, or a text)")
    .option("--answer <text>", "answer it")
    .option(
      "--raise <cap>",
      "a new cap, where it waits for a budget: in USD, or in the tokens or calls that ran out",
      Number,
    )
    .option("--note <text>", "why")
    .action(
      act<ApproveOptions>(async (options, id) =>
        (await import("./approve.ts")).approve(id === undefined ? undefined : String(id), options),
      ),
    );

  baton
    .command("replay")
    .argument("[id]", "the run's id; else --set says which runs")
    .description("play a run again with changes: what has not changed is reused, and both are compared")
    .option("--from <step>", "ask all from this step on anew")
    .option(
      "--agent <name=who>",
      "another model for an agent, or another version: critic=openai/gpt-5, critic=@latest",
      more,
    )
    .option("--instructions <name=file>", "other instructions for an agent", more)
    .option("--prompt <step=file>", "another prompt for a step", more)
    .option("--schema <step=file>", "another JSON Schema for a step's answer", more)
    .option("--input <file>", "another input, as JSON")
    .option("--rerun-effects", "do again what changes the world without asking, as far as whoever says so may")
    .option("--dry-run", "tell what would be reused and what it would cost, and start nothing")
    .option("--set <label>", "all ended runs with this label, or else with these words: a table of them")
    .option("--limit <count>", "how many runs of a set", Number)
    .option("--json", "print data instead of text")
    .action(
      act<ReplayOptions>(async (options, id) =>
        (await import("./replay.ts")).replay(id === undefined ? undefined : String(id), options),
      ),
    );

  withDead(baton);
  withAgents(baton, act);

  baton
    .command("compensate")
    .argument("<run>", "the id of a run that has ended")
    .description("take back what a run did, the last step first; says first what that is")
    .option("--yes", "ask nothing")
    .action(
      act<CompensateOptions>(async (options, id) =>
        (await import("./compensate.ts")).compensateRun(String(id), options),
      ),
    );

  baton
    .command("save")
    .argument("<run>", "the run's id")
    .description("write what a run did as a workflow, its task an input")
    .requiredOption("--as <name>", "the workflow's name")
    .option("--force", "write over a file that is there")
    .action(act<SaveOptions>(async (options, id) => (await import("./save.ts")).save(String(id), options)));

  baton
    .command("check")
    .argument("[files...]", "workflows and agents; else all that the settings name")
    .description("tell what is wrong in workflow and agent files, and what could be better")
    .option("--json", "print data instead of text")
    .action(
      act<CheckOptions>(async (options, files) =>
        (await import("./check.ts")).check((files ?? []) as string[], options),
      ),
    );

  baton
    .command("export")
    .argument("[id]", "one run; else all of them")
    .description("print the record of every call, one JSON object a line")
    .option("--jsonl", "the format, and the only one so far")
    .option("--cassette <run>", "this run as a file that plays back without its providers")
    .action(
      act<ExportOptions>(async (options, id) =>
        (await import("./export.ts")).exportRun(id === undefined ? undefined : String(id), options),
      ),
    );

  return baton;
}

/** Dead letters: what could go on no more, and what becomes of it. */
function withDead(baton: Command): void {
  const dead = baton.command("dead").description("runs and deliveries that could go on no more");
  const which = (command: Command) =>
    command
      .option("--code <code>", "those that died of this")
      .option("--since <time>", "those that died since: 2h, 7d or an ISO date")
      .option("--pattern <name>", "runs of this pattern")
      .option("--label <label>", "runs with this label");
  which(dead.command("list").description("list them, the latest first"))
    .option("--json", "print data instead of text")
    .action(act<DeadOptions>(async (options) => (await import("./dead.ts")).listDead(options)));
  dead
    .command("show")
    .argument("<id>", "the run's id, or a delivery as baton dead list names it")
    .description("tell all that is known of one: input, error, its failing step, what was done")
    .option("--json", "print data instead of text")
    .action(act<DeadOptions>(async (options, id) => (await import("./dead.ts")).showDead(String(id), options)));
  for (const [does, what] of [
    ["requeue", "let one go on from its failed step, or all that are meant"],
    ["drop", "put one away for good, or all that are meant; its history stays"],
  ] as const)
    which(dead.command(does).argument("[id]", "one; else say which are meant").description(what))
      .option("--all", "all of them")
      .option("--yes", "ask nothing")
      .action(
        act<DeadOptions>(async (options, id) =>
          (await import("./dead.ts")).settleDead(does, id === undefined ? undefined : String(id), options),
        ),
      );
}

/** An option that may be said more than once. */
const more = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

const list = (names: string): string[] => names.split(/[\s,]+/).filter(Boolean);

/** Runs a command with its own options and those before it, and keeps its exit code. */
function act<O>(action: (options: O, ...args: unknown[]) => Promise<number>) {
  return async (...all: unknown[]): Promise<void> => {
    const command = all.at(-1) as Command;
    process.exitCode = await action(command.optsWithGlobals() as O, ...all.slice(0, -2));
  };
}
