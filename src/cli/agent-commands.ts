import type { Command } from "commander";
import type { AgentsOptions } from "./agents.ts";
import type { MemoryOptions } from "./memory.ts";
import type { RateOptions } from "./rate.ts";

type Act = <O>(action: (options: O, ...args: unknown[]) => Promise<number>) => (...all: unknown[]) => Promise<void>;

const JSON_OPTION = ["--json", "print data instead of text"] as const;

/** What commander gives for arguments that were not said is undefined. */
const texts = (args: readonly unknown[]): (string | undefined)[] =>
  args.map((arg) => (arg === undefined ? undefined : String(arg)));

/** Commands about agents beyond runs: their versions, ratings, and what they remember. */
export function withAgents(baton: Command, act: Act): void {
  const agents = baton.command("agents").description("agents, their versions, and how each has done");
  for (const [does, args, what] of [
    ["list", "", "list them, each in the version that is active"],
    ["show", "<name>", "tell one whole; name@version tells an older one"],
    ["versions", "<name>", "list its versions: those that runs have pinned, and its file's"],
    ["compare", "<name> [a] [b]", "tell how two versions differ, and how each has done"],
    ["use", "<name@version>", "let new runs ask this version, whatever its file says"],
    ["rollback", "<name>", "let new runs ask the version before"],
    ["follow", "<name>", "let new runs ask what its newest file says"],
    ["retire", "<name>", "let no new run ask it; its file stays"],
    ["restore", "<name>", "let it be asked again"],
  ] as const) {
    const command = agents
      .command(does, { isDefault: does === "list" })
      .description(what)
      .option(...JSON_OPTION);
    if (args !== "") command.arguments(args);
    if (does === "retire") command.option("--note <text>", "why");
    command.action(
      act<AgentsOptions>(async (options, ...given) =>
        (await import("./agents.ts")).agents(does, texts(given), options),
      ),
    );
  }

  baton
    .command("rate")
    .argument("<run>", "the run's id")
    .argument("<score>", "1 to 5, good or bad")
    .description("say what you think of a run, for the record of the agents that answered in it")
    .option("--step <place>", "only of this step")
    .option("--note <text>", "why")
    .action(
      act<RateOptions>(async (options, id, score) =>
        (await import("./rate.ts")).rate(String(id), String(score), options),
      ),
    );

  withMemory(baton, act);
}

function withMemory(baton: Command, act: Act): void {
  const memory = baton.command("memory").description("what agents remember beyond runs");
  for (const [does, args, what] of [
    ["list", "[prefix]", "list keys, or those that begin so"],
    ["read", "<key>", "tell what stands under a key"],
    ["search", "<query>", "find by words; word* for all that begin so"],
    ["write", "<key> <value>", "write a new version: JSON, or a text"],
    ["forget", "<key>", "let it be forgotten; its versions stay for 30 days"],
    ["history", "<key>", "list all versions, and who wrote them"],
  ] as const) {
    const command = memory
      .command(does, { isDefault: does === "list" })
      .arguments(args)
      .description(what);
    command.option("--caller <name>", "whose", "local").option(...JSON_OPTION);
    if (does === "read") command.option("--at <version>", "an older version", Number);
    if (does === "write") command.option("--ttl-days <days>", "keep it so long", Number);
    if (does === "forget") command.option("--purge", "erase all its versions now");
    command.action(
      act<MemoryOptions>(async (options, ...given) =>
        (await import("./memory.ts")).memory(does, texts(given), options),
      ),
    );
  }
}
