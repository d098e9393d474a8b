import { describe, expect, test } from "vitest";
import { readAgentFile } from "../../src/agents/files/agent-file.ts";
import { shelve } from "../../src/agents/files/shelf.ts";
import { fromFile, type Known } from "../../src/agents/registry.ts";
import { Settings } from "../../src/core/settings.ts";
import { readYaml } from "../../src/core/yaml-text.ts";

interface House {
  readonly servers?: readonly string[];
  readonly tools?: Readonly<Record<string, string | readonly string[]>>;
  readonly models?: Readonly<Record<string, string>>;
  /** The vendors that can be asked. */
  readonly open?: readonly string[];
}

/** Who a file is, with these settings. */
function known(path: string, text: string, { servers = [], tools = {}, models = {}, open = [] }: House = {}): Known {
  const shelved = shelve(path, readAgentFile(path, text), undefined);
  if (!shelved) throw new Error(`${path} is no agent`);
  const isOpen = (model: string) => open.some((vendor) => model.startsWith(`${vendor}/`));
  const listedAs = (model: string) => (model.includes("99") ? undefined : model);
  const reach = { sights: { folders: false, hosts: false }, canSearch: () => false };
  return fromFile(shelved, { model: "house/default", models, servers, tools, isOpen, listedAs, ...reach });
}

const markdown = (front: string, body = "You do it.") => `---\nname: a\ndescription: d\n${front}\n---\n${body}\n`;
const claude = (front: string, house?: House) => known(".claude/agents/a.md", markdown(front), house);
const copilot = (front: string, house?: House) => known(".github/agents/a.agent.md", markdown(front), house);
const gemini = (front: string, house?: House) => known(".gemini/agents/a.md", markdown(front), house);
const opencode = (front: string, house?: House) => known(".opencode/agents/a.md", markdown(front), house);
const cursor = (front: string, house?: House) => known(".cursor/agents/a.md", markdown(front), house);
const codex = (lines: string, house?: House) =>
  known(
    ".codex/agents/a.toml",
    `name = "a"\ndescription = "d"\n${lines}\ndeveloper_instructions = """\nYou do it.\n"""\n`,
    house,
  );

/** The settings that a refusal would have its reader write. */
function settingsIn(refused = ""): unknown[] {
  const lines = [...refused.matchAll(/`((?:mcp_servers|tools|models): [^`]*)`/g)].map(
    ([, line]) => readYaml(line ?? "").value,
  );
  for (const line of lines) Settings.parse(line);
  return lines;
}

describe("the tools that a file names", () => {
  test.each([
    ["Claude Code", claude("tools: Read, View, NotebookRead, LS, Glob, Grep, Search, WebFetch")],
    ["Copilot", copilot("tools: [read/readFile, search, web/fetch]")],
    ["Gemini CLI", gemini("tools: [read_file, list_directory, glob, search_file_content, grep_search, web_fetch]")],
    ["OpenCode", opencode("tools: { read: true, list: true, glob: true, grep: true, webfetch: true, write: false }")],
    [
      "OpenCode's rules",
      opencode("permission: { read: allow, list: allow, glob: allow, grep: allow, webfetch: allow }"),
    ],
    [
      "OpenCode's list of rules",
      opencode(
        "permissions:\n" +
          ["read", "list", "glob", "grep", "webfetch"]
            .map((action) => `  - { action: ${action}, resource: '*', effect: allow }`)
            .join("\n"),
      ),
    ],
    ["Cursor", cursor("tools: [read_file, list_dir, codebase_search, web/fetch]")],
    [
      "x-baton",
      known("a.md", markdown("x-baton: { tools: 'baton/read, baton/list, baton/glob, baton/grep, baton/fetch' }")),
    ],
  ])("%s: those that look are built in", (_, { spec, refused }) => {
    expect(refused).toBeUndefined();
    expect([...(spec?.tools ?? [])].sort()).toEqual([
      "baton/fetch",
      "baton/glob",
      "baton/grep",
      "baton/list",
      "baton/read",
    ]);
  });

  test.each([
    ["tools: WebSearch", claude],
    ["tools: [google_web_search]", gemini],
    ["tools: { websearch: true }", opencode],
    ["tools: [web_search]", cursor],
  ])("%s is the vendor's own search, five times a turn", (line, host) => {
    expect(host(line).spec).toMatchObject({ web_search: { max_uses: 5 } });
    expect(host(line).spec?.tools).toBeUndefined();
  });

  test("of a search the file may say how often", () => {
    expect(codex('web_search = "live"').spec?.web_search).toEqual({ max_uses: 5 });
    expect(codex('web_search = "disabled"').spec?.web_search).toBeUndefined();
    expect(claude("web_search: 3").spec?.web_search).toEqual({ max_uses: 3 });
    expect(claude("tools: WebSearch\nx-baton: { web_search: { max_uses: 9 } }").spec?.web_search).toEqual({
      max_uses: 9,
    });
    expect(opencode("permission: { websearch: ask }").notes.join()).toContain("nobody can be asked before each search");
  });

  test.each(["Edit", "Write", "Bash", "Task", "Skill", "LSP"])(
    "without an answer to %s the agent is refused",
    (tool) => {
      const { spec, refused, crippled } = claude(`tools: Read, ${tool}`);
      expect(spec).toBeUndefined();
      expect(crippled).toBe(true);
      expect(refused).toContain(`.claude/agents/a.md:4:1: it asks for ${tool}, and without that`);
      expect(refused).toContain("agents on command lines come with a later version");
    },
  );

  test("the refusal holds the lines of settings that would mend it, and they do", () => {
    const { refused } = claude("tools: Read, Edit, Write, Bash");
    expect(refused).toContain(
      '`mcp_servers: { files: { command: npx, args: [-y, "@modelcontextprotocol/server-filesystem", .] } }`',
    );
    expect(refused).toContain("`tools: { Edit: files/edit_file, Write: files/write_file, Bash: shell/run }`");
    const tools = { edit: "files/edit_file", WRITE: ["files/write_file", "files/create_directory"], Bash: "shell/run" };
    expect(claude("tools: Read, Edit, Write, Bash", { tools }).spec?.tools).toEqual([
      ...["baton/read", "files/edit_file", "files/write_file", "files/create_directory", "shell/run"],
    ]);
  });

  test("the lines are settings that are taken as they stand", () => {
    expect(settingsIn(claude("tools: Edit, Bash, Fancy Tool").refused)).toEqual([
      { mcp_servers: { files: expect.anything() } },
      { mcp_servers: { shell: expect.anything() } },
      { tools: { Edit: "files/edit_file", Bash: "shell/run", "Fancy Tool": "server/tool" } },
    ]);
    expect(settingsIn(claude("tools: mcp__x__y").refused)).toEqual([{ mcp_servers: { x: expect.anything() } }]);
    expect(settingsIn(claude("model: gandalf").refused)).toEqual([{ models: { gandalf: "provider/model" } }]);
  });

  test("what the settings say of a word wins over what it usually means", () => {
    expect(claude("tools: Read", { tools: { Read: "files/read_text_file" } }).spec?.tools).toEqual([
      "files/read_text_file",
    ]);
  });

  test.each([
    ["mcp__github__get_issue", "github/get_issue"],
    ["mcp__github", "github/*"],
    ["mcp__github__*", "github/*"],
    ["github/get_issue", "github/get_issue"],
    ["github/*", "github/*"],
    ["mcp_github_get_issue", "github/get_issue"],
    ["mcp_github_*", "github/*"],
    ["github__get_issue", "github/get_issue"],
    ["github_get_issue", "github/get_issue"],
    ["io.github.somebody/github/get_issue", "github/get_issue"],
    ["GitHub/get_issue", "github/get_issue"],
  ])("%s is a tool of a server of the settings", (word, grant) => {
    expect(claude(`tools: ['${word}']`, { servers: ["other", "github"] }).spec?.tools).toEqual([grant]);
    expect(claude(`tools: ['${word}']`).refused).toMatch(/it asks for .*(mcp_servers|server\/tool)/);
  });

  test("a server that nobody knows is refused with the line that would make it known", () => {
    expect(copilot("tools: ['playwright/*']").refused).toContain(
      "A server `playwright` is made known in baton.yaml: `mcp_servers: { playwright: { command: …, args: […] } }`",
    );
  });

  test("a server that a file itself defines is never started: its definition becomes a line to copy, without its secrets", () => {
    const front =
      "tools: ['db/query']\nmcp-servers:\n  db:\n    command: npx\n    args: [-y, \"@a/db-server\", --token=s3cr3t-value, --api-key, s3cr3t]\n    env: { DB_PASSWORD: hunter2 }";
    const { refused = "" } = copilot(front);
    expect(refused).toContain('`mcp_servers: { db: { command: npx, args: [-y, "@a/db-server", ');
    expect(refused).toContain("env_from: [DB_PASSWORD]");
    expect(refused).not.toMatch(/s3cr3t|hunter2/);
    expect(copilot(front, { servers: ["db"] }).spec?.tools).toEqual(["db/query"]);
    expect(settingsIn(refused)).toEqual([{ mcp_servers: { db: expect.objectContaining({ command: "npx" }) } }]);
  });

  test("servers without tools give all of theirs; beside a list of tools they give what the list names", () => {
    const servers = ["slack", "db"];
    expect(claude("mcpServers: [slack]", { servers }).spec?.tools).toEqual(["slack/*"]);
    expect(claude("mcpServers:\n  - db: { command: x }", { servers }).spec?.tools).toEqual(["db/*"]);
    expect(claude("mcpServers: [slack]\ntools: Read", { servers }).spec?.tools).toEqual(["baton/read"]);
    expect(claude("mcpServers: [linear]").refused).toContain("mcp_servers: { linear: ");
    expect(codex('mcp_servers.docs.url = "https://docs.example.com/mcp"').refused).toContain(
      'mcp_servers: { docs: { url: "https://docs.example.com/mcp" } }',
    );
  });

  test.each([
    copilot("tools: ['*']", { servers: ["db"] }),
    gemini("tools: ['*']", { servers: ["db"] }),
    claude("tools: All tools", { servers: ["db"] }),
  ])("a star is all that is here, and it is told", ({ spec, notes }) => {
    expect(spec?.tools).toEqual(["baton/*", "db/*"]);
    expect(spec?.web_search).toBeUndefined();
    expect(notes.join()).toContain("is all that is here: baton/*, db/*");
  });

  test("what only its host has a use for is left out and told", () => {
    expect(claude("tools: Read, TodoWrite, ExitPlanMode")).toMatchObject({
      spec: { tools: ["baton/read"] },
      notes: ["only Claude Code has a use for TodoWrite, ExitPlanMode"],
    });
    expect(copilot("tools: [codebase, problems, usages, changes]").spec?.tools).toEqual(["baton/grep", "baton/glob"]);
  });

  test("a list in brackets may be a text, and one part of a tool is allowed by a person each time", () => {
    expect(claude("tools: \"['Read', 'Grep']\"").spec?.tools).toEqual(["baton/read", "baton/grep"]);
    const { spec, notes } = claude("tools: Read, Bash(git log:*, git diff:*)", { tools: { Bash: "shell/run" } });
    expect(spec).toMatchObject({ tools: ["baton/read", "shell/run"], approve: ["shell/run"] });
    expect(notes.join()).toContain("`Bash(git log:*, git diff:*)` is allowed in part");
  });

  test("whom it may ask is named in `Agent(…)`, `agents` or x-baton", () => {
    expect(claude("tools: Read, Agent(critic, writer)").spec).toMatchObject({
      consult: ["critic", "writer"],
      tools: ["baton/read"],
    });
    expect(copilot("tools: [read, agent]\nagents: [Planner]").spec).toMatchObject({ consult: ["Planner"] });
    expect(claude("tools: Read, Task").refused).toContain("x-baton: { consult: [critic] }");
    expect(claude("tools: Read, Task\nx-baton: { consult: [critic] }").spec?.consult).toEqual(["critic"]);
    expect(copilot("agents: ['*']").notes.join()).toContain("`agents` would let it ask anybody");
  });

  test("what stands in x-baton takes the place of all that the file says of tools", () => {
    const front =
      "tools: Edit, Bash\ndisallowedTools: Read\nmcpServers: [nowhere]\nx-baton: { tools: [Read, db/query], approve: [db/query] }";
    expect(claude(front, { servers: ["db"] }).spec).toMatchObject({
      tools: ["baton/read", "db/query"],
      approve: ["db/query"],
    });
  });
});

describe("what a person must allow", () => {
  test.each([
    ["one tool of all that it has", "[db/*]", "[db/drop]", ["db/drop"]],
    ["all of a server, of which it has one tool", "[db/query]", "['db/*']", ["db/*"]],
  ])("may be %s", (_, tools, approve, asked) => {
    const { spec, notes } = claude(`x-baton: { tools: ${tools}, approve: ${approve} }`, { servers: ["db"] });
    expect(spec?.approve).toEqual(asked);
    expect(notes).toEqual([]);
  });

  test("is told where it is none of its tools, as a word that was mistyped is", () => {
    const { notes } = claude("x-baton: { tools: [db/drop], approve: [db/dorp] }", { servers: ["db"] });
    expect(notes).toEqual(["nobody is asked for `db/dorp`: it is none of its tools, which are db/drop"]);
  });
});

describe("what a file does not want", () => {
  test("is taken away", () => {
    expect(claude("tools: Read, Grep, Bash\ndisallowedTools: Bash, Grep").spec?.tools).toEqual(["baton/read"]);
    expect(claude("tools: Read, WebSearch, WebFetch\ndisallowedTools: [WebSearch]").spec?.web_search).toBeUndefined();
    expect(opencode("permission: { '*': deny, read: allow }").spec?.tools).toEqual(["baton/read"]);
  });

  test("of one tool among all of a server, the others must be named", () => {
    expect(claude("tools: mcp__db\ndisallowedTools: mcp__db__drop", { servers: ["db"] }).refused).toContain(
      "It may use all of a server but `db/drop`: name those that it may use instead of `*`",
    );
  });

  test("`ask` lets a person allow each use", () => {
    const { spec } = opencode("permission: { read: allow, bash: { '*': ask, 'git *': allow } }", {
      tools: { bash: "shell/run" },
    });
    expect(spec).toMatchObject({ tools: ["baton/read", "shell/run"], approve: ["shell/run"] });
  });

  test.each([
    ["readonly: true", cursor],
    ["permissionMode: plan", claude],
    ["disallowedTools: Write, Edit, Bash", claude],
    ["tools: { write: false, edit: false, bash: false }", opencode],
    ["permission: { edit: deny, bash: deny }", opencode],
    ['sandbox_mode = "read-only"', codex],
  ])("%s: who may only look and names no tools is given those that look", (line, host) => {
    expect(host(line).spec?.tools).toEqual(["baton/read", "baton/list", "baton/glob", "baton/grep"]);
  });

  test("who may only look is not given what changes things, and is no less for it", () => {
    const { spec, notes } = claude("permissionMode: plan\ntools: Read, Edit, Bash");
    expect(spec?.tools).toEqual(["baton/read"]);
    expect(notes).toContain("it may only look, so it is not given Edit, Bash");
  });

  test("who may write and run needs what writes and runs", () => {
    expect(codex('sandbox_mode = "workspace-write"').refused).toContain("it asks for edit, shell, and without that");
    const tools = { edit: "files/edit_file", shell: "shell/run" };
    expect(codex('sandbox_mode = "workspace-write"', { tools }).spec?.tools).toEqual(["files/edit_file", "shell/run"]);
  });
});

describe("a file that names no tools", () => {
  test.each([
    ["Claude Code", claude("color: red")],
    ["Cursor", cursor("model: inherit")],
    ["Codex", codex("")],
    ["Gemini CLI", gemini("kind: local")],
    ["OpenCode", opencode("mode: subagent")],
    ["VS Code and Copilot", copilot("target: vscode")],
  ])("is asked without any, and it is told what %s would do", (host, { spec, notes }) => {
    expect(spec?.tools).toBeUndefined();
    expect(notes.join()).toContain(`it names no tools, with which ${host} would give it all; here it has none`);
  });

  test("says nothing of that where it belongs to no host, or names an empty list", () => {
    expect(known("agents/a.md", markdown("version: 1")).notes).toEqual([]);
    expect(claude("tools: []").notes).toEqual([]);
  });
});

describe("how it is to work", () => {
  test.each([
    ["effort", claude("effort: high"), { effort: "high" }],
    ["Codex's effort", codex('model_reasoning_effort = "minimal"'), { effort: "low" }],
    ["OpenCode's variant", opencode("variant: max"), { effort: "max" }],
    ["OpenCode's model with one", opencode("model: openai/gpt-5#xhigh"), { effort: "xhigh", models: ["openai/gpt-5"] }],
    ["turns", claude("maxTurns: 12"), { max_turns: 12 }],
    ["Gemini's turns", gemini("max_turns: 15"), { max_turns: 15 }],
    ["OpenCode's steps", opencode("steps: '7'"), { max_turns: 7 }],
    ["iterations", known("a.md", markdown("max_iterations: 3")), { max_turns: 3 }],
    ["minutes", gemini("timeout_mins: 2.5"), { call_seconds: 150 }],
    ["temperature", gemini("temperature: 0.2"), { temperature: 0.2 }],
    [
      "what is ours wins",
      claude("maxTurns: 12\neffort: low\nx-baton: { max_turns: 3, effort: max }"),
      { max_turns: 3, effort: "max" },
    ],
  ])("%s", (_, { spec }, expected) => {
    expect(spec).toMatchObject(expected);
  });

  test("what has no meaning here is told in words", () => {
    expect(claude("effort: heroic").notes.join()).toContain("`effort: heroic` is no effort here");
    expect(claude("maxTurns: 1000").notes.join()).toContain("at most 200 turns");
    expect(claude("permissionMode: bypassPermissions").notes.join()).toContain(
      "`permissionMode: bypassPermissions` changes nothing here",
    );
    expect(copilot("handoffs: [{ label: x, agent: y }]").notes.join()).toContain("`handoffs` (buttons of its host");
    expect(codex('approval_policy = "never"').notes.join()).toContain("`approval_policy` (");
  });
});

describe("a file of Codex", () => {
  test("is told what `developer_instructions` say", () => {
    expect(codex("").spec).toMatchObject({ name: "a", description: "d", system: "You do it." });
  });

  test("has a block of ours as a table", () => {
    expect(codex('[x-baton]\ntools = ["baton/read"]\nmax_usd = 0.1').refused).toContain(
      "`x-baton.developer_instructions`",
    );
    const text = 'developer_instructions = "Do."\nname = "b"\n\n[x-baton]\ntools = ["baton/read"]\nmax_usd = 0.1\n';
    expect(known("x/b.toml", text).spec).toMatchObject({
      name: "b",
      system: "Do.",
      tools: ["baton/read"],
      max_usd: 0.1,
    });
  });

  test.each([
    ["a line that is none", 'name = "a"\nname "b"', ":2:"],
    ["a name twice", 'name = "a"\nname = "b"', ":2:1: "],
    ["a text without an end", 'name = "a"\ndescription = "b', ":2:"],
    ["a number for a name", 'description = "x"\nname = 5', ":2:1: `name`: expected string"],
    [
      "a word of ours that is none",
      'name = "a"\n[x-baton]\ntemprature = 1',
      ":3:1: `x-baton.temprature`: there is no such name here; did you mean `temperature`?",
    ],
    ["nothing that it is told", 'name = "a"', ": it has no `developer_instructions`"],
  ])("%s is told with its line and column", (_, text, words) => {
    const reading = readAgentFile(".codex/agents/a.toml", text);
    expect("draft" in reading ? "" : reading.refused).toContain(`.codex/agents/a.toml${words}`);
  });

  test("a file that names no agent is none", () => {
    expect(readAgentFile(".codex/agents/config.toml", "[agents]\nmax_threads = 3")).toMatchObject({ document: true });
  });
});

describe("what is ours", () => {
  test("is strict, and everything in it reaches the agent", () => {
    const own = {
      scratchpad: { read: ["*"], write: ["notes"] },
      memory: { read: ["a/*"], write: [] },
      tool_output_bytes: 1000,
      tool_errors: 2,
      input_schema: { type: "object" },
      output_schema: { type: "object", required: ["x"] },
      guards: { input: [{ secrets: "refuse" }], output: [{ when: "text.size() < 100" }], tools: [] },
      consult: ["critic"],
      call_seconds: 9,
    };
    expect(known("a.md", markdown(`x-baton: ${JSON.stringify(own)}`)).spec).toMatchObject(own);
    expect(known("a.md", markdown("x-baton: { tag: 2.0.1 }")).spec?.tag).toBe("2.0.1");
    expect(known("a.md", markdown("model: sonnet\nx-baton: { model: box/own }")).spec?.models).toEqual(["box/own"]);
  });

  test("a function answers without being told anything", () => {
    const text =
      "---\nname: f\ndescription: d\nx-baton: { function: { does: http, input: { url: 'https://example.com' } } }\n---\n";
    expect(known("f.md", text).spec).toMatchObject({ system: "", function: { does: "http" } });
  });

  test.each([
    ["x-baton: { tool: [a/b] }", "`x-baton.tool`: there is no such name here; did you mean `tools`?"],
    ["x-baton: { guards: { output: [{ when: 'txt == 1' }] } }", "`x-baton.guards`: "],
    ["x-baton: { output_schema: { type: nonsense } }", "`x-baton.output_schema`: this is no usable JSON Schema"],
    ["x-baton: { max_turns: 0 }", "`x-baton.max_turns`: "],
    ["x-baton: { effort: heroic }", "`x-baton.effort`: "],
    ["x-baton: { memory: { reads: [] } }", "`x-baton.memory.reads`: there is no such name here; did you mean `read`?"],
  ])("%s is a mistake, with its place", (line, words) => {
    expect(known("a.md", markdown(line)).refused).toMatch(/^a\.md:4:\d+: /);
    expect(known("a.md", markdown(line)).refused).toContain(words);
  });
});

describe("a word for a model", () => {
  const models = { small: "house/s", medium: "house/m", large: "house/l" };

  test.each([
    ["inherit", [], "house/default"],
    ["openai/gpt-5", [], "openai/gpt-5"],
    ["sonnet", ["anthropic"], "anthropic/claude-sonnet-5"],
    ["haiku", ["anthropic"], "anthropic/claude-haiku-4-5"],
    ["sonnet[1m]", ["anthropic"], "anthropic/claude-sonnet-5"],
    ["sonnet", [], "house/m"],
    ["haiku", ["openai"], "house/s"],
    ["opus", [], "house/l"],
    ["claude-sonnet-4-5-20250929", ["anthropic"], "anthropic/claude-sonnet-4-5-20250929"],
    ["Claude Sonnet 4.5 (copilot)", ["anthropic"], "anthropic/claude-sonnet-4-5"],
    ["GPT-5 (copilot)", ["openai"], "openai/gpt-5"],
    ["GPT-5 mini", [], "house/s"],
    ["gpt-5", [], "house/default"],
    ["gpt-99", ["openai"], "house/default"],
    ["gpt-99-mini", ["openai"], "house/s"],
    ["gemini-2.5-pro", ["gemini"], "gemini/gemini-2.5-pro"],
    ["gemini-3-flash-preview", [], "house/s"],
    ["github-copilot/gpt-5", ["openai"], "openai/gpt-5"],
    ["google/gemini-2.5-pro", ["gemini"], "gemini/gemini-2.5-pro"],
    ["google/gemini-2.5-pro", ["google"], "google/gemini-2.5-pro"],
    ["opencode/claude-opus-4-5", ["anthropic"], "anthropic/claude-opus-4-5"],
    ["fast", [], "house/s"],
    ["grok-code-fast-1", [], "house/s"],
    ["kimi-k2", [], "house/default"],
  ])("%s, where %j can be asked, is %s", (word, open, model) => {
    const { spec, notes } = claude(`model: '${word}'\ntools: []`, { models, open });
    expect(spec?.models).toEqual([model]);
    if (word !== model && word !== "inherit")
      expect(notes).toEqual([expect.stringContaining(`\`${word}\` is ${model} here; \`models: `)]);
  });

  test("is what the setting says, whatever else it might be", () => {
    expect(claude("model: sonnet\ntools: []", { models: { sonnet: "box/mine" }, open: ["anthropic"] })).toMatchObject({
      spec: { models: ["box/mine"] },
      notes: [],
    });
  });

  test("of a list is asked in its order", () => {
    const { spec } = copilot("model: ['Claude Sonnet 4.5 (copilot)', 'GPT-5 (copilot)']", {
      open: ["openai", "anthropic"],
    });
    expect(spec?.models).toEqual(["anthropic/claude-sonnet-4-5", "openai/gpt-5"]);
  });

  test("that is like nothing known is refused, with its place and the line that would give it a meaning", () => {
    expect(claude("model: gandalf").refused).toContain(".claude/agents/a.md:4:1: the model `gandalf` is neither");
  });
});

describe("the version of a file", () => {
  const version = (front: string, house?: House, path = ".claude/agents/a.md") =>
    known(path, markdown(front), house).spec?.version;

  test("is of what its author wrote, wherever it lies and whatever the settings make of it", () => {
    const front = "tools: Read, Edit\nmodel: sonnet";
    const one = version(front, { tools: { Edit: "files/edit_file" } });
    expect(one).toMatch(/^[0-9a-f]{8}$/);
    expect(version(front, { tools: { Edit: "other/write" }, models: { sonnet: "box/mine" } }, "agents/b.md")).toBe(one);
  });

  test.each([
    ["tools", "tools: Read", "tools: Grep"],
    ["what is denied", "tools: Read, Grep\ndisallowedTools: Glob", "tools: Read, Grep"],
    ["effort", "effort: low", "effort: high"],
    ["turns", "maxTurns: 2", "maxTurns: 3"],
    ["servers", "x-baton: { memory: { read: [a] } }", "x-baton: { memory: { read: [b] } }"],
    [
      "guards",
      "x-baton: { guards: { input: [{ secrets: refuse }] } }",
      "x-baton: { guards: { input: [{ secrets: redact }] } }",
    ],
    ["peers", "x-baton: { consult: [a] }", "x-baton: { consult: [b] }"],
    ["posture", "permissionMode: plan\ntools: Read", "permissionMode: default\ntools: Read"],
  ])("changes with %s", (_, one, other) => {
    expect(version(one)).not.toBe(version(other));
  });

  test("does not change with how a list shows it", () => {
    expect(version("color: red")).toBe(version("color: blue"));
  });
});

describe("whose file it is", () => {
  test("is told by its folder, its ending, or fields that one host alone has", () => {
    const note = (path: string, front: string) => known(path, markdown(front)).notes.join();
    expect(note("x/agents/a.md", "color: red")).toContain("Claude Code would give it all");
    expect(note("x/agents/a.md", "is_background: true")).toContain("Cursor would give it all");
    expect(note("x/agents/a.md", "argument-hint: '[a] b'")).toContain("VS Code and Copilot would give it all");
    expect(note("x/a.agent.md", "model: inherit")).toContain("VS Code and Copilot would give it all");
    expect(note("C:\\x\\.GEMINI\\agents\\a.md", "model: inherit")).toContain("Gemini CLI would give it all");
  });
});
