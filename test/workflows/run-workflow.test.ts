import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { Failure } from "../../src/core/errors.ts";
import { DEFAULT_LIMITS } from "../../src/core/settings.ts";
import type { PinnedWorkflow } from "../../src/core/workflow.ts";
import { patterns } from "../../src/patterns/index.ts";
import { makeRunWorkflow } from "../../src/workflows/run-workflow.ts";
import { byModel } from "../patterns/stand.ts";
import { openStage } from "./stand.ts";

const runWorkflow = makeRunWorkflow(patterns);

/** What the tool says to an input before anything starts. */
function refusal(input: object): Failure {
  try {
    runWorkflow.check?.(runWorkflow.input.parse(input), DEFAULT_LIMITS);
  } catch (error) {
    return error as Failure;
  }
  throw new Error("it was taken");
}

const TEXT = `
inputs:
  task: { type: string }
nodes:
  draft: { agent: oa/a, task: "Write: {{ inputs.task }}" }
  edit: { agent: oa/b, task: "Edit {{ nodes.draft.output }}" }
`;

describe("run_workflow", () => {
  test("costs a client under 250 tokens, without what all tools have", () => {
    const { name, description, input } = runWorkflow;
    const menu = { name, description, inputSchema: z.toJSONSchema(input, { io: "input" }) };
    expect(encode(JSON.stringify(menu)).length).toBeLessThan(250);
  });

  test("takes a definition as YAML, as JSON and as an object", async () => {
    await using stage = await openStage({ script: byModel({ a: { text: "A" }, b: { text: "B" } }) });
    const object = {
      inputs: { task: { type: "string" } },
      nodes: { draft: { agent: "oa/a", task: "Write: {{ inputs.task }}" } },
    };
    expect((await stage.graph(TEXT, { task: "Say it." })).output).toBe("B");
    expect((await stage.graph(JSON.stringify(object), { task: "Say it." })).output).toBe("A");
    expect((await stage.graph(object, { inputs: { task: "Say it." } })).output).toBe("A");
    expect(stage.asked("a")).toEqual(["Write: Say it.", "Write: Say it.", "Write: Say it."]);
  });

  test("says where a definition is wrong, with line and column, and the right spelling", () => {
    const failure = refusal({ definition: TEXT.replace("nodes.draft.output", "nodes.darft.output"), task: "t" });
    expect(failure).toMatchObject({ code: "INVALID_WORKFLOW" });
    expect(failure.message).toMatch(/- 6:\d+: .*darft.*did you mean `nodes\.draft`/);
  });

  test.each([
    ["neither name nor definition", {}, "INVALID_INPUT", "either `name` or `definition`"],
    ["both", { name: "x", definition: TEXT }, "INVALID_INPUT", "either `name` or `definition`"],
    ["no YAML", { definition: "nodes: [" }, "INVALID_WORKFLOW", "1:"],
    ["a missing input", { definition: TEXT }, "INVALID_INPUT", "`task` is missing"],
    [
      "an unknown input",
      { definition: TEXT, inputs: { tsak: "t" } },
      "INVALID_INPUT",
      "there is no input `tsak`; did you mean `task`?",
    ],
    ["an input twice", { definition: TEXT, task: "a", inputs: { task: "b" } }, "INVALID_INPUT", "both are given"],
    [
      "a task where there is no place for it",
      { definition: { nodes: { a: { value: "1" } } }, task: "t" },
      "INVALID_INPUT",
      "takes no `task`",
    ],
    [
      "an unknown pattern",
      { definition: { nodes: { a: { pattern: "debaet", with: {} } } } },
      "INVALID_WORKFLOW",
      "debate",
    ],
  ])("refuses %s", (_, input, code, words) => {
    const failure = refusal(input);
    expect(failure.code).toBe(code);
    expect(failure.message).toContain(words);
  });

  test("refuses an unknown agent before the run exists", async () => {
    await using stage = await openStage();
    const start = stage.start("run_workflow", { definition: { nodes: { a: { agent: "nobody", task: "t" } } } });
    await expect(start).rejects.toMatchObject({ code: "UNKNOWN_AGENT" });
  });

  test("names everybody whom its nodes may ask, however deep, and the workflows they play", () => {
    const input = runWorkflow.input.parse({
      definition: {
        nodes: {
          one: { agent: "writer", task: "t", fallback: ["editor"] },
          two: {
            map: {
              over: "[1]",
              nodes: { deep: { pattern: "run_agent", with: { agent: "critic", task: "{{ item }}" } } },
            },
          },
          three: { pattern: "consensus_vote", with: { question: "q", voters: ["a", "b"], options: "= ['x', 'y']" } },
          four: { workflow: "review", inputs: {} },
        },
      },
    });
    expect(runWorkflow.agents(input)).toEqual(expect.arrayContaining(["writer", "editor", "critic", "a", "b"]));
    expect(runWorkflow.workflows?.(input)).toEqual(["review"]);
  });
});

describe("its outline", () => {
  const outline = (definition: object, inputs: object = {}, pinned?: (name: string) => PinnedWorkflow | undefined) =>
    runWorkflow.outline?.(runWorkflow.input.parse({ definition, inputs }), DEFAULT_LIMITS, pinned)?.steps ?? [];

  test("has a step for each node, in the order of play, with what is known of its prompt", () => {
    const steps = outline(
      {
        inputs: { topic: { type: "string" } },
        nodes: {
          b: { agent: "editor", task: "Edit {{ nodes.a.output }}", fallback: ["writer"], budget: { usd: 0.1 } },
          a: { agent: "writer", task: "On {{ inputs.topic }}", instructions: "Be brief." },
          c: { wait: { approval: "{{ nodes.b.output }}" } },
        },
      },
      { topic: "batons" },
    );
    expect(steps).toMatchObject([
      {
        name: "a",
        kind: "call",
        agent: { agent: "writer", instructions: "Be brief." },
        bytes: 9,
        reads: [],
        after: [],
      },
      {
        name: "b",
        kind: "call",
        agent: "editor",
        bytes: 5,
        reads: ["a"],
        after: ["a"],
        fallback: ["writer"],
        budget: { usd: 0.1 },
      },
      { name: "c", kind: "wait", after: ["b"] },
    ]);
  });

  test("plays a loop once and at the most as often as it may, and a map as often as its list is long", () => {
    const nodes = { x: { agent: "writer", task: "t" } };
    const steps = outline(
      {
        inputs: { list: { type: "array" } },
        nodes: {
          loop: { loop: { nodes, until: "nodes.x.output == ''", max_rounds: 4 } },
          known: { map: { over: "inputs.list", nodes } },
          later: { map: { over: "nodes.known.output", nodes } },
        },
      },
      { list: [1, 2, 3] },
    );
    expect(steps).toMatchObject([
      { name: "loop", least: 1, most: 4, inner: { steps: [{ name: "x", agent: "writer" }] } },
      { name: "known", least: 3, most: 3, parallel: true },
      { name: "later", least: 5, most: 32, parallel: true },
    ]);
  });

  test("thinks of what only a play can tell as being as long as a typical answer", () => {
    const [, block] = outline({
      nodes: {
        first: { agent: "writer", task: "1234" },
        all: {
          map: { over: "[1]", nodes: { x: { agent: "writer", task: "{{ item }}{{ nodes.first.output }}1234" } } },
        },
      },
    });
    expect(block?.inner?.steps).toMatchObject([{ name: "x", bytes: 2 * 2400 + 4, reads: [] }]);
  });

  test("takes the first case of a switch for what is likely", () => {
    const steps = outline(
      {
        inputs: { n: { type: "integer" } },
        nodes: {
          fork: { switch: JSON.parse('{"cases": [{"when": "inputs.n > 1", "then": ["yes"]}], "else": ["no"]}') },
          yes: { agent: "writer", task: "t" },
          no: { agent: "writer", task: "t" },
          below: { agent: "writer", task: "{{ nodes.no.output }}" },
        },
      },
      { n: 1 },
    );
    expect(steps.map(({ name, least, most }) => [name, least, most])).toEqual([
      ...[
        ["fork", 1, 1],
        ["yes", 1, 1],
        ["no", 0, 1],
        ["below", 0, 1],
      ],
    ]);
  });

  test("looks into patterns and saved workflows, and no deeper than they may stand inside each other", () => {
    const definition = {
      nodes: {
        self: { workflow: "endless" },
        vote: { pattern: "consensus_vote", with: { question: "q", voters: ["a", "b"] } },
      },
    };
    const pinned = { name: "endless", version: "1", description: "", definition, agents: [], workflows: [] };
    const [self, vote] = outline(definition, {}, () => pinned);
    expect(vote?.inner?.steps.map(({ agent }) => agent)).toEqual(expect.arrayContaining(["a", "b"]));
    expect(self?.inner?.steps[0]?.inner?.steps[0]).toMatchObject({ name: "self", kind: "run" });
    expect(self?.inner?.steps[0]?.inner?.steps[0]?.inner).toBeUndefined();
  });
});

test("its advice is what a careful reader would change in the graph", () => {
  const advice = (definition: object) => runWorkflow.advice?.(runWorkflow.input.parse({ definition }), () => undefined);
  expect(advice({ nodes: { a: { agent: "writer", task: "t" } } })?.join()).toMatch(/one agent/i);
  expect(runWorkflow.advice?.(runWorkflow.input.parse({ name: "saved" }), () => undefined)).toEqual([]);
});
