import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RunContext } from "../../src/core/pattern.ts";
import { runAgent } from "../../src/patterns/run-agent.ts";
import { compileWorkflow } from "../../src/workflows/compile.ts";
import type { Definition } from "../../src/workflows/definition.ts";
import type { Outcome } from "../../src/workflows/play/scene.ts";
import { contribution, stateOf, together } from "../../src/workflows/state.ts";

const KEYS: NonNullable<Definition["state"]> = {
  found: { type: "array", merge: "append", default: [] },
  names: { type: "array", merge: "union" },
  total: { type: "number", merge: "sum", default: 100 },
  best: { type: "number", merge: "max" },
  least: { type: "number", merge: "min" },
  facts: { type: "object", merge: "merge", required: ["a", "b"] },
  last: { type: "number" },
};

describe("the state", () => {
  it("begins with the defaults, and is null where nobody has written", () => {
    expect(stateOf(KEYS, Object.keys(KEYS), {}, [])).toEqual({
      ...{ found: [], names: null, total: 100, best: null, least: null, facts: null, last: null },
    });
  });

  it("joins what is written as each key says", () => {
    const writes = [
      { found: ["x"], names: ["a", "b"], total: 1, best: 2, least: 2, facts: { a: 1, b: 1 }, last: 1 },
      { found: ["x"], names: ["b", "c"], total: 2, best: 1, least: 1, facts: { b: 2 }, last: 2 },
    ];
    expect(stateOf(KEYS, Object.keys(KEYS), {}, writes)).toEqual({
      ...{ found: ["x", "x"], names: ["a", "b", "c"], total: 103, best: 2, least: 1, facts: { a: 1, b: 2 }, last: 2 },
    });
  });

  it("takes one item for a list of one where a list grows", () => {
    expect(contribution("found", KEYS["found"] ?? {}, "x")).toEqual(["x"]);
    expect(contribution("found", KEYS["found"] ?? {}, ["x", "y"])).toEqual(["x", "y"]);
  });

  it("lets an object be completed by others, and refuses what fits no key", () => {
    expect(contribution("facts", KEYS["facts"] ?? {}, { a: 1 })).toEqual({ a: 1 });
    for (const [key, value] of [
      ["facts", [1]],
      ["total", "1"],
      ["last", "1"],
    ] as const)
      expect(() => contribution(key, KEYS[key] ?? {}, value)).toThrow(`state.${key} does not fit`);
  });

  const Writes = fc.record(
    {
      found: fc.array(fc.nat(9), { maxLength: 3 }),
      names: fc.array(fc.nat(9), { maxLength: 3 }),
      total: fc.nat(9),
      best: fc.nat(9),
      least: fc.nat(9),
      facts: fc.dictionary(fc.constantFrom("a", "b", "__proto__"), fc.nat(9)),
      last: fc.nat(9),
    },
    { requiredKeys: [] },
  );

  it("is the same whether contributions come one by one or some of them as one", () => {
    fc.assert(
      fc.property(fc.array(Writes, { maxLength: 6 }), fc.nat(6), fc.nat(6), (writes, a, b) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        const some = together(KEYS, writes.slice(from, to));
        const joined = stateOf(KEYS, Object.keys(KEYS), {}, [...writes.slice(0, from), some, ...writes.slice(to)]);
        expect(joined).toEqual(stateOf(KEYS, Object.keys(KEYS), {}, writes));
      }),
    );
  });
});

/** Nodes that add up what they see and pass on more; each follows some of those before it. */
const Graph = fc
  .array(fc.array(fc.nat(), { maxLength: 3 }), { minLength: 1, maxLength: 9 })
  .map((draws) => draws.map((draw, i) => [...new Set(i === 0 ? [] : draw.map((n) => n % i))]));

const definitionOf = (graph: readonly (readonly number[])[]): Definition => ({
  state: {
    total: { type: "number", merge: "sum" },
    seen: { type: "array", merge: "append" },
    last: { type: "number" },
  },
  nodes: Object.fromEntries(
    graph.map((after, i) => [
      `n${i}`,
      {
        value: "{'total': state.total, 'seen': state.seen, 'last': state.last}",
        after: after.map((other) => `n${other}`),
        writes: { total: String(2 ** i), seen: `[${i}]`, last: String(i) },
      },
    ]),
  ),
});

/** What every node gave, where those that may begin do so in an order that somebody else has drawn. */
async function played(definition: Definition, order: readonly number[]): Promise<Record<string, Outcome>> {
  const company = { patterns: new Map(), workflow: runAgent, find: () => undefined, trusted: [], tag: () => "w@1" };
  const { graph } = compileWorkflow(definition, company);
  const scene = { values: { inputs: {} }, nodes: {}, state: {}, again: false, isTop: false };
  const ended: (Outcome | undefined)[] = [];
  const names: Record<string, Outcome> = {};
  for (let turn = 0; Object.keys(names).length < graph.nodes.length; turn++) {
    const ready = graph.nodes.flatMap(({ after }, i) =>
      ended[i] === undefined && after.every((other) => ended[other]) ? [i] : [],
    );
    const at = ready[(order[turn] ?? 0) % ready.length] ?? 0;
    const node = graph.nodes[at];
    const before = (node?.after ?? []).flatMap((other) => ended[other] ?? []);
    const outcome = await node?.play({} as RunContext, scene, before);
    if (!node || !outcome) throw new Error("nobody is ready");
    ended[at] = outcome;
    names[node.name] = outcome;
  }
  return names;
}

describe("what a node sees of the state", () => {
  it("is what its ancestors have written, each counted once, whoever was faster", async () => {
    await fc.assert(
      fc.asyncProperty(Graph, fc.array(fc.nat(), { maxLength: 9 }), async (graph, order) => {
        const outcomes = await played(definitionOf(graph), order);
        for (const [i] of graph.entries()) {
          const ancestors = [...ancestorsOf(graph, i)].sort((a, b) => a - b);
          const output = outcomes[`n${i}`]?.output as {
            total: number | null;
            seen: number[] | null;
            last: number | null;
          };
          expect(output.total ?? 0).toBe(ancestors.reduce((sum, other) => sum + 2 ** other, 0));
          expect([...(output.seen ?? [])].sort((a, b) => a - b)).toEqual(ancestors);
          const nobodyLater = ancestors.filter((one) => !ancestors.some((other) => ancestorsOf(graph, other).has(one)));
          if (ancestors.length > 0) expect(nobodyLater).toContain(output.last);
        }
        expect(outcomes).toEqual(await played(definitionOf(graph), []));
      }),
      { numRuns: 60 },
    );
  });
});

function ancestorsOf(graph: readonly (readonly number[])[], node: number): Set<number> {
  const direct = graph[node] ?? [];
  return new Set([...direct, ...direct.flatMap((other) => [...ancestorsOf(graph, other)])]);
}
