import { describe, expect, test } from "vitest";
import { misfit } from "../../src/core/shape.ts";
import { readYaml } from "../../src/core/yaml-text.ts";
import { KINDS } from "../../src/workflows/definition.ts";
import { told } from "../../src/workflows/problems.ts";
import { readWorkflow } from "../../src/workflows/read.ts";
import { workflowSchema } from "../../src/workflows/schema.ts";
import { worldOf } from "./world.ts";

const wrong = (yaml: string): string | undefined => misfit(readYaml(yaml).value, workflowSchema());

describe("the schema of workflows", () => {
  test("has an example that fits it and can be played as it stands", () => {
    const { examples } = workflowSchema() as { examples: unknown[] };
    expect(examples).toHaveLength(1);
    expect(misfit(examples[0], workflowSchema())).toBeUndefined();
    expect(readWorkflow(examples[0], worldOf()).problems.map(told)).toEqual([]);
  });

  test("tells every kind of node and every variable", () => {
    const { description } = workflowSchema();
    for (const kind of Object.keys(KINDS)) expect(description).toContain(kind);
    for (const word of ["inputs.", "nodes.", "state.", "item", "index", "round", "last.", "output"])
      expect(description).toContain(word);
  });

  test.each([
    ["two kinds", "nodes: {a: {template: x, value: '1'}}"],
    ["no kind", "nodes: {a: {description: x}}"],
    ["no nodes", "nodes: {}"],
    ["an agent without a task", "nodes: {a: {agent: writer}}"],
    ["a word of another kind", "nodes: {a: {template: x, fallback: [writer]}}"],
    ["an effect of a text", "nodes: {a: {template: x, effect: true}}"],
    ["a wait for two things", "nodes: {a: {wait: {approval: x, seconds: 5}}}"],
    [
      "a loop without a bound, inside a map",
      "nodes: {m: {map: {over: '[1]', nodes: {l: {loop: {nodes: {x: {template: x}}, until: 'true'}}}}}}",
    ],
    ["a word that there is not", "nodes: {a: {tmplate: x}}"],
  ])("refuses %s", (_, yaml) => {
    expect(wrong(yaml)).toBeDefined();
  });

  test.each([
    ["a text", "nodes: {a: {template: x}}"],
    [
      "blocks in blocks",
      "nodes: {m: {map: {over: '[1]', nodes: {l: {loop: {nodes: {x: {template: x}}, until: 'true', max_rounds: 2}}}}}}",
    ],
    ["a request with an effect", "nodes: {a: {http: {url: x}, effect: true, compensate: {http: {url: y}}}}"],
    ["a wait", "nodes: {a: {wait: {answer: x, within_seconds: 5, default: y}}}"],
  ])("accepts %s", (_, yaml) => {
    expect(wrong(yaml)).toBeUndefined();
  });

  test("is small enough for a model to read", () => {
    expect(JSON.stringify(workflowSchema()).length).toBeLessThan(16_000);
  });
});
