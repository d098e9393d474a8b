import { describe, expect, test } from "vitest";
import { byModel } from "../patterns/stand.ts";
import { openReceiver } from "./receiver.ts";
import { openStage } from "./stand.ts";

const down = { status: 400, body: { error: { message: "no", type: "invalid_request_error" } } };
const ask = (model: string, task = "t") => ({ agent: `oa/${model}`, task });

describe("a node that fails", () => {
  test("fails the workflow, which says where; what was done before it is kept", async () => {
    await using stage = await openStage({
      script: byModel({ a: { text: "AAA" }, b: down, c: { text: "C", latency_ms: 9000 } }),
    });
    const run = await stage.graph({
      nodes: {
        one: ask("a"),
        slow: ask("c"),
        two: { ...ask("b"), after: ["one"] },
        three: { ...ask("a"), after: ["two"] },
      },
    });
    expect(run).toMatchObject({ status: "failed", error: { code: "BAD_REQUEST", step: "map/2/two" } });
    expect(run.error?.message).toMatch(/^node "two": /);
    expect(run.output).toMatchObject({ partial: [{ step: "map/0/one", output: "AAA" }] });
    expect(stage.asked("a")).toHaveLength(1);
  });

  test("asks the next agent of its fallback, within the budget of the node", async () => {
    await using stage = await openStage({ script: byModel({ a: down, b: down, c: { text: "CCC" } }) });
    const node = { ...ask("a"), fallback: ["oa/b", "oa/c"] };
    expect((await stage.graph({ nodes: { one: node } })).output).toBe("CCC");
    const short = await stage.graph({ nodes: { one: { ...node, budget: { calls: 2 } } } });
    expect(short).toMatchObject({ status: "failed", error: { code: "BUDGET_EXCEEDED", scope: "step" } });
  });

  test("is gone on without where it says skip, and those after it read why", async () => {
    await using stage = await openStage({ script: byModel({ a: down }) });
    const run = await stage.graph({
      nodes: { one: { ...ask("a"), on_error: "skip" }, two: { value: "nodes.one", after: ["one"] } },
    });
    expect(run).toMatchObject({
      status: "succeeded",
      output: { status: "failed", output: null, error: { code: "BAD_REQUEST" } },
    });
    expect(run.degraded).toEqual([expect.stringMatching(/^went on without node "one": .* \(BAD_REQUEST\)$/)]);
  });

  test.each([
    ["a value of theirs takes its place", "answered", "mine", { status: "succeeded", output: "mine!" }],
    ["they let it go", "approved", undefined, { status: "succeeded", output: "null!" }],
    ["they give it up", "rejected", undefined, { status: "failed", error: { code: "REJECTED" } }],
  ] as const)("is shown to a person where it says human: %s", async (_, how, value, end) => {
    await using stage = await openStage({ script: byModel({ a: down }) });
    const run = await stage.graph({
      nodes: {
        one: { ...ask("a"), on_error: "human" },
        two: { value: "(nodes.one.output == null ? 'null' : nodes.one.output) + '!'" },
      },
    });
    expect(run.status).toBe("waiting");
    const [wait] = (await stage.store.progress(run.id)).waiting;
    expect(wait).toMatchObject({
      place: "map/0/one-decision",
      show: { node: "one", problem: expect.stringContaining("node") },
    });
    expect(await stage.decide(run.id, how, value)).toMatchObject(end);
  });

  test("for want of the run's money is no node's affair: no `on_error` swallows it", async () => {
    await using stage = await openStage({ script: byModel({ a: { text: "AAA" } }) });
    const nodes = {
      one: ask("a"),
      two: { ...ask("a", "{{ nodes.one.output }}"), on_error: "skip" },
      three: { value: "nodes.two.status" },
    };
    const run = await stage.graph({ nodes }, {}, { budget: { calls: 1 } });
    expect(run).toMatchObject({ status: "failed", error: { code: "BUDGET_EXCEEDED", scope: "run" } });
    const partial = await stage.graph({ nodes }, {}, { budget: { calls: 1 }, on_budget: "partial" });
    expect(partial).toMatchObject({ status: "succeeded", output: { partial: [{ output: "AAA" }] } });
  });

  test("for want of time is told so, whatever it is", async () => {
    await using stage = await openStage({ script: byModel({ a: { text: "A", latency_ms: 9000 } }) });
    const inner = { x: ask("a") };
    for (const node of [
      ask("a"),
      { map: { over: "[1]", nodes: inner } },
      { loop: { nodes: inner, until: "true", max_rounds: 1 } },
      { pattern: "run_agent", with: { agent: "oa/a", task: "t" } },
    ]) {
      const run = await stage.graph({ nodes: { one: { ...node, timeout_seconds: 0.05 } } });
      expect(run, JSON.stringify(node)).toMatchObject({ status: "failed", error: { code: "TIMEOUT" } });
    }
  });

  test("for want of its own budget is told so, and may be gone on without", async () => {
    await using stage = await openStage({ script: byModel({ a: { text: "A" } }) });
    const budget = { calls: 2 };
    const map = { over: "[1, 2, 3]", nodes: { x: ask("a", "{{ item }}") } };
    const run = await stage.graph({
      nodes: { all: { map, budget, on_error: "skip" }, then_: { value: "nodes.all.status" } },
    });
    expect(run).toMatchObject({ status: "succeeded", output: "failed" });
    expect(stage.asked("a")).toHaveLength(2);
  });
});

describe("what was done to the world", () => {
  const order = (host: string, what: string, more: object = {}) => ({
    http: { method: "POST", url: `http://${host}/${what}`, body: { n: 1 } },
    effect: true,
    compensate: { http: { method: "DELETE", url: `http://${host}/${what}/{{ output.id }}` } },
    ...more,
  });
  const answer = (asked: string, n: number) =>
    asked.includes("fail") ? { status: 409, json: "no" } : { json: { id: n } };

  test("is taken back in reverse order where the workflow fails after it, and the failure says so", async () => {
    await using other = await openReceiver(answer);
    await using stage = await openStage({ settings: { hosts: [other.host] } });
    const run = await stage.graph({
      nodes: {
        hotel: order(other.host, "hotel"),
        flight: order(other.host, "flight", { after: ["hotel"] }),
        plain: { value: "1", after: ["flight"] },
        car: order(other.host, "fail", { after: ["plain"] }),
      },
    });
    expect(run).toMatchObject({ status: "failed", error: { code: "BAD_REQUEST" } });
    expect(run.error?.message).toMatch(/^node "car": .*; undone: flight, hotel$/);
    expect(run.error?.hint).toContain("control_run retry");
    expect(other.asked).toEqual([
      ...['POST /hotel {"n":1}', 'POST /flight {"n":1}', 'POST /fail {"n":1}'],
      ...["DELETE /flight/2", "DELETE /hotel/1"],
    ]);
    expect(new Set(other.keys).size).toBe(5);
    expect(await stage.places(run.id)).toEqual(expect.arrayContaining(["undo-flight", "undo-hotel"]));
  });

  test("is not cut off where a node beside it fails: it ends, and is then taken back", async () => {
    await using other = await openReceiver(answer);
    const script = byModel({ a: { ...down, latency_ms: 30 }, b: { text: "B", latency_ms: 9000 } });
    await using stage = await openStage({ settings: { hosts: [other.host] }, script });
    const slow = {
      map: {
        over: "['hotel']",
        nodes: { pause: { wait: { seconds: 0.2 } }, book: order(other.host, "{{ item }}", { after: ["pause"] }) },
      },
    };
    const run = await stage.start("run_workflow", {
      definition: { nodes: { bad: ask("a"), slow, idle: ask("b"), late: { ...ask("b"), after: ["slow"] } } },
    });
    const end = await stage.becomes(run.id, "failed");
    expect(end.error?.message).toMatch(/^node "bad": .*; undone: book$/);
    expect(other.asked).toEqual(['POST /hotel {"n":1}', "DELETE /hotel/1"]);
    expect(stage.asked("b")).toHaveLength(1);
  });

  test.each([
    ["a race", (node: object) => ({ race: { nodes: { x: node, y: { value: "1" } } } })],
    ["a limit of time around it", (node: object) => ({ map: { over: "[1]", nodes: { x: node } }, timeout_seconds: 5 })],
  ])("does not go with %s, which could cut it off", async (_, around) => {
    await using stage = await openStage();
    const start = stage.start("run_workflow", { definition: { nodes: { block: around(order("localhost", "x")) } } });
    await expect(start).rejects.toMatchObject({
      code: "INVALID_WORKFLOW",
      message: expect.stringContaining("cut off"),
    });
  });

  test.each([
    ["its own write does not fit", (node: object) => ({ ...node, writes: { n: "output" } })],
    [
      "the condition of its loop cannot be told",
      (node: object) => ({ loop: { nodes: { x: node }, until: "nodes.x.output.nothing", max_rounds: 2 } }),
    ],
    [
      "the output of its loop cannot be told",
      (node: object) => ({
        loop: { nodes: { x: node }, until: "true", max_rounds: 2, output: "nodes.x.output.nothing" },
      }),
    ],
    [
      "the output of its map cannot be told",
      (node: object) => ({ map: { over: "[1]", nodes: { x: node }, output: "nodes.x.output.nothing" } }),
    ],
  ])("is taken back as well where %s", async (_, around) => {
    await using other = await openReceiver(answer);
    await using stage = await openStage({ settings: { hosts: [other.host] } });
    const graph = { state: { n: { type: "string" } }, nodes: { one: around(order(other.host, "hotel")) } };
    expect((await stage.graph(graph)).error?.message).toMatch(/; undone: (one|x)$/);
    expect(other.asked).toEqual(['POST /hotel {"n":1}', "DELETE /hotel/1"]);
  });

  test("is taken back where the output of the workflow cannot be told", async () => {
    await using other = await openReceiver(answer);
    await using stage = await openStage({ settings: { hosts: [other.host] } });
    const graph = { nodes: { one: order(other.host, "hotel") }, output: "= nodes.one.output.nothing" };
    expect((await stage.graph(graph)).error?.message).toMatch(/; undone: one$/);
  });

  test("inside maps, loops and nested nodes is taken back as well, each once", async () => {
    await using other = await openReceiver(answer);
    await using stage = await openStage({ settings: { hosts: [other.host] } });
    const loop = { nodes: { book: order(other.host, "loop") }, until: "round == 2", max_rounds: 3 };
    const run = await stage.graph({
      nodes: {
        many: {
          map: {
            over: "['x', 'y']",
            nodes: { each: order(other.host, "map-{{ item }}"), more: { value: "nodes.each.output.id" } },
          },
        },
        again: { loop, after: ["many"] },
        bad: order(other.host, "fail", { after: ["again"] }),
      },
    });
    expect(run.error?.message).toMatch(/; undone: book, book, each, each$/);
    const undone = other.asked.filter((asked) => asked.startsWith("DELETE"));
    expect(undone.map((asked) => asked.replace(/\d+$/, ""))).toEqual([
      ...["DELETE /loop/", "DELETE /loop/", "DELETE /map-y/", "DELETE /map-x/"],
    ]);
    expect(new Set(undone).size).toBe(4);
  });

  test("by items that succeeded is taken back where another item fails, also if the map is gone on without", async () => {
    await using other = await openReceiver(answer);
    await using stage = await openStage({ settings: { hosts: [other.host] } });
    const nodes = { each: order(other.host, "{{ item }}") };
    const run = await stage.graph({
      nodes: {
        many: { map: { over: "['x', 'y', 'fail']", nodes, min_succeeded: 3 }, on_error: "skip" },
        end: { value: "nodes.many.status" },
      },
    });
    expect(run).toMatchObject({ status: "succeeded", output: "failed" });
    expect(other.asked.filter((asked) => asked.startsWith("DELETE")).map((asked) => asked.slice(0, 9))).toEqual([
      "DELETE /y",
      "DELETE /x",
    ]);
  });

  test("that cannot be taken back is named, and the rest is taken back all the same", async () => {
    await using other = await openReceiver((asked, n) =>
      asked.includes("DELETE /two") ? { status: 404 } : answer(asked, n),
    );
    await using stage = await openStage({ settings: { hosts: [other.host] } });
    const run = await stage.graph({
      nodes: {
        one: order(other.host, "one"),
        two: order(other.host, "two"),
        bad: order(other.host, "fail", { after: ["one", "two"] }),
      },
    });
    expect(run.error?.message).toMatch(/; undone: one; could not be undone: two \(BAD_REQUEST\)$/);
  });

  test("stays where the run is out of money, or nothing fails", async () => {
    await using other = await openReceiver(answer);
    await using stage = await openStage({ settings: { hosts: [other.host] }, script: byModel({ a: { text: "A" } }) });
    const nodes = { one: order(other.host, "one"), two: { ...ask("a"), after: ["one"] } };
    expect((await stage.graph({ nodes })).status).toBe("succeeded");
    const poor = await stage.graph({ nodes }, {}, { budget: { calls: 0 } });
    expect(poor).toMatchObject({ status: "failed", error: { code: "BUDGET_EXCEEDED" } });
    expect(poor.error?.message).not.toContain("undone");
    expect(other.asked).toEqual(['POST /one {"n":1}', 'POST /one {"n":1}']);
  });

  test("is asked once where it may not be repeated, and again where it only reads", async () => {
    await using other = await openReceiver((_, n) => (n % 2 === 1 ? { status: 503 } : { json: { id: n } }));
    await using stage = await openStage({ settings: { hosts: [other.host] } });
    const url = `http://${other.host}/x`;
    expect((await stage.graph({ nodes: { one: { http: { method: "POST", url } } } })).error?.code).toBe("OVERLOADED");
    expect(other.asked).toHaveLength(1);
    expect((await stage.graph({ nodes: { one: { http: { url } } } })).output).toEqual({ id: 2 });
    expect((await stage.graph({ nodes: { one: { http: { method: "PUT", url } } } })).output).toEqual({ id: 4 });
    expect(other.keys.slice(2)).toEqual([expect.any(String), other.keys[2]]);
  });

  test("goes to no host that the settings do not name", async () => {
    await using other = await openReceiver();
    await using stage = await openStage();
    const run = await stage.graph({ nodes: { one: { http: { url: `http://${other.host}/x` } } } });
    expect(run).toMatchObject({ status: "failed", error: { code: "FORBIDDEN" } });
    expect(other.asked).toEqual([]);
  });
});

describe("a workflow that is tried again", () => {
  test("goes on from the node that failed: what is done is not asked again", async () => {
    const script = byModel({ a: { text: "AAA" }, b: [down, { text: "BBB" }], c: { text: "CCC" } });
    await using stage = await openStage({ script });
    const run = await stage.graph({
      nodes: { one: ask("a"), two: ask("b", "{{ nodes.one.output }}"), three: ask("c", "{{ nodes.two.output }}") },
    });
    expect(run.status).toBe("failed");
    expect(await stage.retry(run.id)).toMatchObject({ status: "succeeded", output: "CCC" });
    expect(["a", "b", "c"].map((model) => stage.asked(model).length)).toEqual([1, 2, 1]);
  });

  test("inside a map asks the items that failed, and no others", async () => {
    const tries = new Map<string, number>();
    const script = byModel({
      a: ({ user }) => {
        tries.set(user, (tries.get(user) ?? 0) + 1);
        return user === "y" && tries.get(user) === 1 ? down : { text: user };
      },
    });
    await using stage = await openStage({ script, settings: { limits: { calls: 1 } } });
    const nodes = { each: ask("a", "{{ item }}"), after: { value: "nodes.each.output + '!'" } };
    const run = await stage.graph({ nodes: { all: { map: { over: "['x', 'y', 'z']", nodes } } } });
    expect(run.status).toBe("failed");
    expect(await stage.retry(run.id)).toMatchObject({ status: "succeeded", output: ["x!", "y!", "z!"] });
    expect(Object.fromEntries(tries)).toMatchObject({ x: 1, y: 2 });
  });

  test("plays only what its state was built from, however often it was put down", async () => {
    await using stage = await openStage({ script: byModel({ a: { text: "A" } }) });
    const nodes = {
      one: { ...ask("a"), writes: { log: "output" } },
      gate: { wait: { approval: "{{ nodes.one.output }}" }, writes: { log: "output" } },
      again: { wait: { answer: "{{ nodes.gate.output }}?" }, writes: { log: "output" } },
      end: { value: "state.log", after: ["again"] },
    };
    const run = await stage.graph({ state: { log: { type: "array", merge: "append", default: [] } }, nodes });
    expect((await stage.decide(run.id, "approved", "B")).status).toBe("waiting");
    expect((await stage.decide(run.id, "answered", "C")).output).toEqual(["A", "B", "C"]);
    expect(stage.asked("a")).toHaveLength(1);
  });
});
