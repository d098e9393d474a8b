import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readYaml } from "../../src/core/yaml-text.ts";
import type { Node } from "../../src/workflows/definition.ts";
import { graphOf } from "../../src/workflows/graph.ts";
import { compilePart, partsOf, VARIABLES, variablesOf } from "../../src/workflows/references.ts";

const nodesOf = (yaml: string) => readYaml(yaml).value as Record<string, Node>;
const followed = (nodes: Record<string, Node>) => Object.fromEntries(graphOf(nodes).before);

describe("whom a node follows", () => {
  test("those it names, those it reads, and the switch that names it", () => {
    const nodes = nodesOf(`
      draft: { template: x }
      facts: { value: "1" }
      fork: { switch: { cases: [{ when: nodes.draft.output == 'x', then: [good] }], else: [bad, good] } }
      good: { agent: writer, task: "Use {{ nodes.facts.output }} and {{ nodes.draft.output }}" }
      bad: { template: no, after: [facts] }
    `);
    expect(followed(nodes)).toEqual({
      draft: [],
      facts: [],
      fork: ["draft"],
      good: ["facts", "draft", "fork"],
      bad: ["facts", "fork"],
    });
    expect(Object.fromEntries(graphOf(nodes).chosenBy)).toEqual({
      good: [{ switch: "fork", cases: [0, -1] }],
      bad: [{ switch: "fork", cases: [-1] }],
    });
    expect(graphOf(nodes).sinks).toEqual(["good", "bad"]);
  });

  test.each([
    ["a condition", { template: "x", when: "nodes.a.status == 'failed'" }],
    ["an expression in a text", { pattern: "debate", with: { deep: ["no", { er: "= nodes.a.output" }] } }],
    ["an input of a workflow", { workflow: "w", inputs: { x: "{{ nodes.a.output | upcase }}" } }],
    ["a request", { http: { url: "https://x.y/", headers: { "X-A": "{{ nodes.a.output }}" } } }],
    ["a request's body", { http: { url: "https://x.y/", body: { a: ["{{ nodes.a.output }}"] } } }],
    ["a step back", { http: { url: "u" }, effect: true, compensate: { http: { url: "{{ nodes.a.output }}" } } }],
    ["what is written", { template: "x", writes: { k: "nodes.a.output + output" } }],
    ["a wait", { wait: { approval: "Is {{ nodes.a.output }} right?" } }],
    ["a pause", { wait: { seconds: "nodes.a.output * 2" } }],
    ["an awaited event", { wait: { event: { type: "t", correlation_id: "{{ nodes.a.output }}" } } }],
    ["a file", { file: "notes/{{ nodes.a.output }}.md" }],
    ["a command", { control: { run: "{{ nodes.a.output }}", action: "cancel" as const } }],
    ["a list to map over", { map: { over: "nodes.a.output", nodes: { in: { template: "x" } } } }],
    ["a node inside", { map: { over: "[1]", nodes: { inner: { template: "{{ nodes.a.output }}" } } } }],
    [
      "a node deep inside",
      { race: { nodes: { r: { loop: { nodes: { l: { value: "nodes.a.output" } }, until: "true", max_rounds: 2 } } } } },
    ],
    [
      "the end of a loop",
      { loop: { nodes: { l: { value: "1" } }, until: "nodes.a.output == nodes.l.output", max_rounds: 2 } },
    ],
  ] satisfies [string, Node][])("%s that reads a node", (_, node) => {
    expect(followed({ b: node, a: { value: "1" } })).toEqual({ b: ["a"], a: [] });
  });

  test("a node inside a block is read there, not around it", () => {
    const inside: Node = {
      map: { over: "[1]", nodes: { x: { value: "item" }, y: { value: "nodes.x.output" } }, output: "nodes.y.output" },
    };
    expect(followed({ block: inside })).toEqual({ block: [] });
  });

  test("what an event must be is asked of the event alone", () => {
    expect(followed({ w: { wait: { event: { type: "t", where: "event.data.nodes == 1" } } } })).toEqual({ w: [] });
  });
});

describe("a part", () => {
  test("is compiled over the variables where it stands", () => {
    const node: Node = { agent: "writer", task: "= inputs.topic", writes: { k: "output.x" } };
    const [task, write] = partsOf(node);
    expect(compilePart(task!, VARIABLES)).toMatchObject({ text: "inputs.topic", paths: [["inputs", "topic"]] });
    expect(() => compilePart(write!, VARIABLES)).toThrow("output");
    expect(compilePart(write!, variablesOf(write!, node, VARIABLES)).paths).toEqual([["output", "x"]]);
  });

  test("in a prompt marks what it puts in as data, but for what the caller gave", () => {
    const [task] = partsOf({ agent: "writer", task: "{{ inputs.a }} {{ nodes.n.output }}" });
    const template = compilePart(task!, VARIABLES);
    if (!("render" in template)) throw new Error("no template");
    const told = template.render({ inputs: { a: "as it is" }, nodes: { n: { output: "say no" } }, state: {} });
    expect(told).toMatch(/^as it is \n<data-\w+ name="nodes.n.output">\nsay no\n/);
  });
});

/** Nodes 0..n, each after some before it, in a written order of its own. */
const acyclic = fc
  .integer({ min: 1, max: 40 })
  .chain((n) =>
    fc.tuple(
      fc.tuple(...Array.from({ length: n }, (_, i) => fc.uniqueArray(fc.nat(Math.max(0, i - 1)), { maxLength: i }))),
      fc.shuffledSubarray([...Array(n).keys()], { minLength: n }),
    ),
  );

const built = (after: readonly (readonly number[])[], written: readonly number[]): Record<string, Node> =>
  Object.fromEntries(written.map((i) => [`n${i}`, { template: "x", after: (after[i] ?? []).map((one) => `n${one}`) }]));

describe("the order", () => {
  test("puts every node after all that it follows, whatever the graph, and knows all ancestors", () => {
    fc.assert(
      fc.property(acyclic, ([after, written]) => {
        const nodes = built(after, written);
        const graph = graphOf(nodes);
        expect(graph.cycle).toBeUndefined();
        expect([...graph.order].sort()).toEqual(Object.keys(nodes).sort());
        const far = new Map<string, Set<string>>();
        for (const name of graph.order) {
          const near = graph.before.get(name) ?? [];
          far.set(name, new Set([...near, ...near.flatMap((one) => [...(far.get(one) ?? ["not yet"])])]));
          expect(graph.ancestors(name)).toEqual(far.get(name));
        }
      }),
    );
  });

  test("is the written one where that will do", () => {
    fc.assert(
      fc.property(acyclic, ([after]) => {
        const nodes = built(after, [...after.keys()]);
        expect(graphOf(nodes).order).toEqual(Object.keys(nodes));
      }),
    );
  });

  test("does not exist where somebody is put after his own follower, and the way around is told", () => {
    fc.assert(
      fc.property(acyclic, fc.nat(), fc.nat(), ([after, written], one, other) => {
        const nodes = built(after, written);
        const names = graphOf(nodes).order;
        const last = names[one % names.length]!;
        const first = [last, ...graphOf(nodes).ancestors(last)][other % (graphOf(nodes).ancestors(last).size + 1)]!;
        const again = { ...nodes, [first]: { ...nodes[first], after: [...(nodes[first]?.after ?? []), last] } };
        const { cycle = [], before } = graphOf(again);
        expect(cycle.length).toBeGreaterThan(1);
        expect(cycle[0]).toBe(cycle.at(-1));
        for (const [i, name] of cycle.slice(1).entries()) expect(before.get(name)).toContain(cycle[i]);
      }),
    );
  });

  test("of two thousand nodes in one chain is no trouble", () => {
    const nodes = Object.fromEntries(
      [...Array(2000).keys()]
        .reverse()
        .map((i) => [`n${i}`, { value: i ? `nodes.n${i - 1}.output + 1` : "0" } as Node]),
    );
    const graph = graphOf(nodes);
    expect(graph.order.slice(0, 3)).toEqual(["n0", "n1", "n2"]);
    expect(graph.precedes("n0", "n1999")).toBe(true);
    expect(graph.precedes("n1999", "n0")).toBe(false);
    expect(graph.ancestors("n1999").size).toBe(1999);
  });
});
