import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** The fake vendor in a process of its own, so that its work is not counted as ours. */
export interface Vendor {
  readonly v1: string;
  readonly origin: string;
  stop(): void;
}

/** Answers every request with the last rule that is given, after those before it have had their calls. */
export async function startVendor(...rules: readonly { calls?: string; reply: object }[]): Promise<Vendor> {
  const file = new URL("../test/stub/vendor-process.ts", import.meta.url).pathname;
  const text = "A ledger keeps what was spent.";
  const script = rules.map((rule) => ({ ...rule, reply: { text, usage: { input: 40, output: 12 }, ...rule.reply } }));
  const options = JSON.stringify({ lean: true, script });
  const child = spawn(process.execPath, [file, "--options", options], { stdio: ["pipe", "pipe", "inherit"] });
  const line = await new Promise<string>((resolve) => createInterface(child.stdout).once("line", resolve));
  const { v1, origin } = JSON.parse(line) as { v1: string; origin: string };
  return { v1, origin, stop: () => child.kill() };
}

export const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
