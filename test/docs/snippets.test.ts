import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Client, StreamableHTTPClientTransport, type Transport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readAgentFile } from "../../src/agents/files/agent-file.ts";
import { readConfig } from "../../src/config.ts";
import { namesAt } from "../../src/core/check.ts";
import { Settings } from "../../src/core/settings.ts";
import { readYaml } from "../../src/core/yaml-text.ts";
import { CLI, environment, type Served, served, temporaryHome } from "../cli/server-process.ts";
import { blocks, marked, textOf } from "./blocks.ts";

/** How a block is tried, by the first word behind its language. */
const MARKS = [
  "npm",
  "client",
  "tool",
  "answer",
  "baton",
  "settings",
  "defaults",
  "env",
  "agent",
  "workflow",
  "calls",
  "sqlite",
  "node",
  // Tried by test/examples.
  "example",
  "transcript",
];

const { home, folder, remove } = temporaryHome();
let server: Served;

beforeAll(async () => {
  const bin = join(folder, "bin");
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, "baton"), `#!/bin/sh\nexec "${process.execPath}" "${CLI}" "$@"\n`, { mode: 0o755 });
  server = await served(home, [], { BATON_LOG: "error" });
}, 60_000);

afterAll(async () => {
  await server.stop();
  remove();
});

const env = () => {
  const { PATH = "", ...rest } = environment(home, { BATON_LOG: "error" });
  return { ...rest, PATH: join(folder, "bin") + delimiter + PATH };
};

const sh = (script: string) => spawnSync("sh", ["-e", "-c", script], { env: env(), cwd: folder, encoding: "utf8" });

/** What differs from one time to the next: ids, hashes, moments, figures. */
const settled = (text: string): string =>
  text
    .trim()
    .replace(/r_[a-z2-7]{26}/g, "r_ID")
    .replace(/@[0-9a-f]{8}/g, "@HASH")
    .replace(/\d+(\.\d+)?/g, "N");

const clone = (text: string): string => text.replaceAll("<clone>/dist/cli.js", CLI);

async function toolsOf(transport: Transport): Promise<string[]> {
  const client = new Client({ name: "docs", version: "1.0.0" }, { versionNegotiation: { mode: "auto" } });
  await client.connect(transport);
  const { tools } = await client.listTools();
  await client.close();
  return tools.map(({ name }) => name);
}

const overHttp = (url: string) => {
  expect(new URL(url).pathname).toBe("/mcp");
  return new StreamableHTTPClientTransport(new URL("/mcp", server.url));
};

const overStdio = (command: string, args: readonly string[]) => {
  expect(command).toBe("node");
  return new StdioClientTransport({ command: process.execPath, args: args.map(clone), env: env(), stderr: "ignore" });
};

describe("every block of every document", () => {
  it("says what it is, so that it is tried here", () => {
    const unmarked = blocks.filter(({ mark }) => !MARKS.includes(mark.split("=", 1)[0] ?? ""));
    expect(unmarked.map(({ file, line, mark }) => `${file}:${line} ${mark}`)).toEqual([]);
  });
});

describe("a transcript", () => {
  const steps = blocks.filter(({ mark }) => mark.startsWith("tool=") || mark === "answer");

  it("is what a client hears that makes these calls, but for ids and figures", { timeout: 60_000 }, async () => {
    const client = new Client({ name: "docs", version: "1.0.0" });
    await client.connect(overHttp(`${server.url}/mcp`));
    let run = "";
    let heard = "";
    for (const { mark, text, file, line } of steps) {
      if (mark === "answer") {
        expect(settled(heard), `${file}:${line}`).toBe(settled(text));
        continue;
      }
      const args = JSON.parse(text.replaceAll(/r_[a-z2-7]{26}/g, run));
      const result = await client.callTool({ name: mark.replace("tool=", ""), arguments: args });
      const [first] = result.content;
      heard = first?.type === "text" ? first.text : "";
      run = String((result.structuredContent as { run_id?: unknown } | undefined)?.run_id ?? run);
    }
    await client.close();
  });
});

describe("a way to connect", () => {
  it.each(marked("client"))("%s leads to the tools", { timeout: 60_000 }, async (_, { language, text }) => {
    const found = language === "json" ? fromJson(text) : fromCommands(text);
    expect(found.length).toBeGreaterThan(0);
    for (const transport of found) expect(await toolsOf(transport)).toContain("consensus_vote");
  });

  function fromJson(text: string) {
    const { mcpServers, servers } = JSON.parse(text);
    const all: { url?: string; command?: string; args?: string[] }[] = Object.values(mcpServers ?? servers);
    return all.map(({ url, command = "", args = [] }) => (url ? overHttp(url) : overStdio(command, args)));
  }

  function fromCommands(text: string) {
    return text
      .trim()
      .split("\n")
      .map((line) => {
        const [, command = ""] = line.split(" -- ");
        const [program = "", ...args] = command.split(" ");
        return command === "" ? overHttp(line.split(" ").at(-1) ?? "") : overStdio(program, args);
      });
  }
});

describe("a command", () => {
  it.each(marked("npm"))("%s is one that package.json knows", (_, { text }) => {
    const { scripts } = JSON.parse(textOf("package.json"));
    for (const line of text.trim().split("\n")) {
      expect(line).toMatch(/^npm (run )?\S+$/);
      expect(Object.keys(scripts)).toContain(line.split(" ").at(-1));
    }
  });

  it.each(marked("baton"))("%s does what it says", { timeout: 60_000 }, (_, { text }) => {
    for (const line of text.trim().split("\n")) {
      const { status, stderr, stdout } = sh(line);
      expect(status, `${line}\n${stderr}`).toBe(0);
      expect(stdout.trim(), line).not.toBe("");
    }
  });
});

describe("settings", () => {
  const read = (text: string) => {
    const file = join(folder, "example.yaml");
    writeFileSync(file, text);
    return readConfig({ cwd: folder, env: { BATON_CONFIG: file, HOME: folder } });
  };

  it.each(marked("settings"))("%s are taken", (_, { text }) => {
    expect(() => read(text)).not.toThrow();
  });

  it.each(marked("env"))("%s are taken from the environment", (_, { text }) => {
    const pairs = text
      .trim()
      .split("\n")
      .map((line) => line.split("=", 2));
    const made = readConfig({ cwd: folder, env: { HOME: folder, ...Object.fromEntries(pairs) } });
    expect(made).toMatchObject({ model: "openai/gpt-5-mini", budgets: { run: { usd: 0.5 } }, limits: { calls: 4 } });
  });

  it("hold as documented when nothing is said", () => {
    const [[, block] = []] = marked("defaults");
    const told = readYaml(block?.text ?? "").value as Record<string, unknown>;
    const { agents, workflows, ...plain } = told;
    const made = readConfig({ cwd: folder, env: { HOME: folder } });
    expect(made).toMatchObject(plain);
    expect(made.agents).toEqual((agents as string[]).map((name) => join(folder, name)));
    expect(made.workflows).toEqual((workflows as string[]).map((name) => join(folder, name)));
    const others = namesAt(Settings, []).filter((name) => !(name in told) && name !== "home");
    for (const name of others) {
      const value = made[name as keyof typeof made];
      expect(value === undefined || Object.keys(value).length === 0, `${name} is empty`).toBe(true);
    }
  });

  it("are all in the document", () => {
    const told = textOf("docs/settings.md");
    const inner = (path: readonly string[]) => namesAt(Settings, path).map((name) => [...path, name]);
    const paths = inner([]).flatMap((path) => {
      const below = path[0] === "providers" ? inner(["providers", "*"]) : inner(path);
      return below.length > 0 && path[0] !== "rehearsal" ? below : [path];
    });
    for (const path of paths) expect(told, path.join(".")).toContain(`\`${path.join(".")}\``);
  });
});

describe("an agent", () => {
  it.each(marked("agent"))("%s is read as it stands", (_, { text }) => {
    expect(readAgentFile("example.md", text)).toMatchObject({ draft: { models: ["inherit"] }, notes: [] });
  });

  it.each(["release-reviewer", "plain-editor"])("file %s is read as it stands", (name) => {
    const reading = readAgentFile(`${name}.md`, textOf(`examples/agents/${name}.md`));
    expect(reading).toMatchObject({ draft: { name }, notes: [] });
  });
});

describe("a workflow", () => {
  it.each(marked("workflow"))(
    "%s is taken without a warning, and comes to its end",
    { timeout: 60_000 },
    (_, { text }) => {
      writeFileSync(join(folder, "letter.yaml"), text);
      expect(sh("baton check letter.yaml").stdout).toContain("0 errors, 0 warnings");
      const inputs = { letter: "When do you open?" };
      writeFileSync(join(folder, "input.json"), JSON.stringify({ definition: text, inputs }));
      const { status, stderr } = sh("baton run run_workflow --input @input.json");
      expect(status, stderr).toBe(0);
    },
  );
});

describe("the record of every call", () => {
  const db = () => new DatabaseSync(join(home, "baton.db"), { readOnly: true });

  beforeAll(() => {
    expect(sh('baton run run_agent --agent writer --task "Say what a baton is."').status).toBe(0);
  }, 60_000);

  it("has the columns that are documented, and no others", () => {
    const store = db();
    const columns = store
      .prepare("select * from calls")
      .columns()
      .map(({ name }) => name);
    store.close();
    const table = textOf("docs/sql.md")
      .split("\n")
      .filter((line) => line.startsWith("| `"));
    const told = table.flatMap((row) => [...(row.split("|")[1] ?? "").matchAll(/`(\w+)`/g)].map(([, name]) => name));
    expect(told.sort()).toEqual(columns.sort());
  });

  it.each(marked("calls"))("%s is answered", (_, { text }) => {
    const store = db();
    expect(store.prepare(text).all().length).toBeGreaterThan(0);
    store.close();
  });

  it.each(marked("node"))("%s runs", (_, { text }) => {
    const file = join(folder, "read.mjs");
    writeFileSync(file, text);
    const { status, stdout, stderr } = spawnSync(process.execPath, [file], { env: env(), encoding: "utf8" });
    expect(status, stderr).toBe(0);
    expect(stdout).toContain("writer");
  });

  it.for(marked("sqlite"))("%s runs where there is a sqlite3", ([, { text }], { skip }) => {
    const { status, stdout, stderr } = sh(`command -v sqlite3 >/dev/null || exit 77\n${text}`);
    skip(status === 77, "there is no sqlite3 here");
    expect(status, stderr).toBe(0);
    expect(stdout).toContain("rehearsal/default");
  });
});
