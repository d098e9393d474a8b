/** One file of a corpus: where it lies, what is in it, and how it was made odd. */
export interface Specimen {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly quirk: string;
}

type Front = Readonly<Record<string, unknown>>;

/** A dialect as its files are written in the wild: where they lie, and which lines they choose from. */
interface Host {
  readonly name: string;
  readonly path: (name: string) => string;
  readonly lines: readonly (readonly string[])[];
}

const HOSTS: readonly Host[] = [
  {
    name: "claude",
    path: (name) => `.claude/agents/${name}.md`,
    lines: [
      ["tools: Read, Grep, Glob", "tools: Read, Write, Edit, Bash", "tools: '*'", "tools: mcp__github__get_issue", ""],
      ["model: sonnet", "model: opus", "model: haiku", "model: inherit", "model: claude-sonnet-4-5-20250929", ""],
      ["color: cyan", "color: '#ff00ff'", "color: 5", ""],
      ["permissionMode: plan", "permissionMode: bypassPermissions", "maxTurns: 12", "memory: project", ""],
      [
        "disallowedTools: Write, Edit",
        "skills: [pdf]",
        "mcpServers: [github]",
        "isolation: worktree",
        "effort: high",
        "",
      ],
    ],
  },
  {
    name: "copilot",
    path: (name) => `.github/agents/${name}.agent.md`,
    lines: [
      [
        "tools: ['codebase', 'search', 'usages']",
        "tools: [read, edit, execute]",
        "tools: ['github/*']",
        "tools: ['*']",
        "",
      ],
      ["model: GPT-5 (copilot)", "model: ['Claude Sonnet 4.5', 'GPT-4.1']", "model: Auto", ""],
      ["argument-hint: [topic] what to do", "user-invocable: false", "infer: true", "target: vscode", ""],
      [
        "handoffs:\n  - label: Go\n    agent: coder\n    prompt: Now.\n    send: false",
        "agents: ['*']",
        "mcp-servers: { x: { type: local, command: node, tools: ['*'] } }",
        "",
      ],
    ],
  },
  {
    name: "cursor",
    path: (name) => `.cursor/agents/${name}.md`,
    lines: [
      ["model: fast", "model: inherit", "model: composer-1", ""],
      ["readonly: true", "readonly: false", "readonly: 'yes'", ""],
      ["is_background: true", ""],
    ],
  },
  {
    name: "gemini",
    path: (name) => `.gemini/agents/${name}.md`,
    lines: [
      ["kind: local", "kind: remote\nagent_card_url: https://example.com/card", ""],
      [
        "tools:\n  - read_file\n  - grep_search",
        "tools: ['*']",
        "tools: [run_shell_command]",
        "tools: ['mcp_github_*']",
        "",
      ],
      ["temperature: 0.3", "temperature: 9", ""],
      ["max_turns: 20", "max_turns: many", ""],
      ["timeout_mins: 5", ""],
    ],
  },
  {
    name: "opencode",
    path: (name) => `.opencode/agent/${name}.md`,
    lines: [
      ["mode: subagent", "mode: primary", ""],
      ["model: anthropic/claude-sonnet-4-5", "model: openai/gpt-5#high", "model: opencode/kimi-k2", ""],
      [
        "permission: { edit: deny, bash: deny }",
        "permission:\n  bash:\n    '*': ask\n    git status: allow",
        "tools: { write: false, bash: true }",
        "permissions: [{ action: edit, resource: '*', effect: deny }]",
        "",
      ],
      ["disable: true", "hidden: true", "steps: 5", "variant: low", "top_p: 0.5", ""],
    ],
  },
  {
    name: "codex",
    path: (name) => `.codex/agents/${name}.toml`,
    lines: [
      ['model = "gpt-5.3-codex"', 'model = "o3"', ""],
      ['model_reasoning_effort = "high"', 'model_reasoning_effort = "none"', ""],
      ['sandbox_mode = "read-only"', 'sandbox_mode = "workspace-write"', ""],
      ['web_search = "live"', "web_search = true", 'nickname_candidates = ["Ada", "Bo"]', ""],
      [
        '[mcp_servers.docs]\ncommand = "npx"\nargs = ["-y", "docs"]',
        "[[skills.config]]\npath = 'x'\nenabled = false",
        "[x-baton]\nmax_usd = 0.2",
        "[x-baton]\nmaxusd = 1",
        "",
      ],
    ],
  },
];

const NAMES = [
  "reviewer",
  "Code Reviewer",
  "审查员",
  "é́tude",
  "a.b",
  "with space ",
  "🎓 tutor",
  "x".repeat(120),
  "a/b",
  "me@home",
  "__proto__",
  "constructor",
  "null",
  "5",
];
const TEXTS = [
  "Reads code.",
  'Use when: the user asks. <example>user: "hi"</example>',
  "",
  "Does {{ task }} for $(whoami).",
  "process.env.SECRET",
  "Line one\\nLine two",
  "`rm -rf` # not a comment",
  "- not a list",
  "{{ secrets.TOKEN }}",
];

/** What is done to a good file, each in the way in which files come to be odd. */
const QUIRKS: Readonly<Record<string, (text: string, canary: string) => string | Uint8Array>> = {
  none: (text) => text,
  "line ends of Windows": (text) => text.replaceAll("\n", "\r\n"),
  "line ends of old Macs": (text) => text.replaceAll("\n", "\r"),
  "byte order mark": (text) => `\uFEFF${text}`,
  "tabs to indent": (text) => text.replace(/\n(\w[\w-]*): /, "\n\t$1: ").replaceAll("\n  ", "\n\t"),
  "tabs after colons": (text) => text.replaceAll(/: (?=\w)/g, ":\t"),
  "a field twice": (text) => text.replace(/^(description\b.*)$/m, "$1\n$1"),
  "an anchor and an alias": (text) => text.replace(/^description: .*$/m, "base: &base { x: 1 }\ndescription: *base"),
  "a merge key": (text) => text.replace(/^description: .*$/m, "base: &b { color: red }\n<<: *b"),
  "an alias that grows": (text) => text.replace(/^description: .*$/m, "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]"),
  "code for front matter": (_, canary) =>
    `---js\n{ name: require("node:fs").writeFileSync(${JSON.stringify(canary)}, "ran") }\n---\nBody.`,
  "code for front matter in JSON": (_, canary) => `---json\n{"name": "x", "run": "touch ${canary}"}\n---\nBody.`,
  "a tag that makes a function": (text, canary) =>
    text.replace(
      /^description\b.*$/m,
      `description: !!js/function 'function () { require("node:fs").writeFileSync(${JSON.stringify(canary)}, "") }'`,
    ),
  "a tag that makes an object": (text) =>
    text.replace(/^description\b.*$/m, "description: !!python/object/apply:os.system ['true']"),
  "a command in a value": (text, canary) =>
    text.replace(
      /^description\b(: | = ).*$/m,
      (_, is: string) =>
        `description${is}"$(touch ${canary}) \`touch ${canary}\` {{ constructor.constructor('globalThis.wasRun = 1')() }}"`,
    ),
  "no end of the front matter": (text) => text.replace(/\n---\n/, "\n"),
  "no front matter": (text) => text.replace(/^---\n[\s\S]*?\n---\n/, ""),
  "dots at its end": (text) => text.replace(/\n---\n/, "\n...\n"),
  "no name": (text) => text.replace(/^name\b.*\n/m, ""),
  "no description": (text) => text.replace(/^description\b.*\n/m, ""),
  "names in capitals": (text) => text.replace(/^name\b/m, "Name").replace(/^description\b/m, "DESCRIPTION"),
  "an unknown field": (text) =>
    text.replace(/^(description\b.*)$/m, (line) =>
      line.includes(" = ") ? `${line}\nfrobnicate = { a = 1 }` : `${line}\nfrobnicate: { a: 1 }`,
    ),
  "a long body": (text) => `${text}${"All work and no play. ".repeat(9000)}`,
  "no body": (text) => text.replace(/(\n---\n)[\s\S]*$/, "$1"),
  empty: () => "",
  "dashes alone": () => "---\n---\n",
  "white space": () => " \n\t\n",
  "cut off": (text) => text.slice(0, Math.floor(text.length / 3)),
  "a zero byte": (text) => text.replace("\n", "\n\0"),
  "no text at all": () => Uint8Array.from({ length: 600 }, (_, i) => (i * 73) % 256),
  "Latin-1": (text) => Buffer.from(`${text}\nna\xEFve`, "latin1"),
  "UTF-16": (text) => Buffer.from(text, "utf16le"),
  "half a surrogate": (text) => text.replace(/^(description\b(?:: | = ))"?.*$/m, '$1"\\ud83d"'),
  "deep brackets": (text) =>
    text.replace(/^description\b(: | = ).*$/m, (_, is: string) => `description${is}${"[".repeat(5000)}`),
  "deep lists": (text) => text.replace(/^description\b.*$/m, `description:\n${"- ".repeat(500)}x`),
  "two documents": (text) => text.replace(/^description\b.*$/m, "description: a\n--- \nb: c"),
  "a list for all": (text) => text.replace(/^---\n[\s\S]*?\n---\n/, "---\n- name: a\n---\n"),
  "keys of JavaScript's own": (text) =>
    text.replace(
      /^description\b(: | = ).*$/m,
      (line, is: string) => `${line}\n__proto__${is}"x"\nconstructor${is}"y"\ntoString${is}"z"`,
    ),
};

/** Chance that is the same every time. */
function dice(seed: number): (sides: number) => number {
  let state = seed >>> 0;
  return (sides) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
}

const pick = <T>(roll: (sides: number) => number, list: readonly T[]): T => {
  const chosen = list[roll(list.length)];
  if (chosen === undefined) throw new Error("nothing to pick from");
  return chosen;
};

/** Files of six hosts, each quirk on each of them several times; the same for the same seed. `canary` is a file that their code would write. */
export function corpus(seed: number, canary: string, rounds = 2): Specimen[] {
  const roll = dice(seed);
  let count = 0;
  return Array.from({ length: rounds }, () => HOSTS)
    .flat()
    .flatMap((host) =>
      Object.entries(QUIRKS).map(([quirk, spoil]) => {
        const text = host.name === "codex" ? tomlOf(roll, host) : markdownOf(roll, host);
        const made = spoil(text, canary);
        return {
          path: host.path(`file-${++count}`),
          quirk,
          bytes: typeof made === "string" ? Buffer.from(made) : made,
        };
      }),
    );
}

function frontOf(roll: (sides: number) => number): Front {
  return { name: pick(roll, NAMES), description: pick(roll, TEXTS) };
}

function markdownOf(roll: (sides: number) => number, { lines }: Host): string {
  const { name, description } = frontOf(roll);
  const quotes = roll(2) === 0 ? (text: unknown) => JSON.stringify(text) : String;
  const chosen = lines.flatMap((some) => pick(roll, some) || []);
  const body = `You ${pick(roll, TEXTS)}\n\n---\n\n\`\`\`js\nprocess.exit(1)\n\`\`\`\n`;
  return ["---", `name: ${quotes(name)}`, `description: ${quotes(description)}`, ...chosen, "---", body].join("\n");
}

function tomlOf(roll: (sides: number) => number, { lines }: Host): string {
  const { name, description } = frontOf(roll);
  const chosen = lines.flatMap((some) => pick(roll, some) || []);
  const text = `developer_instructions = """\nYou do it.\n[not.a.table]\nx = 1\n"""`;
  return [`name = ${JSON.stringify(name)}`, `description = ${JSON.stringify(description)}`, text, ...chosen, ""].join(
    "\n",
  );
}
