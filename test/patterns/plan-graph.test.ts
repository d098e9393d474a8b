import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DEFAULT_LIMITS } from "../../src/core/settings.ts";
import type { Outcome } from "../../src/patterns/plan/course.ts";
import { drawPlan } from "../../src/patterns/plan/drawing.ts";
import { readPlan } from "../../src/patterns/plan/graph.ts";
import { type PlannedTask, planAgents, teamOf } from "../../src/patterns/plan/input.ts";
import { outlineAhead, outlineOf } from "../../src/patterns/plan/outline.ts";

const team = teamOf({ goal: "Win.", workers: ["Ann", "bob"] }, DEFAULT_LIMITS);
const IDS = ["a", "b", "c", "d", "e", "f"];

const task = (id: string, more: Partial<PlannedTask> = {}): PlannedTask => ({
  id,
  task: `Do ${id}`,
  worker: "bob",
  after: [],
  reads: [],
  ...more,
});
const outcome = (id: string, status: Outcome["status"], more: Partial<Outcome> = {}): Outcome => ({
  ...task(id),
  round: 0,
  status,
  ...more,
});

const names = fc.subarray(IDS, { maxLength: 3 });
const graph = fc
  .shuffledSubarray(IDS, { minLength: 1 })
  .chain((ids) =>
    fc.tuple(...ids.map((id) => fc.record({ after: names, reads: names }).map((more) => task(id, more)))),
  );

describe("a plan that is read", () => {
  test("lets a task follow what it reads, and takes a worker's name in any case", () => {
    const { tasks, problems } = readPlan([task("x"), task("y", { reads: ["x"], worker: " ann" })], team, []);
    expect(problems).toEqual([]);
    expect(tasks[1]).toMatchObject({ worker: "Ann", after: ["x"], reads: ["x"] });
  });

  test("may read what is finished, without waiting for it, and nothing that failed", () => {
    const before = [outcome("old", "succeeded"), outcome("bad", "failed")];
    const { tasks, problems } = readPlan([task("x", { reads: ["old"], after: ["old"] })], team, before);
    expect(problems).toEqual([]);
    expect(tasks[0]).toMatchObject({ after: [], reads: ["old"] });
    expect(readPlan([task("x", { reads: ["bad"] })], team, before).problems.join()).toMatch(/"bad".*finished: "old"/);
  });

  test("may use the id of a task that failed, and none of a finished one", () => {
    const before = [outcome("old", "succeeded"), outcome("bad", "failed")];
    expect(readPlan([task("bad", { task: "otherwise" })], team, before).problems).toEqual([]);
    expect(readPlan([task("old", { task: "otherwise" })], team, before).problems.join()).toContain("a finished task");
  });

  test("can always be done: no problem means that every task can begin in its turn, and only known ones are followed", () => {
    fc.assert(
      fc.property(graph, (given) => {
        const { problems, tasks } = readPlan(given, team, []);
        const done = new Set<string>();
        for (let more = true; more; ) {
          const ready = tasks.filter(({ id, after }) => !done.has(id) && after.every((one) => done.has(one)));
          for (const { id } of ready) done.add(id);
          more = ready.length > 0;
        }
        expect(done.size === tasks.length).toBe(problems.length === 0);
        for (const { reads, after } of tasks) expect(after).toEqual(expect.arrayContaining([...reads]));
      }),
      { numRuns: 2000 },
    );
  });

  test("names in a ring only tasks that wait for each other, the first one again at the end", () => {
    const ring = [
      task("x"),
      task("y", { after: ["x", "w"] }),
      task("z", { after: ["y"] }),
      task("w", { after: ["z"] }),
    ];
    const { problems } = readPlan([...ring, task("v", { after: ["w"] })], team, []);
    expect(problems).toEqual(["tasks wait for each other in a ring: y → w → z → y"]);
  });
});

describe("a drawing", () => {
  test("has a box for each task and an arrow for each that follows it, dashed where it is not read", () => {
    const drawn = drawPlan([task("x"), task("y"), task("z", { after: ["x", "y"], reads: ["x"] })]);
    expect(drawn).toBe(
      [
        "flowchart TD",
        '  t0["x: bob<br/>Do x"]',
        '  t1["y: bob<br/>Do y"]',
        '  t2["z: bob<br/>Do z"]',
        "  t0 --> t2",
        "  t1 -.-> t2",
      ].join("\n"),
    );
  });

  test("shows how tasks ended", () => {
    expect(drawPlan([{ ...task("x"), status: "failed" }])).toMatch(/"\]:::failed\n {2}classDef/);
  });

  test("lets no text out of its box, whatever it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.string(), (id, words) => {
        const lines = drawPlan([task(`a${id}"]; click t0`, { task: `${words}\n"]<script>` })]).split("\n");
        expect(lines).toHaveLength(2);
        expect(lines[1]).toMatch(/^ {2}t0\["(?:<br\/>|#\d+;|[^"<>`;&])*"\]$/u);
      }),
    );
  });
});

test("an outline holds every task with whom it asks, and who closes over them", () => {
  const tasks = [task("x", { worker: "Ann" }), task("synthesis", { after: ["x"], reads: ["x"] })];
  const { steps } = outlineOf({ ...team, validator: "critic" }, tasks);
  expect(steps.map(({ name, agent, after }) => [name, agent, after])).toEqual([
    ["x", "Ann", []],
    ["synthesis", "bob", ["x"]],
    ["synthesis-2", "synthesiser", ["x", "synthesis"]],
    ["validation", "critic", ["synthesis-2"]],
  ]);
});

test("an outline of a plan that is not made yet counts every draft, worker and round at the most", () => {
  const { steps } = outlineAhead(team, false);
  expect(steps.map(({ name, least, most }) => [name, least, most])).toEqual([
    ["plan", 1, 12],
    ["Ann", 1, 192],
    ["bob", 1, 192],
    ["synthesis", 1, 3],
  ]);
  expect(outlineAhead(team, true).steps.map(({ name, most }) => [name, most])).toEqual([["plan", 4]]);
});

test("everybody who may be asked is named beforehand", () => {
  const usual = ["planner", "researcher", "analyst", "writer", "coder", "critic", "synthesiser"];
  expect(planAgents({ goal: "g" })).toEqual(usual);
  expect(planAgents({ goal: "g", planner: "p", workers: ["w"], synthesiser: "s", validator: "v" })).toEqual([
    "p",
    "w",
    "s",
    "v",
  ]);
});
