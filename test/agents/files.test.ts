import { describe, expect, test } from "vitest";
import { type FileReading, readAgentFile } from "../../src/agents/files/agent-file.ts";
import type { Draft } from "../../src/agents/files/draft.ts";

const file = (front: string, body = "You do it.", path = "agents/doer.md"): FileReading =>
  readAgentFile(path, `---\n${front}\n---\n${body}`);

function draft(reading: FileReading): Draft {
  if (!("draft" in reading)) throw new Error(reading.refused);
  return reading.draft;
}

function refusal(reading: FileReading): string {
  if ("draft" in reading) throw new Error("it was taken");
  return reading.refused;
}

describe("a file that is an agent", () => {
  test("its fields and its body are the agent", () => {
    const reading = file(
      "name: Code Reviewer\ndescription: Reads code.\nmodel: openai/gpt-5\nfallbacks: [small, anthropic/claude-haiku-4-5]",
    );
    expect(draft(reading)).toMatchObject({
      name: "Code Reviewer",
      description: "Reads code.",
      system: "You do it.",
      models: ["openai/gpt-5", "small", "anthropic/claude-haiku-4-5"],
      source: "agents/doer.md",
    });
  });

  test("without a name it has the file's, and without a model it inherits one", () => {
    expect(draft(file("description: x"))).toMatchObject({ name: "doer", models: ["inherit"] });
    expect(draft(file("description: x", "y", "a/helper.agent.md")).name).toBe("helper");
  });

  test("a byte order mark, line ends of Windows, of old Macs, and spaces after the dashes do no harm", () => {
    const text = "\uFEFF--- \r\nname: win\r\ndescription: a\r\n---\t\r\nLine one.\r\nLine two.\r\n";
    expect(draft(readAgentFile("x.md", text))).toMatchObject({ name: "win", system: "Line one.\nLine two." });
    expect(draft(readAgentFile("x.md", "---\rname: mac\r---\rBody.")).name).toBe("mac");
  });

  test("a rule of three dashes in the body belongs to the body", () => {
    expect(draft(file("name: a", "One.\n---\nTwo.")).system).toBe("One.\n---\nTwo.");
  });

  test("a description in one unquoted line may hold colons, as other hosts allow", () => {
    const said = 'Use this when: the user asks. Examples:\\n\\n<example>user: "hi" # there</example>';
    const reading = file(`name: a\ndescription: ${said}\nmodel: inherit`);
    expect(draft(reading).description).toBe(said);
    expect(draft(reading).models).toEqual(["inherit"]);
  });

  test("what is our own stands under x-baton", () => {
    const own =
      "x-baton:\n  max_output_tokens: 500\n  temperature: 0.2\n  cache: { ttl: 60 }\n  max_usd: 0.1\n  concurrency: 2\n  call_seconds: 30\n  retry: { attempts: 2 }";
    expect(draft(file(`name: a\n${own}`))).toMatchObject({
      max_output_tokens: 500,
      temperature: 0.2,
      cache: { ttl: 60 },
      max_usd: 0.1,
      concurrency: 2,
      call_seconds: 30,
      retry: { attempts: 2 },
    });
  });

  test("names that other hosts know are left alone and told", () => {
    const reading = file("name: a\ndescription: b\ncolor: red\nargument-hint: x\ncolour: blue\ndescripton: c");
    expect(reading).toMatchObject({
      notes: [
        "not read here: `color` (how a list shows it), `argument-hint` (a hint for whoever types)",
        "in no format that is read: `colour` (is `color` meant?), `descripton` (is `description` meant?)",
      ],
    });
  });

  test.each(["tools: []", "tools:", "tools: ''", "tools: { bash: false }", "mcp-servers: {}"])(
    "%s asks for nothing",
    (line) => {
      expect(draft(file(`name: a\n${line}`)).name).toBe("a");
    },
  );

  test("names may be of any language, in one form", () => {
    expect(draft(file("name: Pru\u0308fer 審査 🎓")).name).toBe("Prüfer 審査 🎓".normalize("NFC"));
  });
});

describe("an agent that would be crippled", () => {
  test.each([
    ["skills: [pdf]", "skills (pdf)", "Put what they say into its body"],
    ["skills: { config: [{ path: x }] }", "skills (config)", "remove this line"],
    ["hooks: { PreToolUse: [{ command: rm }] }", "hooks (PreToolUse)", "x-baton: { guards: … }"],
    ["memory: project", "memory (project)", "x-baton: { memory: { read: [notes*], write: [notes*] } }"],
    ["extensions: [{ type: builtin, name: developer }]", "extensions", "x-baton: { tools: [server/tool] }"],
  ])("%s is refused with the reason and the way out", (line, words, way) => {
    const said = refusal(file(`name: a\ndescription: Good at it.\n${line}`));
    expect(said).toContain("agents/doer.md:4:1: it asks for");
    expect(said).toContain(words);
    expect(said).toContain(way);
    expect(file(`name: a\ndescription: Good at it.\n${line}`)).toMatchObject({ name: "a", description: "Good at it." });
  });

  test.each([
    "skills: []",
    "skills: { config: [{ path: x, enabled: false }] }",
    "hooks:",
    "memory: none",
    "memory: project\nx-baton: { memory: { write: ['notes*'] } }",
    "hooks: { PreToolUse: [{ command: rm }] }\nx-baton: { guards: { output: [{ secrets: refuse }] } }",
    "extensions: [{ type: builtin, name: developer }]\nx-baton: { tools: baton/read }",
  ])("%s is not", (lines) => {
    expect(draft(file(`name: a\n${lines}`)).name).toBe("a");
  });

  test("one that its author has switched off is refused", () => {
    expect(refusal(file("name: a\ndisable: true"))).toContain("agents/doer.md:3:1: its author has switched it off");
    expect(draft(file("name: a\ndisable: false")).name).toBe("a");
  });

  test("one that wants a copy of the tree to change is refused; one that changes nothing has no need of it", () => {
    expect(refusal(file("name: a\nisolation: worktree\ntools: Read, Edit"))).toContain(
      "agents/doer.md:3:1: it wants worktree of its own to work in with Edit",
    );
    expect(draft(file("name: a\nisolation: worktree\ntools: Read")).tools).toEqual(["Read"]);
  });

  test("one that lives on another server is refused", () => {
    expect(refusal(file("name: a\nkind: remote"))).toContain("agents/doer.md:3:1: it lives on another server");
  });
});

describe("a broken file says what and where", () => {
  test.each([
    ["a name twice", "name: a\nname: b", "3:1: this name stands here twice"],
    ["an alias", "name: &n a\ndescription: *n", "3:14: aliases such as *n are not read here"],
    ["a list for a name", "? [a]\n: b", "2:3: a name must be a plain word"],
    ["a tab", "name: a\nx-baton:\n\ttemperature: 1", "4:1: a tab is used to indent"],
    ["a tag that would make code", "name: !!js/function 'function () {}'", "2:7: Unresolved tag"],
    ["a number for a name", "name: 5", "2:7: `name`: expected string, but this is number"],
    [
      "a map for a description",
      "name: a\ndescription: { a: b }",
      "3:14: `description`: expected string, but this is object",
    ],
    ["a list for all", "- a", "2:1: expected fields such as `name: reviewer`, but this is none"],
    [
      "a word of ours that is none",
      "x-baton:\n  temprature: 1",
      "3:3: `x-baton.temprature`: there is no such name here; did you mean `temperature`?",
    ],
    [
      "a value of ours out of bounds",
      "x-baton: { temperature: 9 }",
      "2:25: `x-baton.temperature`: expected number to be <=2",
    ],
    ["a path for a name", "name: a/b", "2:7: `name`: a name has"],
    ["a version in a name", "name: a@2", "2:7: `name`: a name has"],
    ["a name that breaks the line", 'name: "a\\nb"', "2:7: `name`: a name has"],
    ["an empty name", "name: ''", "2:7: `name`: a name has"],
    ["a name of JavaScript's own", "name: __proto__", "2:7: `name`: a name has"],
    ["a name without end", `name: ${"a".repeat(101)}`, "2:7: `name`: a name has"],
  ])("%s", (_, front, words) => {
    expect(refusal(file(front))).toContain(`agents/doer.md:${words}`);
  });

  test("without a name that can be read it is known by its file's", () => {
    expect(file("name: a/b")).toMatchObject({ name: "doer" });
    expect(file("name: a\nname: b")).toMatchObject({ name: "doer" });
  });

  test("it is known by its own name where that can be read", () => {
    expect(file("name: critic\ndescription: d\nx-baton: 5")).toMatchObject({ name: "critic", description: "d" });
  });

  test("front matter in another language is never read, and its code never run", () => {
    const text = '---js\n{ name: (globalThis.wasRun = true, "evil") }\n---\nBody.';
    expect(refusal(readAgentFile("evil.md", text))).toContain("evil.md:1:4: front matter is YAML");
    expect(globalThis).not.toHaveProperty("wasRun");
  });

  test("front matter without an end, none at all, and no body", () => {
    expect(refusal(readAgentFile("x.md", "---\nname: a\nYou do it."))).toContain(
      "x.md:1:1: its front matter has no end",
    );
    expect(refusal(readAgentFile("x.md", "You do it."))).toContain("x.md:1:1: it has no front matter");
    expect(refusal(readAgentFile("x.md", ""))).toContain("x.md:1:1: it has no front matter");
    expect(refusal(file("name: a", "  \n "))).toContain("nothing stands below its front matter");
  });

  test("a text that lies among agents and never meant to be one is told apart", () => {
    expect(readAgentFile("agents/README.md", "# Our agents")).toMatchObject({ document: true });
    expect(readAgentFile("agents/readme.md", "# Our agents")).not.toHaveProperty("document");
  });

  test("whatever a file holds, reading it ends in words", () => {
    for (const text of [
      "---\n\0\n---\n",
      "---\n? [a]\n: b\n---\nx",
      "---\n%YAML 9\n---\nx",
      "---\n- - - - x\n---\nx",
      `---\na: ${"[".repeat(90_000)}\n---\nx`,
    ]) {
      expect(() => readAgentFile("x.md", text)).not.toThrow();
    }
  });
});
