import { rm } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import type { z } from "zod";
import type { ConfigSource } from "../../src/config.ts";
import type { planAndExecute } from "../../src/patterns/plan-and-execute.ts";
import { eventually, newHome, openHouse, PRICE } from "../house.ts";
import type { Asked, Reply } from "../stub/script.ts";
import { startVendor } from "../stub/vendor.ts";
import { byModel, openStand } from "./stand.ts";

type Output = z.output<typeof planAndExecute.output>;

const task = (id: string, worker: string, more: object = {}) => ({
  id,
  task: `Do ${id}.`,
  worker: `oa/${worker}`,
  after: [],
  reads: [],
  ...more,
});
const plan = (...tasks: object[]): Reply => ({ json: { approach: "step by step", plan: { tasks } } });
const down: Reply = { status: 400, body: { error: { message: "bad request", type: "invalid_request_error" } } };
const team = { goal: "Win.", planner: "oa/owl", workers: ["oa/a", "oa/b", "oa/c"], synthesiser: "oa/sum" };
const diamond = plan(
  task("facts", "a"),
  task("views", "b"),
  task("text", "c", { reads: ["facts", "views"] }),
  task("title", "a", { after: ["text"] }),
);

type Answers = Parameters<typeof byModel>[0];

/** Plays a goal with these answers of each model. */
async function reached(answers: Answers, input: object = {}, settings: ConfigSource["overrides"] = {}, more = {}) {
  const stand = await openStand(byModel({ sum: { text: "joined" }, ...answers }), settings);
  const run = await stand.play("plan_and_execute", { ...team, ...input }, more);
  const prompts = (model: string) => stand.asked().flatMap((one) => (one.model === model ? [one.user] : []));
  return {
    stand,
    run,
    output: run.output as Output,
    prompts,
    [Symbol.asyncDispose]: () => stand[Symbol.asyncDispose](),
  };
}

const statuses = ({ tasks }: Output) => tasks.map(({ id, round, status }) => `${round} ${id} ${status}`);

describe("plan_and_execute", () => {
  test("does a plan's tasks with what they read, and joins the results", async () => {
    const answers = { owl: diamond, a: [{ text: "F" }, { text: "T" }], b: { text: "V" }, c: { text: "X" } };
    await using held = await reached(answers);
    expect(held.run).toMatchObject({ status: "succeeded", degraded: [] });
    expect(held.output).toMatchObject({ output: "joined", approach: "step by step", replans: 0 });
    expect(held.output.tasks.map(({ id, worker, output }) => [id, worker, output])).toEqual([
      ["facts", "oa/a", "F"],
      ["views", "oa/b", "V"],
      ["text", "oa/c", "X"],
      ["title", "oa/a", "T"],
    ]);
    expect(held.output.tasks[0]?.usage).toMatchObject({ calls: 1 });
    expect(held.stand.models()[0]).toBe("owl");
    expect(held.stand.models().at(-1)).toBe("sum");
  });

  test("shows a worker the goal, its own task and what it reads, fenced, and nothing else", async () => {
    const answers = { owl: diamond, a: [{ text: "F" }, { text: "T" }], b: { text: "V" }, c: { text: "X" } };
    await using held = await reached(answers);
    const [text] = held.prompts("c");
    expect(text).toContain("Win.");
    expect(text).toContain("Do text.");
    expect(text).toMatch(/<data-\w+ name="facts">\nF\n</);
    expect(text).toMatch(/<data-\w+ name="views">\nV\n</);
    expect(text).not.toContain("title");
    const title = held.prompts("a").at(-1) ?? "";
    expect(title).toContain("Do title.");
    for (const foreign of ["Do facts.", "data-", "Do text."]) expect(title).not.toContain(foreign);
    expect(held.prompts("sum")[0]).toMatch(/name="facts">\nF[\s\S]*name="title">\nT/);
  });

  test("does what does not wait for each other at the same time", async () => {
    let meet = () => {};
    const both = new Promise<void>((resolve) => {
      meet = resolve;
    });
    const script = async ({ model }: Asked): Promise<Reply> => {
      if (model === "owl") return diamond;
      if (model === "b") meet();
      if (model === "a") await both;
      return { text: model };
    };
    await using stand = await openStand(script);
    const run = await stand.play("plan_and_execute", team);
    expect(run.status).toBe("succeeded");
    expect(stand.vendor.report().most_at_once).toBe(2);
  });

  test("asks nobody to join where one task is all, unless somebody is named for it", async () => {
    const answers = { owl: plan(task("all", "a")), a: { text: "A" }, sum: { text: "S" } };
    await using held = await reached(answers, { synthesiser: undefined });
    expect(held.output.output).toBe("A");
    expect(held.stand.models()).toEqual(["owl", "a"]);
    const named = await held.stand.play("plan_and_execute", team);
    expect((named.output as Output).output).toBe("S");
  });

  test("tells the planner who the workers are, and what the ad-hoc ones are told", async () => {
    const workers = ["oa/a", { agent: "oa/b", instructions: "You know the law." }];
    await using held = await reached({ owl: plan(task("all", "a")) }, { workers });
    expect(held.prompts("owl")[0]).toContain("- oa/a\n- oa/b: You know the law.");
  });
});

describe("a plan alone", () => {
  test("is returned with estimate and drawing, and nobody but the planner is asked", async () => {
    await using held = await reached({ owl: diamond }, { plan_only: true });
    expect(held.stand.models()).toEqual(["owl"]);
    expect(held.output).toMatchObject({ tasks: [], replans: 0 });
    expect(held.output.output).toBeUndefined();
    expect(held.output.plan.tasks.map(({ id, after }) => [id, after])).toEqual([
      ["facts", []],
      ["views", []],
      ["text", ["facts", "views"]],
      ["title", ["text"]],
    ]);
    expect(held.output.estimate?.likely).toMatchObject({ calls: 5 });
    expect(held.output.mermaid).toContain("t0 --> t2");
  });

  test("can be given back, changed or not, and is then done as it is", async () => {
    await using held = await reached({ owl: diamond, a: { text: "A" } }, { plan_only: true });
    const run = await held.stand.play("plan_and_execute", { ...team, plan: held.output.plan });
    expect(run.status).toBe("succeeded");
    expect(held.stand.models().filter((model) => model === "owl")).toHaveLength(1);
    const seen = await held.stand.play("plan_and_execute", { ...team, plan: held.output.plan, plan_only: true });
    expect((seen.output as Output).estimate?.likely).toMatchObject({ calls: 5 });
    expect(held.stand.models().filter((model) => model === "owl")).toHaveLength(1);
  });

  test("that was given and cannot be done is refused before the run exists", async () => {
    await using stand = await openStand([]);
    const ring = { tasks: [task("x", "a", { after: ["y"] }), task("y", "a", { after: ["x"] })] };
    await expect(stand.play("plan_and_execute", { ...team, plan: ring })).rejects.toThrow(/in a ring: x → y → x/);
    await expect(stand.play("plan_and_execute", { ...team, plan: { tasks: [{ id: "x" }] } })).rejects.toThrow(/task/);
    expect(stand.vendor.requests).toHaveLength(0);
  });
});

describe("a wrong plan", () => {
  const right = plan(task("all", "a"));
  test.each([
    ["two tasks of one id", [task("x", "a"), task("x", "b")], /two tasks have the id \\"x\\"/],
    ["a ring", [task("x", "a", { after: ["y"] }), task("y", "a", { reads: ["x"] })], /x → y → x/],
    ["a task that follows itself", [task("x", "a", { after: ["x"] })], /x → x/],
    ["an unknown worker", [task("x", "z")], /no worker \\"oa\/z\\"; there are \\"oa\/a\\"/],
    ["an unknown task", [task("x", "a", { reads: ["y"] })], /follows or reads \\"y\\", which is no task/],
    ["no task", [], /it has no task/],
    ["too many tasks", Array.from({ length: 65 }, (_, n) => task(`x${n}`, "a")), /65 tasks, and 64 are the most/],
  ])("with %s goes back to the planner with what is wrong", async (_, tasks, words) => {
    await using held = await reached({ owl: [plan(...tasks), right], a: { text: "A" } });
    expect(held.run.status).toBe("succeeded");
    const [first, second] = held.prompts("owl");
    expect(first).not.toContain("What is wrong");
    expect(JSON.stringify(second)).toMatch(words);
    expect(second).toContain("# Your last plan");
    expect(held.prompts("owl")).toHaveLength(2);
  });

  test("is sent back twice, and then fails with what is wrong", async () => {
    await using held = await reached({ owl: plan(task("x", "z")) });
    expect(held.run).toMatchObject({ status: "failed", error: { code: "BAD_OUTPUT" } });
    expect(held.run.error?.message).toContain('no worker "oa/z"');
    expect(held.run.error?.message).toContain('it gave again what was sent back: the plan of "x" (3 times)');
    const [, second, third] = held.prompts("owl");
    expect(second).not.toContain("What came again");
    expect(third).toMatch(/What came again[\s\S]*the plan of "x" \(2 times\)/);
    expect(held.run.error?.hint).toContain("planner");
    expect(held.stand.models()).toEqual(["owl", "owl", "owl"]);
  });
});

describe("a task that fails", () => {
  const first = plan(task("facts", "a"), task("views", "b"), task("text", "c", { reads: ["facts", "views"] }));
  const second = plan(task("views-2", "c"), task("text", "c", { reads: ["facts", "views-2"] }));

  test("leads to a new plan with what was learnt, which builds on what is finished", async () => {
    const answers = { owl: [first, second], a: { text: "F" }, b: down, c: [{ text: "V" }, { text: "X" }] };
    await using held = await reached(answers);
    expect(held.run).toMatchObject({ status: "succeeded", degraded: [] });
    expect(held.output.replans).toBe(1);
    expect(statuses(held.output)).toEqual([
      "0 facts succeeded",
      "0 views failed",
      "0 text skipped",
      "1 views-2 succeeded",
      "1 text succeeded",
    ]);
    const learnt = held.prompts("owl")[1] ?? "";
    expect(learnt).toMatch(/# Finished tasks[\s\S]*"facts"[\s\S]*name="facts">\nF\n/);
    expect(learnt).toMatch(/# Tasks that failed[\s\S]*"views", by oa\/b: Do views\.[\s\S]*BAD_REQUEST/);
    expect(learnt).toMatch(/not begun[\s\S]*"text"/);
    expect(held.prompts("a")).toHaveLength(1);
    expect(held.prompts("c")[1]).toMatch(/name="facts">\nF[\s\S]*name="views-2">\nV/);
    expect(held.prompts("sum")[0]).not.toContain("Without a result");
  });

  test("is not tried again in the same way: such a plan is refused with words", async () => {
    const same = plan(task("once-more", "b", { task: " do VIEWS" }));
    const done = plan(task("again", "a", { task: "Do facts." }));
    const answers = { owl: [first, same, done, second], a: { text: "F" }, b: down, c: { text: "C" } };
    await using held = await reached(answers);
    expect(held.run.status).toBe("succeeded");
    expect(held.output.replans).toBe(1);
    expect(held.prompts("b")).toHaveLength(1);
    expect(held.prompts("owl")[2]).toMatch(/"once-more" is the same as "views", which failed \(BAD_REQUEST\)/);
    expect(held.prompts("owl")[3]).toMatch(/"again" is finished already, as "facts"/);
  });

  test("leaves what is done as the result where the planner knows of nothing that would help", async () => {
    await using held = await reached({ owl: [first, plan()], a: { text: "F" }, b: down });
    expect(held.run.status).toBe("succeeded");
    expect(held.run.degraded).toEqual(["2 tasks without a result: views (BAD_REQUEST), text (skipped)"]);
    expect(held.output.output).toBe("joined");
    expect(held.prompts("sum")[0]).toContain('Without a result: "views" and "text".');
    expect(held.prompts("owl")).toHaveLength(2);
  });

  test("is planned again only so often", async () => {
    const other = plan(task("views-2", "b"));
    const third = plan(task("views-3", "b"));
    await using held = await reached({ owl: [first, other, third], a: { text: "F" }, b: down });
    expect(held.output.replans).toBe(2);
    expect(held.run.degraded.join()).toContain("1 task without a result: views-3");
    expect(held.prompts("owl")).toHaveLength(3);
    held.stand.vendor.forget();
    held.stand.vendor.follow(byModel({ owl: first, a: { text: "F" }, b: down, sum: { text: "S" } }));
    const run = await held.stand.play("plan_and_execute", { ...team, max_replans: 0 });
    expect(run.output).toMatchObject({ output: "S", replans: 0 });
  });

  test("keeps what is done where no new plan can be made", async () => {
    await using held = await reached({ owl: [first, down], a: { text: "F" }, b: down });
    expect(held.output.output).toBe("joined");
    expect(held.run.degraded.join()).toContain("no new plan: BAD_REQUEST");
  });

  test("ends the run where nothing at all was done", async () => {
    await using held = await reached({ owl: [plan(task("x", "b")), plan()], b: down });
    expect(held.run).toMatchObject({ status: "failed", error: { code: "NO_QUORUM" } });
    expect(held.run.error?.message).toBe("no task succeeded: x (BAD_REQUEST)");
  });
});

test("a server that stops midway leaves a plan that goes on elsewhere, without asking for it or for finished tasks again", async () => {
  const prices = Object.fromEntries(["a", "b", "c", "owl", "sum"].map((model) => [model, PRICE]));
  const answers = { owl: diamond, a: { text: "A" }, b: { text: "B" }, sum: { text: "joined" } };
  const vendor = await startVendor({ script: byModel({ ...answers, c: { fault: "hang" } }), prices });
  const home = await newHome();
  const asked = (model: string) => vendor.requests.filter((one) => one.model === model).length;
  try {
    const before = await openHouse({ home, vendor, prices });
    const { id } = await before.start("plan_and_execute", team);
    await eventually(() => asked("c") === 1);
    await before.close();
    vendor.follow(byModel({ ...answers, c: { text: "C" } }));
    await using after = await openHouse({ home, vendor, prices });
    after.engine.awaken();
    const run = await after.ended(id);
    expect(run).toMatchObject({ status: "succeeded", output: { output: "joined", replans: 0 } });
    expect(["owl", "a", "b", "c", "sum"].map(asked)).toEqual([1, 2, 1, 2, 1]);
  } finally {
    await vendor.close();
    await rm(home, { recursive: true, force: true });
  }
});

describe("a validator", () => {
  const judgement = (ok: boolean, ...problems: string[]): Reply => ({ json: { ok, problems, confidence: 0.9 } });
  const first = plan(task("facts", "a"));
  const more = plan(task("prices", "b", { reads: ["facts"] }));
  const judged = { validator: "oa/e" };

  test("who is content ends it, and says so", async () => {
    await using held = await reached({ owl: first, a: { text: "F" }, e: judgement(true) }, judged);
    expect(held.output.validated).toEqual({ ok: true, problems: [], confidence: 0.9 });
    expect(held.prompts("e")[0]).toMatch(/Win\.[\s\S]*name="result">\njoined/);
    expect(held.prompts("owl")).toHaveLength(1);
  });

  test("sends the result back to the planner with what was wrong", async () => {
    const answers = {
      owl: [first, more],
      a: { text: "F" },
      b: { text: "P" },
      sum: [{ text: "draft" }, { text: "whole" }],
      e: [judgement(false, "no prices"), judgement(true)],
    };
    await using held = await reached(answers, judged);
    expect(held.run).toMatchObject({ status: "succeeded", degraded: [] });
    expect(held.output).toMatchObject({ output: "whole", replans: 1, validated: { ok: true } });
    expect(statuses(held.output)).toEqual(["0 facts succeeded", "1 prices succeeded"]);
    expect(held.prompts("owl")[1]).toMatch(/name="result">\ndraft[\s\S]*name="problems">\nno prices/);
    expect(held.prompts("sum")[1]).toMatch(/name="facts"[\s\S]*name="prices"[\s\S]*draft[\s\S]*no prices/);
  });

  test("who is never content leaves the last result, and what is wrong with it", async () => {
    const answers = { owl: [first, more], a: { text: "F" }, b: { text: "P" }, e: judgement(false, "dull") };
    await using held = await reached(answers, { ...judged, max_replans: 1 });
    expect(held.run.status).toBe("succeeded");
    expect(held.output).toMatchObject({ output: "joined", replans: 1, validated: { ok: false, problems: ["dull"] } });
    expect(held.run.degraded).toEqual(["the validator is not content: dull"]);
  });

  test("who fails leaves the result as it is, unjudged", async () => {
    await using held = await reached({ owl: first, a: { text: "F" }, e: down }, judged);
    expect(held.output).toMatchObject({ output: "joined" });
    expect(held.output.validated).toBeUndefined();
    expect(held.run.degraded.join()).toContain("could not be judged: BAD_REQUEST");
  });
});

describe("planning again", () => {
  const judgement = (...problems: string[]): Reply => ({ json: { ok: false, problems, confidence: 0.9 } });
  const numbered = (from: number, to: number, worker: string) =>
    Array.from({ length: to - from + 1 }, (_, n) => plan(task(`t${from + n}`, worker)));

  test("where the same fails again, in whatever words it is asked, is warned of and then ended with what is done", async () => {
    const owl = [plan(task("t1", "a")), ...numbered(2, 9, "b")];
    const said = { owl, a: { text: "A" }, b: down, e: judgement("no prices") };
    await using held = await reached(said, { validator: "oa/e", max_replans: 5 });
    expect(held.run.status).toBe("succeeded");
    expect(statuses(held.output)).toEqual(["0 t1 succeeded", "1 t2 failed", "2 t3 failed", "3 t4 failed"]);
    expect(held.output).toMatchObject({ output: "joined", replans: 3, validated: { ok: false } });
    const stop = "no new plan: STALLED planning again brings nothing new: ";
    expect(held.run.degraded[0]).toContain(`${stop}"oa/b" failed with BAD_REQUEST: "oa/b answered 400: bad request"`);
    expect(held.run.degraded[0]).toMatch(/\(3 times\); kept: 1 finished task$/);
    expect(held.run.degraded.filter((each) => each.includes("STALLED"))).toHaveLength(1);
    const prompts = held.prompts("owl");
    expect(prompts).toHaveLength(4);
    expect(prompts.map((each) => each.includes("What came again"))).toEqual([false, false, false, true]);
  });

  test("ends the run as stalled where nothing at all is done", async () => {
    await using held = await reached({ owl: numbered(1, 9, "b"), b: down }, { max_replans: 5 });
    expect(held.run).toMatchObject({ status: "failed", error: { code: "STALLED" } });
    expect(held.run.error?.message).toContain("(3 times); kept: 0 finished tasks");
    expect(held.prompts("owl")).toHaveLength(3);
  });

  test("goes on where something else fails, or something is done in between", async () => {
    const gone: Reply = { status: 404, body: { error: { message: "no such model", code: "model_not_found" } } };
    const owl = [...numbered(1, 2, "b"), plan(task("t3", "a"), task("t4", "b")), ...numbered(5, 5, "b"), plan()];
    const said = { owl, a: { text: "A" }, b: down };
    await using held = await reached(said, { max_replans: 5 });
    expect(held.prompts("owl")).toHaveLength(5);
    await using other = await reached({ owl: numbered(1, 9, "b"), b: [down, gone, down, gone] }, { max_replans: 2 });
    expect(other.prompts("owl")).toHaveLength(3);
    expect(other.run.error?.code).toBe("NO_QUORUM");
  });

  test("goes on where a provider may come up again", async () => {
    const busy: Reply = { status: 503, body: "" };
    const more = { retry: { attempts: 1 } };
    await using held = await reached({ owl: numbered(1, 9, "b"), b: busy }, { max_replans: 4 }, more);
    expect(held.run.error?.code).not.toBe("STALLED");
    expect(held.prompts("owl")).toHaveLength(5);
  });

  test("for a validator who finds the same wanting again is warned of and then ended with the last result", async () => {
    const workers = ["a", "b", "c"];
    const owl = [1, 2, 3, 4, 5].map((n) => plan(task(`t${n}`, workers[n % 3] ?? "a")));
    await using held = await reached({ owl, e: judgement("No prices.") }, { validator: "oa/e", max_replans: 5 });
    expect(held.run.degraded).toEqual([
      'no new plan: STALLED planning again brings nothing new: the validator said "No prices." (3 times); kept: 3 finished tasks',
      "the validator is not content: No prices.",
    ]);
    expect(held.output).toMatchObject({ output: "joined", replans: 2, validated: { ok: false } });
    expect(held.prompts("owl").map((each) => each.includes("What came again"))).toEqual([false, false, true]);
    const critical = ["one", "two", "three", "four", "five"].map((each) => judgement(each));
    await using held2 = await reached({ owl, e: critical }, { validator: "oa/e", max_replans: 3 });
    expect(held2.output.replans).toBe(3);
    expect(held2.run.degraded).toEqual(["the validator is not content: four"]);
  });
});

describe("the budget", () => {
  test("sends a plan that is too dear back once, with the figures, and takes one that fits", async () => {
    const small = plan(task("all", "a"));
    await using held = await reached({ owl: [diamond, small], a: { text: "A" } }, {}, {}, { budget: { calls: 5 } });
    expect(held.run.status).toBe("succeeded");
    expect(held.prompts("owl")[1]).toContain("likely to take 5 calls, and 4 calls are left");
    expect(held.stand.models()).toEqual(["owl", "owl", "a", "sum"]);
  });

  test("refuses the second that is too dear, and begins none of it", async () => {
    await using held = await reached({ owl: diamond }, {}, {}, { budget: { calls: 5 } });
    expect(held.run).toMatchObject({ status: "failed", error: { code: "BUDGET_EXCEEDED", kind: "semantic" } });
    expect(held.run.error?.hint).toContain("plan_only");
    expect(held.stand.models()).toEqual(["owl", "owl"]);
  });

  test("does not stand in the way of looking at a plan", async () => {
    await using held = await reached({ owl: diamond }, { plan_only: true }, {}, { budget: { calls: 1 } });
    expect(held.run.status).toBe("succeeded");
    expect(held.output.estimate).toMatchObject({ likely: { calls: 5 }, left: { calls: 0 } });
  });

  test("that runs out midway keeps what is done, and plans no further", async () => {
    const failing = plan(
      task("facts", "a"),
      task("views", "b", { after: ["facts"] }),
      task("more", "c", { after: ["facts"] }),
    );
    const answers: Answers = { owl: failing, a: [{ status: 500, body: "" }, { status: 500, body: "" }, { text: "F" }] };
    const budget = { calls: 5 };
    await using held = await reached(answers, {}, {}, { budget, on_budget: "partial" });
    expect(held.run.status).toBe("succeeded");
    expect(held.stand.models().filter((model) => model === "owl")).toHaveLength(1);
    expect(held.run.degraded.join()).toContain("BUDGET_EXCEEDED");
    expect(held.output.tasks[0]).toMatchObject({ id: "facts", status: "succeeded" });
  });
});

describe("the limits", () => {
  const input = { goal: "Win." };
  test.each([
    [{ workers: Array.from({ length: 33 }, () => "oa/a") }, "WIDTH_EXCEEDED"],
    [{ max_replans: 6 }, "INVALID_INPUT"],
  ])("of width and rounds hold: %#", async (more, code) => {
    await using stand = await openStand([]);
    await expect(stand.play("plan_and_execute", { ...input, ...more })).rejects.toMatchObject({ code });
  });

  test("of rounds bounds also the re-plans that nobody asked for", async () => {
    const answers = { owl: [plan(task("x", "a"), task("y", "b")), plan(task("z", "b"))], a: { text: "A" }, b: down };
    await using held = await reached(answers, {}, { limits: { rounds: 1 } });
    expect(held.output.replans).toBe(1);
  });
});

test("without anybody named, the built-in agents plan, work and join", async () => {
  await using stand = await openStand([], { model: "rehearsal/default" });
  const run = await stand.play("plan_and_execute", { goal: "Describe a baton.", validator: "critic" });
  expect(run).toMatchObject({ status: "succeeded", degraded: [] });
  expect((run.output as Output).tasks.map(({ status }) => status)).toEqual(["succeeded", "succeeded"]);
});
