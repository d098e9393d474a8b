import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { z } from "zod";
import { DEFAULT_LIMITS } from "../../src/core/settings.ts";
import { patterns } from "../../src/patterns/index.ts";
import { type Entry, entryTexts } from "../../src/patterns/supervise/ledger.ts";
import { supervise } from "../../src/patterns/supervise.ts";
import type { Reply } from "../stub/script.ts";
import { byModel, openStand } from "./stand.ts";

type Output = z.output<typeof supervise.output>;
type Given = readonly [worker: string, task: string, reads?: readonly number[]];

const down: Reply = { status: 400, body: { error: { message: "no such luck", type: "invalid_request_error" } } };
const give = (...given: Given[]): Reply => ({
  json: {
    done: false,
    assignments: given.map(([worker, task, reads]) => ({ worker, task, ...(reads && { reads }) })),
    reason: "more is needed",
  },
});
const done = (answer: string): Reply => ({ json: { done: true, answer, reason: "all is there" } });
const text = (...texts: string[]): Reply[] => texts.map((each) => ({ text: each }));

const TASK = "Describe a relay race.";

/** A team of `oa/a`, `oa/b` and `oa/c` under `oa/owl`. */
async function led(
  answers: Parameters<typeof byModel>[0],
  input: object = {},
  more: Parameters<Awaited<ReturnType<typeof openStand>>["play"]>[2] = {},
  settings: Parameters<typeof openStand>[1] = {},
) {
  const stand = await openStand(byModel(answers), settings);
  const asked = { task: TASK, supervisor: "oa/owl", workers: ["oa/a", "oa/b", "oa/c"], ...input };
  const run = await stand.play("supervise", asked, more);
  const prompts = (model: string) => stand.asked().flatMap((one) => (one.model === model ? [one.user] : []));
  const output = run.output as Output;
  return { stand, run, output, prompts, [Symbol.asyncDispose]: () => stand[Symbol.asyncDispose]() };
}

describe("supervise", () => {
  test("gives out what the supervisor decides, shows it what came of it, and ends with its answer", async () => {
    await using held = await led({
      owl: [give(["oa/a", "Find the rules."]), give(["oa/b", "Write it up.", [1]]), done("THE ANSWER")],
      a: text("RULES"),
      b: text("TEXT"),
    });
    expect(held.run).toMatchObject({ status: "succeeded", degraded: [] });
    const usage = expect.objectContaining({ calls: 1 });
    expect(held.output).toEqual({
      output: "THE ANSWER",
      turns: 3,
      reason: "all is there",
      assignments: [
        { id: 1, turn: 1, worker: "oa/a", task: "Find the rules.", status: "succeeded", output: "RULES", usage },
        {
          ...{ id: 2, turn: 2, worker: "oa/b", task: "Write it up.", reads: [1] },
          ...{ status: "succeeded", output: "TEXT", usage },
        },
      ],
      messages: expect.any(Array),
    });
    const [first = "", second = "", third = ""] = held.prompts("owl");
    expect(first).toMatch(/# Task\n\nDescribe a relay race\.\n\n# Workers\n\n- "oa\/a"\n- "oa\/b"\n- "oa\/c"/);
    expect(first).not.toContain("# Assignments");
    expect(second).toMatch(/## Assignment 1, "oa\/a": complete\n<data-\w+ name="task 1">\nFind the rules\.\n/);
    expect(second).toMatch(/<data-\w+ name="output 1">\nRULES\n/);
    expect(second).not.toContain("TEXT");
    expect(third).toContain("TEXT");
    expect(held.stand.vendor.requests[0]?.system).toContain("never an instruction");
  });

  test("shows a worker its own task and what it reads, and nothing else", async () => {
    await using held = await led({
      owl: [
        give(["oa/a", "Task one."], ["oa/b", "Task two."]),
        give(["oa/c", "Task three.", [2]]),
        give(["oa/a", "Task four."]),
        done("end"),
      ],
      a: text("AAA", "DDD"),
      b: text("BBB"),
      c: text("CCC"),
    });
    expect(held.prompts("a")).toEqual(["Task one.", "Task four."]);
    expect(held.prompts("b")).toEqual(["Task two."]);
    expect(held.prompts("c")[0]).toMatch(
      /^# Task\n\nTask three\.\n\n# From assignment 2\n<data-(\w+) name="oa\/b">\nBBB\n<\/data-\1>$/,
    );
    const system = (model: string) => held.stand.vendor.requests.find((asked) => asked.model === model)?.system;
    expect(system("c")).toContain("never an instruction");
    expect(system("b")).toBe("");
  });

  test("does the assignments of one turn at the same time", async () => {
    const slow = { text: "x", latency_ms: 300 };
    await using held = await led({
      owl: [give(["oa/a", "one"], ["oa/b", "two"], ["oa/c", "three"]), done("end")],
      a: slow,
      b: slow,
      c: slow,
    });
    expect(held.output.assignments.map(({ id, turn }) => [id, turn])).toEqual([
      [1, 1],
      [2, 1],
      [3, 1],
    ]);
    expect(held.stand.vendor.report().most_at_once).toBe(3);
  });

  test("tells the supervisor in few words what its own specialists are for, and gives two alike two names", async () => {
    const workers = [
      { agent: "oa/a", instructions: `Know the law.\n${"x".repeat(900)}` },
      { agent: "oa/a", instructions: "Know the money." },
    ];
    await using held = await led(
      { owl: [give(["oa/a-2", "What does it cost?"]), done("end")], a: text("much") },
      { workers },
    );
    const [prompt = ""] = held.prompts("owl");
    expect(prompt).toMatch(
      /- "oa\/a": Know the law\. x+… \(cut; 914 characters in all\)\n- "oa\/a-2": Know the money\./,
    );
    expect(prompt.length).toBeLessThan(800);
    expect(held.stand.vendor.requests.find(({ model }) => model === "a")?.system).toBe("Know the money.");
  });

  test("cuts long outputs for the supervisor, and not for a worker that reads them", async () => {
    const long = "word ".repeat(4000);
    await using held = await led({
      owl: [give(["oa/a", "Write."]), give(["oa/b", "Shorten.", [1]]), done("end")],
      a: { text: long },
      b: text("short"),
    });
    const shown = held.prompts("owl")[1] ?? "";
    expect(shown.length).toBeLessThan(8000);
    expect(shown).toContain("(cut; 20000 characters in all)");
    expect(held.prompts("b")[0]?.length).toBeGreaterThan(20_000);
    expect(held.output.assignments[0]?.output).toBe(long);
  });

  test("has the answer written by the synthesiser that is named, from the whole outputs", async () => {
    await using held = await led(
      {
        owl: [give(["oa/a", "one"], ["oa/b", "two"]), { json: { done: true, reason: "enough" } }],
        a: text("AAA"),
        b: text("BBB"),
        sum: text("JOINED"),
      },
      { synthesiser: "oa/sum" },
    );
    expect(held.output).toMatchObject({ output: "JOINED", turns: 2, reason: "enough" });
    const [prompt = ""] = held.prompts("sum");
    for (const part of [TASK, "AAA", "BBB"]) expect(prompt).toContain(part);
    expect(prompt).not.toContain("# Workers");
  });

  test("keeps the supervisor's own answer where the synthesiser fails", async () => {
    await using held = await led(
      { owl: [give(["oa/a", "one"]), done("OWN")], a: text("AAA"), sum: down },
      { synthesiser: "oa/sum" },
    );
    expect(held.output.output).toBe("OWN");
    expect(held.run.degraded.join()).toContain("BAD_REQUEST");
  });

  test("does the work first where the first turn has an answer and work in one", async () => {
    const both = { done: true, answer: "A GUESS", assignments: [{ worker: "oa/a", task: "Look." }], reason: "r" };
    await using held = await led({ owl: [{ json: both }, done("KNOWN")], a: text("seen") });
    expect(held.output).toMatchObject({ output: "KNOWN", turns: 2, assignments: [{ output: "seen" }] });
  });

  test("tells each assignment as a message, with the step that had it and when it was done", async () => {
    await using held = await led({
      owl: [give(["oa/a", "one"], ["oa/b", "two"]), give(["oa/a", "three", [1]]), done("END")],
      a: text("A1", "A3"),
      b: down,
    });
    const { lines } = await held.stand.store.memory(held.run.id);
    const at = (place: string) => new Date(lines.find((line) => line.place === place)?.at ?? 0).toISOString();
    const given = (id: number, to: string, decision: string, acknowledged: object) => ({
      ...{ id: `m${id}`, from: "supervisor", to, timestamp: at(decision), type: "assignment" },
      ...{ correlation_id: `a${id}`, payload: { assignment: id }, acknowledged: [{ by: to, ...acknowledged }] },
    });
    expect(held.output.messages).toEqual([
      given(1, "oa/a", "supervisor", { received: "map/0/oa\\/a", processed_at: at("map/0/oa\\/a") }),
      given(2, "oa/b", "supervisor", { received: "map/1/oa\\/b" }),
      given(3, "oa/a", "supervisor.2", { received: "map.2/0/oa\\/a", processed_at: at("map.2/0/oa\\/a") }),
    ]);
  });

  test("may answer without giving out anything", async () => {
    await using held = await led({ owl: done("AT ONCE") });
    expect(held.output).toEqual({ output: "AT ONCE", turns: 1, assignments: [], reason: "all is there", messages: [] });
    expect(held.stand.models()).toEqual(["owl"]);
  });
});

describe("a supervisor that cannot be followed", () => {
  test("is told the names where a worker is none, and goes on", async () => {
    await using held = await led({
      owl: [give(["oa/aa", "one"]), give(["OA/A ", "one"]), done("end")],
      a: text("AAA"),
    });
    expect(held.output).toMatchObject({ output: "end", turns: 3, assignments: [{ worker: "oa/a", turn: 2 }] });
    expect(held.prompts("owl")[1]).toMatch(
      /there is no worker "oa\/aa"; there are "oa\/a", "oa\/b" and "oa\/c"; did you mean "oa\/a"\?/,
    );
    expect(held.prompts("owl")[2]).not.toContain("there is no worker");
  });

  test.each<[string, Reply[], RegExp]>([
    ["that gives nothing to do", [give()], /it is not done, and gives out no assignment/],
    ["that says it is done and does not answer", [done(" ")], /it says that it is done and gives no `answer`/],
    [
      "that gives more than may run at once",
      [give(["oa/a", "1"], ["oa/b", "2"], ["oa/c", "3"])],
      /gives out 3 .* may give 2/,
    ],
    ["whose answer has no shape at all", text("I would ask them all.", "All of them."), /it holds no JSON/],
  ])("%s is told so in its next turn", async (_, owl, words) => {
    await using held = await led({ owl: [...owl, done("end")] }, {}, {}, { limits: { width: 2 } });
    expect(held.output).toMatchObject({ output: "end", turns: 2, assignments: [] });
    expect(held.prompts("owl").at(-1)).toMatch(words);
    expect(held.stand.models()).not.toContain("a");
  });

  test("that wants to read what is not complete is told what is", async () => {
    await using held = await led({
      owl: [give(["oa/a", "one"], ["oa/b", "two"]), give(["oa/c", "three", [2, 9]]), done("end")],
      a: text("AAA"),
      b: down,
    });
    expect(held.prompts("owl")[2]).toContain("`reads` names 2, which is no complete assignment; complete are 1");
    expect(held.prompts("c")).toEqual([]);
  });

  test("three turns in a row fails the run, and what was done before is kept", async () => {
    await using held = await led({ owl: [give(["oa/a", "one"]), give(["nobody", "two"])], a: text("AAA") });
    expect(held.run).toMatchObject({ status: "failed", error: { code: "UNKNOWN_AGENT", kind: "semantic" } });
    expect(held.run.error?.message).toMatch(
      /3 turns in a row: there is no worker "nobody".*kept: 1 finished assignment/,
    );
    expect(JSON.stringify(held.run.output)).toContain("AAA");
    expect(held.prompts("owl")).toHaveLength(4);
  });

  test("now and then is no reason to fail", async () => {
    const lost = give(["nobody", "x"]);
    const owl = [lost, lost, give(["oa/a", "one"]), lost, lost, give(["oa/a", "two"]), done("end")];
    await using held = await led({ owl, a: text("AAA", "BBB") });
    expect(held.output).toMatchObject({ output: "end", turns: 7 });
  });
});

describe("a worker that fails", () => {
  test("is told to the supervisor with the reason, and the others' work stands", async () => {
    await using held = await led({
      owl: [give(["oa/a", "one"], ["oa/b", "two"]), give(["oa/c", "two"]), done("end")],
      a: text("AAA"),
      b: down,
      c: text("CCC"),
    });
    expect(held.run.status).toBe("succeeded");
    expect(held.output.assignments.map(({ status, error }) => [status, error?.code])).toEqual([
      ["succeeded", undefined],
      ["failed", "BAD_REQUEST"],
      ["succeeded", undefined],
    ]);
    expect(held.prompts("owl")[1]).toMatch(
      /## Assignment 2, "oa\/b": failed\n.*<data-\w+ name="failure 2">\nBAD_REQUEST: .*no such luck/s,
    );
  });

  test("is not asked the very same again: the supervisor is told why, and what else it asked for is done", async () => {
    await using held = await led({
      owl: [give(["oa/a", "Look."]), give(["oa/a", "look"], ["oa/b", "Look."]), done("end")],
      a: down,
      b: text("BBB"),
    });
    expect(held.prompts("a")).toHaveLength(1);
    expect(held.prompts("owl")[2]).toMatch(/"oa\/a" has failed at this very task \(assignment 1\)/);
    expect(held.output.assignments.map(({ worker }) => worker)).toEqual(["oa/a", "oa/b"]);
  });
});

describe("work that was done before", () => {
  test("may be asked for twice, as two samples, and not three times", async () => {
    const same: Given = ["oa/a", "Guess."];
    await using held = await led({ owl: [give(same, same, same), done("end")], a: text("one", "two") });
    expect(held.prompts("a")).toHaveLength(2);
    expect(held.prompts("owl")[1]).toMatch(/"oa\/a" was given this very task 2 times and was not asked again/);
  });

  test("may be asked for again over something else", async () => {
    await using held = await led({
      owl: [give(["oa/a", "Draft."]), ...[1, 2, 3].map((id) => give(["oa/b", "Improve it.", [id]])), done("end")],
      a: text("0"),
      b: text("1", "2", "3"),
    });
    expect(held.output).toMatchObject({ output: "end", turns: 5 });
    expect(held.prompts("b")).toHaveLength(3);
  });

  test("is warned of when a turn asks for it again, and ends the run at the next, with the evidence", async () => {
    await using held = await led({ owl: give(["oa/a", "Look again."]), a: text("AAA", "BBB") });
    expect(held.run).toMatchObject({ status: "failed", error: { code: "STALLED", kind: "semantic" } });
    expect(held.run.error?.message).toContain('"oa/a" "Look again." (3 times); kept: 2 finished assignments');
    expect(JSON.stringify(held.run.output)).toContain("BBB");
    const [, second = "", third = ""] = held.prompts("owl");
    expect(second).not.toContain("asked for before");
    expect(third).toMatch(/It asked for what was asked for before: "oa\/a" "Look again\." \(2 times\)/);
    expect(held.prompts("owl")).toHaveLength(3);
    expect(held.prompts("a")).toHaveLength(2);
  });

  test("asked for to and fro ends the run too", async () => {
    const [one, two] = [give(["oa/a", "one"]), give(["oa/b", "two"])];
    await using held = await led({ owl: [one, two, one, two, one], a: text("AAA"), b: text("BBB") });
    expect(held.run.error?.code).toBe("STALLED");
    expect(held.prompts("owl")).toHaveLength(4);
  });
});

test("a ledger of any length stays short enough to be read: outputs are cut, and the oldest assignments are only named", () => {
  const room = { all: 10_000, one: 3000 };
  const usage = { usd: 0, input_tokens: 0, output_tokens: 0, calls: 1 };
  const entry = (id: number): Entry => ({
    ...{ id, turn: 1, worker: "w", task: `task ${id} ${"t".repeat(2000)}`, reads: [], print: "", usage },
    ...{ status: "succeeded", output: `output ${id} ${"o".repeat(id * 10)}` },
  });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300 }), (count) => {
      const texts = entryTexts(
        Array.from({ length: count }, (_, n) => entry(n + 1)),
        room,
      );
      const whole = texts.filter((text) => text.includes("<data-"));
      expect(whole).toHaveLength(Math.min(count, 20));
      expect(texts.slice(-whole.length)).toEqual(whole);
      expect(whole.join("").length).toBeLessThan(10_000 + 20 * 900);
      for (const [at, text] of texts.entries()) expect(text).toContain(`## Assignment ${at + 1}, "w": complete`);
    }),
  );
});

describe("any supervisor, however foolish", { timeout: 60_000 }, () => {
  const assignment = fc.record(
    {
      worker: fc.constantFrom("oa/a", "oa/b", "oa/nobody"),
      task: fc.constantFrom("x", "X ", "y", "z"),
      reads: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 2 }),
    },
    { requiredKeys: ["worker", "task"] },
  );
  const decision = fc.record({
    done: fc.nat(9).map((n) => n === 0),
    answer: fc.option(fc.constantFrom("", "end")),
    assignments: fc.option(fc.array(assignment, { maxLength: 4 }), { freq: 5 }),
    reason: fc.constant("r"),
  });

  test("comes to an end within its turns, and nobody does the same a third time", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(decision, { minLength: 1, maxLength: 8 }), async (decisions) => {
        let turn = 0;
        const owl = ({ shape }: { shape?: unknown }): Reply =>
          shape ? { json: decisions[turn++ % decisions.length] } : { text: "closed" };
        await using held = await led(
          { owl, a: text("AAA"), b: down },
          { workers: ["oa/a", "oa/b"], max_turns: 6 },
          {},
          { limits: { width: 3 } },
        );
        expect(["succeeded", "failed"]).toContain(held.run.status);
        if (held.run.status === "failed")
          expect(["BAD_OUTPUT", "UNKNOWN_AGENT", "STALLED"]).toContain(held.run.error?.code);
        else expect(held.output.output).toMatch(/^(end|closed)$/);
        expect(turn).toBeLessThanOrEqual(6);
        const times = new Map<string, number>();
        for (const { model, user } of held.stand.asked()) {
          const key = `${model} ${user.toLowerCase().trim()}`;
          if (model !== "owl") times.set(key, (times.get(key) ?? 0) + 1);
        }
        for (const [key, count] of times) expect(count, key).toBeLessThanOrEqual(2);
      }),
      { numRuns: 40 },
    );
  });
});

describe("at the end of its turns", () => {
  test("the supervisor must answer with what is there, and the result says so", async () => {
    let n = 0;
    const owl = ({ shape }: { shape?: unknown }): Reply =>
      shape ? give(["oa/a", `part ${++n}`]) : { text: "AS IT IS" };
    await using held = await led({ owl, a: text("AAA", "BBB") }, { max_turns: 2 });
    expect(held.run.status).toBe("succeeded");
    expect(held.output).toMatchObject({ output: "AS IT IS", turns: 2, assignments: [{ id: 1 }, { id: 2 }] });
    expect(held.run.degraded).toEqual(["ended after 2 turns, before the supervisor was done"]);
    const last = held.prompts("owl").at(-1) ?? "";
    for (const part of [TASK, "AAA", "BBB"]) expect(last).toContain(part);
    expect(held.stand.models()).toEqual(["owl", "a", "owl", "a", "owl"]);
  });

  test("there are ten where nothing is said", async () => {
    let n = 0;
    const owl = ({ shape }: { shape?: unknown }): Reply => (shape ? give(["oa/a", `part ${++n}`]) : { text: "end" });
    await using held = await led({ owl, a: text("AAA") });
    expect(held.output).toMatchObject({ output: "end", turns: 10 });
  });
});

describe("at the end of its budget", () => {
  const owl = [give(["oa/a", "one"], ["oa/b", "two"], ["oa/c", "three"]), { text: "FROM WHAT IS THERE" }];
  const rest = { a: text("AAA"), b: text("BBB"), c: text("CCC") };

  test("one call is kept for the answer, and the result is partial where that is asked for", async () => {
    await using held = await led({ owl, ...rest }, {}, { budget: { calls: 4 }, on_budget: "partial" });
    expect(held.run.status).toBe("succeeded");
    expect(held.output.output).toBe("FROM WHAT IS THERE");
    expect(held.output.assignments.map(({ status, error }) => error?.code ?? status).sort()).toEqual([
      "BUDGET_EXCEEDED",
      "succeeded",
      "succeeded",
    ]);
    expect(held.run.degraded.join()).toContain("stopped in turn 1");
    expect(held.stand.vendor.requests).toHaveLength(4);
  });

  test("the run fails where nothing is said, and what was done is kept", async () => {
    await using held = await led({ owl, ...rest }, {}, { budget: { calls: 4 } });
    expect(held.run).toMatchObject({ status: "failed", error: { code: "BUDGET_EXCEEDED" } });
    expect(held.output.output).toBeNull();
    expect(held.output.assignments.filter(({ status }) => status === "succeeded").length).toBeGreaterThan(0);
  });

  test("the limit reaches the caller where nothing was done yet", async () => {
    await using held = await led({ owl }, {}, { budget: { calls: 0 }, on_budget: "partial" });
    expect(held.run).toMatchObject({ status: "failed", error: { code: "BUDGET_EXCEEDED" } });
  });
});

describe("a team as it is asked for", () => {
  const parsed = (input: object) =>
    supervise.input.parse({ task: TASK, supervisor: "judge", workers: ["writer", "critic"], ...input });

  test("names everybody it may ask", () => {
    expect(supervise.agents(parsed({ synthesiser: "synthesiser" }))).toEqual([
      ...["judge", "writer", "critic"],
      "synthesiser",
    ]);
  });

  test("has no two workers that nobody could tell apart", () => {
    const twice = parsed({ workers: ["writer", "critic", { agent: "writer" }] });
    expect(() => supervise.check?.(twice, DEFAULT_LIMITS)).toThrow(/two workers are the same: "writer"/);
    const two = parsed({ workers: ["writer", { agent: "writer", instructions: "In verse." }] });
    expect(() => supervise.check?.(two, DEFAULT_LIMITS)).not.toThrow();
  });

  test("is drawn with the supervisor first, every worker after it, and the answer last", () => {
    const drawn = (input: object) =>
      supervise.outline?.(parsed({ max_turns: 3, ...input }), DEFAULT_LIMITS).steps ?? [];
    const most = 3 * DEFAULT_LIMITS.width;
    const steps = drawn({ workers: ["writer", "supervisor"] });
    expect(steps.map((step) => [step.name, step.after, step.least, step.most, step.back])).toEqual([
      ["supervisor-2", [], 2, 3, undefined],
      ["writer", ["supervisor-2"], 1, most, undefined],
      ["supervisor", ["supervisor-2"], 1, most, undefined],
      ["ledger", ["writer", "supervisor"], 1, 3, "supervisor-2"],
      ["answer", ["ledger"], 0, 1, undefined],
    ]);
    expect(drawn({ synthesiser: "synthesiser" }).at(-1)).toMatchObject({ agent: "synthesiser", least: 1 });
  });

  test("comes to an end on the rehearsal model, after its workers were asked", async () => {
    await using stand = await openStand([], { model: "rehearsal/default" });
    const run = await stand.play("supervise", { task: TASK, supervisor: "judge", workers: ["writer", "critic"] });
    expect(run).toMatchObject({ status: "succeeded", usage: { usd: 0 } });
    expect((run.output as Output).assignments.length).toBeGreaterThan(0);
    expect(patterns.find(({ name }) => name === "supervise")?.output.safeParse(run.output).success).toBe(true);
  });
});
