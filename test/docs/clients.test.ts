import { spawn } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CLI, environment, type Served, served, temporaryHome } from "../cli/server-process.ts";
import { ROOT } from "../sources.ts";

const { home, remove } = temporaryHome();
const EXAMPLES = join(ROOT, "examples", "clients");
const TOKEN = "example-token-of-some-length";
let open: Served;
let guarded: Served;

beforeAll(async () => {
  const quiet = { BATON_LOG: "error" };
  open = await served(home, [], quiet);
  guarded = await served(home, [], { ...quiet, BATON_TOKENS: `ann:${TOKEN}` });
}, 60_000);

afterAll(async () => {
  await Promise.all([open.stop(), guarded.stop()]);
  remove();
});

interface Ended {
  readonly code: number | null;
  readonly said: string;
}

function ran(command: string, args: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const child = spawn(command, args, { env: environment(home, more), cwd: ROOT });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => {
      said += chunk;
    });
  return new Promise((resolve) => {
    child.once("error", () => resolve({ code: null, said: `there is no ${command} here` }));
    child.once("close", (code) => resolve({ code, said }));
  });
}

const typescript = join(EXAMPLES, "typescript", "client.ts");
const python = join(EXAMPLES, "python", "client.py");
const shell = join(EXAMPLES, "curl", "client.sh");
const stdio = [process.execPath, CLI, "serve"];

/** Not every machine has every program; where everything is checked, none may be left out. */
async function isThere(command: string): Promise<boolean> {
  const { code } = await ran(command, ["--version"]);
  if (code !== 0 && process.env["CI"]) throw new Error(`there is no ${command} here, and under CI nothing is skipped`);
  return code === 0;
}

describe("the TypeScript client", { timeout: 60_000 }, () => {
  it.each([
    ["over HTTP", () => [`${open.url}/mcp`], {}],
    ["over HTTP with a token", () => [`${guarded.url}/mcp`], { BATON_TOKEN: TOKEN }],
    ["over stdio", () => stdio, {}],
  ])("has its fan-out merged %s", async (_, target, env) => {
    const { code, said } = await ran(process.execPath, [typescript, ...target()], env);
    expect(code, said).toBe(0);
    expect(said).toMatch(/succeeded, 3 calls/);
    expect(said).toMatch(/- critic: succeeded\n- writer: succeeded\nRehearsal/);
  });
});

describe("the Python client", { timeout: 60_000 }, () => {
  it.for([
    ["over HTTP", () => [`${open.url}/mcp`], {}],
    ["over HTTP with a token", () => [`${guarded.url}/mcp`], { BATON_TOKEN: TOKEN }],
    ["over stdio", () => stdio, {}],
  ] as const)("has its vote counted %s", async ([, target, env], { skip }) => {
    skip(!(await isThere("python3")), "there is no python3 here");
    const { code, said } = await ran("python3", [python, ...target()], env);
    expect(code, said).toBe(0);
    expect(said).toMatch(/^r_\S+ succeeded \$0/m);
    expect(said).toMatch(/^decision: (yes|no) by majority/m);
  });
});

describe("the curl client", { timeout: 60_000 }, () => {
  it.for([
    ["without a token", () => open.url, {}],
    ["with a token", () => guarded.url, { BATON_TOKEN: TOKEN }],
  ] as const)("has its answer %s", async ([, url, env], { skip }) => {
    skip(!(await isThere("curl")), "there is no curl here");
    const { code, said } = await ran("sh", [shell, `${url()}/mcp`], env);
    expect(code, said).toBe(0);
    expect(JSON.parse(said).result.structuredContent).toMatchObject({ status: "succeeded", rehearsal: true });
  });

  it("ends with an error where it is not let in", async ({ skip }) => {
    skip(!(await isThere("curl")), "there is no curl here");
    const { code } = await ran("sh", [shell, `${guarded.url}/mcp`]);
    expect(code).not.toBe(0);
  });
});
