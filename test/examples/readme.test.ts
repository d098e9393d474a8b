import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openStandIn, type StandIn } from "../../examples/stand-in.ts";
import { CLI, environment, temporaryHome } from "../cli/server-process.ts";
import { blocks } from "../docs/blocks.ts";
import { ROOT } from "../sources.ts";

const PORT = 8788;
const commands = blocks
  .filter(({ mark }) => mark.startsWith("example"))
  .map(({ file, text, mark }) => ({ file, line: text.trim(), waits: mark === "example=waits" }));

const { folder, remove } = temporaryHome();
let standIn: StandIn | undefined;

beforeAll(async () => {
  mkdirSync(join(folder, "bin"));
  writeFileSync(join(folder, "bin", "baton"), `#!/bin/sh\nexec "${process.execPath}" "${CLI}" "$@"\n`, { mode: 0o755 });
  standIn = await openStandIn({ port: PORT }).catch(() => undefined);
});

afterAll(async () => {
  await standIn?.[Symbol.asyncDispose]();
  remove();
});

/** Runs a command in the folder of a document, as the document says; runs are kept elsewhere. */
async function run(file: string, line: string): Promise<{ code: number | null; out: string; err: string }> {
  const { PATH = "", BATON_REHEARSAL: _, ...rest } = environment(join(folder, dirname(file)));
  const env = { ...rest, PATH: join(folder, "bin") + delimiter + PATH };
  const child = spawn("sh", ["-e", "-c", line], { cwd: join(ROOT, dirname(file)), env });
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk) => (out += chunk));
  child.stderr.on("data", (chunk) => (err += chunk));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, out, err };
}

describe("a command in the README of an example", () => {
  test.for(commands)("$file: $line", { timeout: 60_000 }, async ({ file, line, waits }, { skip }) => {
    skip(!standIn && file.includes("car-loan"), `somebody else has port ${PORT}`);
    const { code, out, err } = await run(file, line);
    if (waits) expect(err).toMatch(/ waiting .*waiting for approval/s);
    else expect({ code, err }).toMatchObject({ code: 0 });
    expect(out).toContain("0 errors, 0 warnings in ");
  });
});
