import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { ForkRequest } from "../../src/core/fork.ts";
import { definePattern, type RunContext } from "../../src/core/pattern.ts";
import type { Line, Run } from "../../src/core/store.ts";
import { type House, type HouseOptions, openHouse } from "../house.ts";
import type { Asked } from "../stub/script.ts";

/** A program as a pattern, with a task for its input. */
export const play = (name: string, run: (ctx: RunContext, input: { task: string }) => Promise<unknown>) =>
  definePattern({
    name,
    version: 1,
    title: name,
    description: name,
    input: z.strictObject({ task: z.string() }),
    output: z.unknown(),
    subject: "task",
    agents: () => ["oa/m"],
    run,
  });

/** Asks the only model there is. */
export const say = async (ctx: RunContext, prompt: string, name?: string): Promise<string> =>
  (await ctx.call("oa/m", { prompt, ...(name && { name }) })).output;

/** A house with a vendor that says by whom and what it was asked, and what else it takes to look at forks. */
export async function openForkHouse(options: HouseOptions & { say?: (asked: Asked) => string | undefined } = {}) {
  const { say: how = () => undefined, ...rest } = options;
  const asked: Asked[] = [];
  const script = (one: Asked) => {
    asked.push(one);
    return { text: how(one) ?? `${one.system || one.model} says ${shortened(one.user)}` };
  };
  const house = await openHouse({ script, ...rest });
  return {
    ...house,
    asked,
    /** What was asked since the last look. */
    fresh: (): readonly string[] => asked.splice(0).map(({ user }) => user),
    fork: async (source: Run, more: Partial<ForkRequest> = {}): Promise<Run> => forkOf(house, source, more),
    /** Gives an agent of the house other instructions, as whoever edits its file does. */
    teach(name: string, told: string): void {
      const file = join(house.home, "agents", `${name}.md`);
      writeFileSync(file, readFileSync(file, "utf8").replace(/---\n[^-]*$/, `---\n${told}\n`));
    },
    reused: async ({ id }: Run): Promise<readonly string[]> => steps(house, id, true),
    own: async ({ id }: Run): Promise<readonly string[]> => steps(house, id, false),
  };
}

async function forkOf(house: House, source: Run, more: Partial<ForkRequest>): Promise<Run> {
  const { run } = await house.engine.fork({ source, caller: "test", ...more });
  return house.ended(run.id);
}

const COUNTED: readonly Line["kind"][] = ["call", "choice", "wait"];

async function steps({ store }: House, id: string, reused: boolean): Promise<readonly string[]> {
  const { lines } = await store.memory(id);
  return lines.flatMap((line) => (COUNTED.includes(line.kind) && (line.reused ?? false) === reused ? line.place : []));
}

const shortened = (text: string): string => text.replaceAll(/\s+/g, " ").slice(0, 40);
