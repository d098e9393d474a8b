import { mkdirSync, mkdtempSync, renameSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Failure } from "../../src/core/errors.ts";
import type { Log } from "../../src/core/log.ts";
import { DEFAULT_LIMITS } from "../../src/core/settings.ts";
import type { Library } from "../../src/core/workflow.ts";
import { patterns } from "../../src/patterns/index.ts";
import { openLibrary } from "../../src/workflows/library.ts";
import { knownAgents } from "../../src/workflows/world.ts";

let root: string;
let names: string[];
let logged: string[];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "baton-library-"));
  names = ["writer", "critic"];
  logged = [];
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(path: string, text: string): string {
  const whole = join(root, path);
  mkdirSync(dirname(whole), { recursive: true });
  writeFileSync(whole, text);
  return whole;
}

const log: Log = {
  debug: () => undefined,
  info: (_, message) => void logged.push(`info ${message}`),
  warn: (_, message) => void logged.push(`warn ${message}`),
  error: (_, message) => void logged.push(`error ${message}`),
};

const open = (): Library =>
  openLibrary({
    folders: [join(root, "workflows"), join(root, "more")],
    patterns,
    limits: DEFAULT_LIMITS,
    agents: () => knownAgents(new Map(names.map((name) => [name, undefined]))),
    log,
  });

function failure(act: () => unknown): Failure {
  try {
    act();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("nothing failed");
}

const card = (library: Library, name: string) => library.list().find((one) => one.name === name);
const flow = (task: string, agent = "writer") =>
  `description: It writes.\nnodes:\n  a: {template: x}\n  b: {agent: ${agent}, task: "${task} {{ nodes.a.output }}", on_error: human}\n`;

describe("saved workflows", () => {
  test("are the YAML and JSON files of the folders, under their own names or those of their files", () => {
    write("workflows/summary.yaml", flow("one"));
    write("workflows/deep/other.yml", `name: renamed\n${flow("two")}`);
    write("more/third.json", JSON.stringify({ description: "d", nodes: { a: { template: "x" } } }));
    write("workflows/readme.md", "# no workflow");
    write("workflows/.hidden/secret.yaml", flow("no"));
    const library = open();
    expect(library.list().map(({ name, refused }) => [name, refused])).toEqual([
      ["renamed", undefined],
      ["summary", undefined],
      ["third", undefined],
    ]);
    expect(library.has("renamed")).toBe(true);
    expect(library.has("other")).toBe(false);
  });

  test("are pinned with all that they name, and a version of their content", () => {
    write(
      "workflows/team.yaml",
      `
description: A team
inputs: {topic: {type: string}, words: {type: integer, default: 100}}
nodes:
  a: {agent: {agent: writer, instructions: Short.}, task: "{{ inputs.topic }} {{ inputs.words }}", fallback: [critic]}
  b: {pattern: fan_out, with: {task: "{{ nodes.a.output }}", agents: [critic, openai/gpt-5], aggregator: writer}}
  c: {workflow: summary}
`,
    );
    const path = write("workflows/summary.yaml", flow("one"));
    const library = open();
    const { version, ...pinned } = library.pin("team");
    expect(pinned).toMatchObject({
      name: "team",
      description: "A team",
      subject: "topic",
      agents: [{ agent: "writer", instructions: "Short." }, "critic", "openai/gpt-5", "writer"],
      workflows: ["summary"],
      definition: { name: "team" },
    });
    const before = library.pin("summary").version;
    expect(before).toMatch(/^[0-9a-f]{8}$/);
    writeFileSync(path, `# a remark changes nothing\n${flow("one")}`);
    expect(library.pin("summary").version).toBe(before);
    writeFileSync(path, flow("two"));
    expect(library.pin("summary").version).not.toBe(before);
    expect(library.pin("team").version).toBe(version);
  });

  test("tell their inputs as a JSON Schema and the events that start them", () => {
    write(
      "workflows/paid.yaml",
      "on: [{type: order.paid, where: '= event.data.amount > 5'}]\ninputs: {who: {type: string}, note: {type: string, required: false}}\nnodes: {a: {template: '{{ inputs.event.data.id }} {{ inputs.who }}'}}",
    );
    expect(card(open(), "paid")).toMatchObject({
      on: [{ type: "order.paid", where: "event.data.amount > 5" }],
      inputs: {
        type: "object",
        properties: { who: { type: "string" }, note: { type: "string" }, event: { type: "object" } },
        required: ["who"],
        additionalProperties: false,
      },
    });
  });

  test("that nobody has are told with the nearest names", () => {
    expect(failure(() => open().pin("x")).options.hint).toContain("There are none");
    write("workflows/summary.yaml", flow("one"));
    expect(failure(() => open().pin("sumary"))).toMatchObject({
      code: "UNKNOWN_WORKFLOW",
      message: 'There is no workflow "sumary"; did you mean "summary"?',
    });
  });

  test("carry what a careful reader would change", () => {
    write("workflows/quiet.yaml", "inputs:\n  x: {type: string}\nnodes:\n  a: {template: y}\n");
    write("workflows/writer.yaml", flow("one"));
    const library = open();
    expect(card(library, "quiet")?.warnings).toEqual([
      "1:1: it has no `description`, so that nobody can tell when to choose it",
      "2:3: `inputs.x`: the input `x` is read by nobody; put it in where it counts, as `{{ inputs.x }}`, or take it out",
    ]);
    expect(card(library, "writer")?.warnings).toEqual([
      "1:1: `name`: an agent is called `writer` too, and it is asked wherever both could be meant; give the workflow another name",
    ]);
  });
});

describe("a change on disk", () => {
  test("is seen the next time anybody asks: a new file, another text, a file that is gone", () => {
    const library = open();
    expect(library.list()).toEqual([]);
    const path = write("workflows/summary.yaml", flow("one"));
    expect(library.has("summary")).toBe(true);
    const { definition } = library.pin("summary");
    writeFileSync(path, flow("two"));
    expect(library.pin("summary").definition).not.toEqual(definition);
    renameSync(path, join(root, "workflows/other.yaml"));
    expect(library.list().map(({ name }) => name)).toEqual(["other"]);
    unlinkSync(join(root, "workflows/other.yaml"));
    expect(library.list()).toEqual([]);
  });

  test("that breaks a file is told with line and column, and the workflow stays what it last was", () => {
    const path = write("workflows/summary.yaml", flow("one"));
    const library = open();
    const before = library.pin("summary");
    writeFileSync(path, flow("two").replace("nodes.a", "nodes.aa"));
    const problem = `${path}:4:28: \`nodes.b.task\`: there is no node \`aa\`; did you mean \`nodes.a\`?`;
    expect(library.pin("summary")).toEqual(before);
    expect(card(library, "summary")).toMatchObject({
      version: before.version,
      warnings: [`its file has a mistake, so that it is still what it last was: ${problem}`],
    });
    expect(card(library, "summary")?.refused).toBeUndefined();
    expect(logged).toEqual([`warn ${problem}`]);
    writeFileSync(path, flow("three"));
    expect(card(library, "summary")?.warnings).toEqual([]);
    expect(library.pin("summary").version).not.toBe(before.version);
  });

  test("to a text that is no YAML leaves the workflow as it was, too", () => {
    const path = write("workflows/summary.yaml", flow("one"));
    const library = open();
    const before = library.pin("summary");
    writeFileSync(path, "nodes:\n\ta: 1");
    expect(library.pin("summary")).toEqual(before);
    expect(logged).toEqual([`warn ${path}:2:1: a tab is used to indent: use spaces`]);
  });
});

describe("a workflow that cannot be played", () => {
  test("is refused with the place of each mistake, and keeps its events and inputs", () => {
    const path = write("workflows/bad.yaml", `on: [{type: t}]\n${flow("one", "writr")}`);
    const library = open();
    expect(failure(() => library.pin("bad"))).toMatchObject({
      code: "INVALID_WORKFLOW",
      message: `The workflow "bad" cannot be used: ${path}:5:14: \`nodes.b.agent\`: there is no agent \`writr\`; did you mean \`writer\`?`,
    });
    expect(card(library, "bad")).toMatchObject({
      description: "It writes.",
      on: [{ type: "t" }],
      refused: expect.stringContaining(":5:14:"),
    });
    expect(card(library, "bad")?.version).toBeUndefined();
    expect(logged).toHaveLength(1);
  });

  test("can be as soon as the agent is there that it names", () => {
    write("workflows/late.yaml", flow("one", "poet"));
    const library = open();
    expect(card(library, "late")?.refused).toContain("there is no agent `poet`");
    names.push("poet");
    expect(library.pin("late").agents).toEqual(["poet"]);
    names.pop();
    expect(failure(() => library.pin("late")).code).toBe("INVALID_WORKFLOW");
  });

  test("is one whose name another has, and one whose name is none", () => {
    const first = write("workflows/a/same.yaml", flow("one"));
    const second = write("workflows/b/same.yaml", flow("two"));
    const third = write("workflows/My Flow.yaml", flow("three"));
    const library = open();
    expect(library.list().map(({ refused }) => refused)).toEqual([
      `${third}:1:1: the name of its file, \`My Flow\`, is no workflow's; give it a \`name\` of small letters, digits, - and _`,
      undefined,
      `${second}: the name \`same\` is taken by ${first}`,
    ]);
    expect(JSON.stringify(library.pin("same").definition)).toContain("one");
  });

  test("is one that plays itself by way of others, and each is told", () => {
    write("workflows/a.yaml", "nodes: {x: {workflow: b}}");
    write("workflows/b.yaml", "nodes: {x: {agent: c, task: x}}");
    write("workflows/c.yaml", "inputs: {task: {type: string}}\nnodes: {x: {workflow: a}}");
    expect(
      open()
        .list()
        .map(({ refused }) => /plays itself: (.*);/.exec(refused ?? "")?.[1]),
    ).toEqual(["a → b → c → a", "b → c → a → b", "c → a → b → c"]);
  });
});
