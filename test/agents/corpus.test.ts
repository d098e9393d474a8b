import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { readAgentFile } from "../../src/agents/files/agent-file.ts";
import { agentShelf, shelve } from "../../src/agents/files/shelf.ts";
import { fromFile, type Known } from "../../src/agents/registry.ts";
import { AgentSpec } from "../../src/core/agent.ts";
import { corpus, type Specimen } from "./corpus.ts";

const root = mkdtempSync(join(tmpdir(), "baton-corpus-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const CANARY = join(root, "canary");
const specimens = corpus(20261121, CANARY);

const DEFAULTS = {
  ...{ model: "house/default", models: {}, servers: ["github"], tools: {} },
  ...{ isOpen: () => false, listedAs: () => undefined, canSearch: () => false },
  sights: { folders: true, hosts: true },
};

function lay(folder: string, files: readonly Specimen[]): string[] {
  for (const { path, bytes } of files) {
    const whole = join(folder, path);
    mkdirSync(dirname(whole), { recursive: true });
    writeFileSync(whole, bytes);
  }
  return [...new Set(files.map(({ path }) => dirname(join(folder, path))))].sort();
}

/** All that the shelf makes of these folders, and what the settings make of that. */
function readAll(folders: readonly string[]): Known[] {
  const shelf = agentShelf(folders);
  shelf.refresh();
  return shelf.all().map((file) => fromFile(file, DEFAULTS));
}

describe(`a corpus of ${specimens.length} files in six dialects`, () => {
  const folders = lay(join(root, "one"), specimens);
  for (const folder of folders) symlinkSync(dirname(folder), join(folder, "circle"));
  const known = readAll(folders);
  const byPath = new Map(known.map((one) => [one.source, one]));

  test("has several hundred files, and every quirk in every dialect", () => {
    expect(specimens.length).toBeGreaterThanOrEqual(400);
    expect(new Set(specimens.map(({ path }) => path.split("/")[0])).size).toBe(6);
  });

  test("each is an agent, or is refused with a reason, or was never meant to be one", () => {
    for (const { path } of specimens) {
      const one = byPath.get(join(root, "one", path));
      if (one === undefined) continue;
      expect(one.spec === undefined, path).toBe(one.refused !== undefined);
      if (one.spec) expect(() => AgentSpec.parse(one.spec), path).not.toThrow();
      else expect(one.refused?.length, path).toBeGreaterThan(20);
    }
    const silent = specimens.filter(({ path }) => !byPath.has(join(root, "one", path)));
    expect(new Set(silent.map(({ path }) => path.split("/")[0]))).toEqual(new Set([".codex"]));
  });

  test("a good part of either is there, in every dialect", () => {
    for (const folder of folders) {
      const here = known.filter(({ source }) => source.startsWith(folder));
      expect(here.filter(({ spec }) => spec).length, folder).toBeGreaterThan(5);
      expect(here.filter(({ refused }) => refused).length, folder).toBeGreaterThan(5);
    }
  });

  test("a reason says where, unless the file as a whole is meant", () => {
    const whole = /it is not UTF-8 text|nothing stands below|it has no `developer_instructions`|is taken by/;
    const placeless = known.filter(({ refused, source }) => refused !== undefined && !refused.startsWith(`${source}:`));
    expect(placeless).toEqual([]);
    const without = known.filter(
      ({ refused = "", source }) =>
        refused !== "" && !whole.test(refused) && !/^:\d+:\d+: /.test(refused.slice(source.length)),
    );
    expect(without.map(({ refused }) => refused)).toEqual([]);
  });

  test("nothing in it was run", () => {
    expect(existsSync(CANARY)).toBe(false);
    expect(globalThis).not.toHaveProperty("wasRun");
    expect({}).not.toHaveProperty("x");
  });

  test("read again, and elsewhere, it is the same to the letter", () => {
    expect(readAll(folders)).toEqual(known);
    const again = readAll(lay(join(root, "two"), corpus(20261121, CANARY)));
    const told = (all: readonly Known[]) =>
      JSON.stringify(all).replaceAll(join(root, "one"), "").replaceAll(join(root, "two"), "");
    expect(told(again)).toBe(told(known));
  });
});

/** What stands between the lines of dashes of files as they lie about, and what becomes of each. */
const BY_HAND: readonly (readonly [name: string, front: string, expected: RegExp | "agent"])[] = [
  [
    "a description with an example in it",
    'name: a\ndescription: Use this agent when you need help. Examples: <example>Context: x. user: "Do it" assistant: "I will"</example>\nmodel: sonnet',
    "agent",
  ],
  ["a folded description", "name: a\ndescription: >\n  Reads code\n  and reports.\nmodel: opus", "agent"],
  ["a kept description", "name: a\ndescription: |-\n  Reads code:\n  - and reports.", "agent"],
  [
    "a description over two lines without indentation",
    "name: a\ndescription: Reads code.\nuser: and more: of it",
    /colon|quotes|2|in no format/,
  ],
  ["an emoji for a field", "name: a\ndescription: d\n🎨: red", "agent"],
  ["a vibe and an emoji", 'name: a\ndescription: d\ncolor: "#00ff00"\nemoji: 🎨\nvibe: Calm.', "agent"],
  ["a quoted list of tools", 'name: a\ndescription: d\ntools: "Read, Grep, Glob"', "agent"],
  ["a list of tools in lines", "name: a\ndescription: d\ntools:\n  - Read\n  - Grep", "agent"],
  [
    "tools that write",
    "name: a\ndescription: d\ntools: Read, Write, Edit, Bash, Glob, Grep",
    /it asks for Write, Edit, Bash, and without/,
  ],
  ["tools with trailing commas", "name: a\ndescription: d\ntools: Read, , Grep,", "agent"],
  ["tools as a number", "name: a\ndescription: d\ntools: 7", /`tools`/],
  ["a null for everything", "name:\ndescription:\nmodel:\ntools:\ncolor:", "agent"],
  ["a tilde for a model", "name: a\ndescription: d\nmodel: ~", "agent"],
  ["a boolean for a name", "name: true\ndescription: d", /`name`: expected string/],
  ["a date for a version", "name: a\ndescription: d\nversion: 2026-01-01", "agent"],
  ["a number for a version", "name: a\ndescription: d\nversion: 1.10", "agent"],
  ["octal and hex", "name: a\ndescription: d\nmaxTurns: 0x10", "agent"],
  ["infinite turns", "name: a\ndescription: d\nmaxTurns: .inf", /`maxTurns`/],
  ["turns below nothing", "name: a\ndescription: d\nmaxTurns: -1", /`maxTurns`/],
  ["comments in it", "# who\nname: a # me\ndescription: d\n# end", "agent"],
  ["a value in another script", "name: أ\ndescription: يقرأ", "agent"],
  ["smart quotes", "name: “a”\ndescription: ‘d’", "agent"],
  ["an unclosed quote", 'name: "a\ndescription: d', /2:7|3:|quote/],
  ["an unclosed bracket", "name: a\ntools: [Read, Grep", /3:/],
  ["a Jinja template", "name: {{ name }}\ndescription: d", /plain word|2:/],
  ["a shell command", "name: $(whoami)\ndescription: `id`", "agent"],
  ["an environment variable", "name: a\ndescription: $HOME and process.env.KEY", "agent"],
  ["a directive", "%YAML 1.1\nname: a", /3:1: /],
  ["a key that is a list", "? [a, b]\n: c", /a name must be a plain word/],
  ["a very long name", `name: ${"n".repeat(300)}`, /at most 100 characters/],
  ["a name with a slash", "name: team/reviewer", /no `\/`/],
  ["a bidirectional override", 'name: "a\\u202eb"', /`name`/],
  [
    "a block of ours with a typing mistake",
    "name: a\nx-baton:\n  max_turn: 5",
    /4:3: `x-baton\.max_turn`: .*`max_turns`/,
  ],
  ["a block of ours that is a text", "name: a\nx-baton: yes please", /3:10: `x-baton`: expected object/],
  [
    "hooks",
    "name: a\nhooks:\n  PreToolUse:\n    - matcher: Bash\n      hooks: [{ type: command, command: ./check.sh }]",
    /it asks for hooks \(PreToolUse\)/,
  ],
  [
    "a server of its own",
    "name: a\nmcpServers:\n  - x: { type: stdio, command: npx, args: [x] }",
    /mcp_servers: \{ x: \{ command: npx, args: \[x\] \} \}/,
  ],
];

describe("files as they lie about", () => {
  test.each(BY_HAND)("%s", (_, front, expected) => {
    const path = "agents/a.md";
    const shelved = shelve(path, readAgentFile(path, `---\n${front}\n---\nYou do it.\n`), undefined);
    const known = shelved && fromFile(shelved, DEFAULTS);
    if (expected === "agent") expect(known?.refused).toBeUndefined();
    else expect([known?.refused, ...(known?.notes ?? [])].join()).toMatch(expected);
  });
});

describe("no text whatsoever", () => {
  const piece = fc.oneof(
    fc.string({ unit: "binary", maxLength: 40 }),
    fc.constantFrom(
      "---\n",
      "\n---\n",
      "name: ",
      "name = ",
      "tools: ",
      "[x-baton]\n",
      "x-baton:\n  ",
      "mcpServers:\n",
      "- ",
      "{",
      "}",
      "[",
      "]",
      "'",
      '"""',
      "&a ",
      "*a",
      "<<: ",
      "!!js/function ",
      "\t",
      "\r\n",
      "\uFEFF",
      "__proto__: ",
      ": ",
      " = ",
      "? ",
      "|\n",
      ">\n",
      "%YAML 1.2\n",
    ),
  );
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(piece, { maxLength: 30 }).map((parts) => parts.join("")),
    fc.array(piece, { maxLength: 30 }).map((parts) => `---\n${parts.join("")}\n---\nx`),
  );
  const path = fc.constantFrom(
    "a.md",
    ".claude/agents/a.md",
    "a.agent.md",
    ".opencode/agent/a.md",
    ".codex/agents/a.toml",
  );

  test("makes a reader throw, or reads differently the second time", () => {
    fc.assert(
      fc.property(path, text, (file, said) => {
        const reading = readAgentFile(file, said);
        const shelved = shelve(file, reading, undefined);
        const known = shelved && fromFile(shelved, DEFAULTS);
        if (known?.spec) AgentSpec.parse(known.spec);
        expect(readAgentFile(file, said)).toEqual(reading);
      }),
      { numRuns: 2000, seed: 4711 },
    );
  });

  test("nor does a value of any kind in any field", () => {
    const field = fc.constantFrom(
      "name",
      "description",
      "tools",
      "model",
      "mcpServers",
      "permission",
      "permissions",
      "agents",
      "effort",
      "maxTurns",
      "timeout_mins",
      "readonly",
      "skills",
      "hooks",
      "kind",
      "x-baton",
      "isolation",
      "web_search",
      "disable",
      "version",
      "temperature",
      "disallowedTools",
    );
    fc.assert(
      fc.property(path, fc.dictionary(field, fc.jsonValue({ maxDepth: 4 }), { maxKeys: 6 }), (file, fields) => {
        const reading = readAgentFile(file.replace(".toml", ".md"), `---\n${JSON.stringify(fields, null, 1)}\n---\nx`);
        const shelved = shelve(file, reading, undefined);
        if (shelved) expect(fromFile(shelved, DEFAULTS)).toMatchObject({ source: expect.any(String) });
      }),
      { numRuns: 1000, seed: 4711 },
    );
  });
});
