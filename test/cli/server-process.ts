import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const CLI = fileURLToPath(new URL("../../src/cli.ts", import.meta.url));

/** A home of its own for one test, and the way to be rid of it. */
export function temporaryHome(): { home: string; folder: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), "baton-test-"));
  return { folder, home: join(folder, "home"), remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** The environment of a test's own processes: no keys, no settings of whoever runs the tests. */
export const environment = (home: string, more: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  PATH: process.env["PATH"] ?? "",
  HOME: home,
  BATON_HOME: home,
  BATON_REHEARSAL: "true",
  ...more,
});

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one command to its end. */
export async function baton(
  args: readonly string[],
  home: string,
  more: Readonly<Record<string, string>> = {},
  stdin = "",
): Promise<Ended> {
  const child = spawn(process.execPath, [CLI, ...args], { env: environment(home, more), cwd: tmpdir() });
  child.stdin.end(stdin);
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  const code = await closed(child);
  return { code, stdout: stdout(), stderr: stderr() };
}

export interface Served {
  readonly url: string;
  readonly child: ChildProcess;
  stderr(): string;
  /** Tells it to stop, and gives its exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Starts `baton serve --http` on a free port and waits until it answers. */
export async function served(
  home: string,
  args: readonly string[] = [],
  more: Readonly<Record<string, string>> = {},
): Promise<Served> {
  const env = environment(home, more);
  const child = spawn(process.execPath, [CLI, "serve", "--http", "--port", "0", ...args], { env, cwd: tmpdir() });
  const stderr = collect(child.stderr);
  const ended = closed(child);
  const url = await new Promise<string>((resolve, reject) => {
    const look = () => {
      const [, found] = /serves MCP at (http:\S+)\/mcp/.exec(stderr()) ?? [];
      if (found) resolve(found);
    };
    child.stderr.on("data", look);
    child.once("close", () => reject(new Error(`the server ended: ${stderr()}`)));
  });
  return {
    url,
    child,
    stderr,
    stop(signal = "SIGTERM") {
      child.kill(signal);
      return ended;
    },
  };
}

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = "";
  stream.on("data", (chunk: Buffer) => {
    text += chunk;
  });
  return () => text;
}

const closed = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve) => child.once("close", (code) => resolve(code)));

/** Runs one command at a terminal, into which somebody types an answer to each question. */
export async function typedInto(
  args: readonly string[],
  home: string,
  answers: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const line = [process.execPath, CLI, ...args].map((word) => `'${word}'`).join(" ");
  const child = spawn("/usr/bin/script", ["-qec", line, "/dev/null"], { env: environment(home, more), cwd: tmpdir() });
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  let asked = 0;
  child.stdout.on("data", () => {
    if (!/: $/.test(stdout()) || asked === answers.length) return;
    child.stdin.write(`${answers[asked++]}\n`);
  });
  const code = await closed(child);
  return { code, stdout: stdout(), stderr: stderr() };
}
