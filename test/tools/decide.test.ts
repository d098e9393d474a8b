import { afterAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { definePattern, type Pattern } from "../../src/core/pattern.ts";
import { rooms } from "./rooms.ts";

/** Asks a person before it says what they said. */
const asking = (kind: "approval" | "answer", places: readonly string[]) =>
  definePattern({
    name: `ask_${kind}_${places.length}`,
    version: 1,
    title: "Ask a person",
    description: "asks",
    input: z.strictObject({ task: z.string() }),
    output: z.unknown(),
    subject: "task",
    agents: () => [],
    async run(ctx, { task }) {
      const settled = await ctx.map(places, (place, branch) => branch.wait(place, { kind, show: { task, place } }));
      return settled.map((one) => (one.ok ? one.value : one.error.code));
    },
  }) as Pattern;

const PAYMENT = {
  type: "object",
  properties: { to: { type: "string" }, sum: { type: "number" } },
  required: ["to", "sum"],
  additionalProperties: false,
};

/** Asks before it pays. */
const paying = definePattern({
  name: "pay",
  version: 1,
  title: "Pay",
  description: "pays",
  input: z.strictObject({ task: z.string() }),
  output: z.unknown(),
  subject: "task",
  agents: () => [],
  run: (ctx, { task }) =>
    ctx.wait("gate", {
      kind: "approval",
      action: { name: "pay", arguments: { to: "Ada", sum: 5 } },
      schema: PAYMENT,
      ...(task === "risky" && { high_risk: true }),
      ...(task === "self" && { self: true }),
    }),
}) as Pattern;

const house = rooms(
  {},
  {
    patterns: [
      asking("approval", ["gate"]),
      asking("answer", ["question"]),
      asking("approval", ["left", "right"]),
      paying,
    ],
  },
);
afterAll(() => house.close());

const ended = async (run_id: unknown) => (await house.call("get_run", { run_id, wait_seconds: 20 })).data;

describe("a run that waits for approval", () => {
  it("says what is to be approved and the call that approves it, and goes on once that is made", async () => {
    const { data, text } = await house.call("ask_approval_1", { task: "Pay 5." });
    expect(data).toMatchObject({ status: "waiting", waiting_for: { kind: "approval", show: { task: "Pay 5." } } });
    expect(text).toContain("Pay 5.");
    expect(data.next).toMatchObject({ tool: "decide", arguments: { decision: "approve" } });
    expect(data.next?.arguments["approval"]).toBe(data.waiting_for?.approval);
    await house.call("decide", { ...data.next?.arguments, note: "fine" });
    expect(await ended(data.run_id)).toMatchObject({
      status: "succeeded",
      output: [{ how: "approved", note: "fine" }],
    });
  });

  it("can be rejected", async () => {
    const { data } = await house.call("ask_approval_1", { task: "Pay 5." });
    await house.call("decide", { ...data.next?.arguments, decision: "reject" });
    expect(await ended(data.run_id)).toMatchObject({ output: [{ how: "rejected" }] });
  });

  it("is not decided without the hash of what was shown, nor with another", async () => {
    const { data } = await house.call("ask_approval_1", { task: "Pay 5." });
    const { approval, ...bare } = data.next?.arguments ?? {};
    const without = await house.call("decide", bare);
    expect(without.data.error?.message).toMatch(/hash/);
    expect(without.data.error?.hint).toContain(String(approval));
    const stale = await house.call("decide", { ...bare, approval: "another" });
    expect(stale.data.error?.code).toBe("STALE_APPROVAL");
    expect((await house.call("get_run", { run_id: data.run_id })).data.status).toBe("waiting");
  });

  it("is not answered, and the right call is shown", async () => {
    const { data } = await house.call("ask_approval_1", { task: "Pay 5." });
    const { data: refused } = await house.call("decide", { run_id: data.run_id, decision: "answer", value: 1 });
    expect(refused.error?.hint).toContain('"decision":"approve"');
  });

  it("is decided once: the second is told", async () => {
    const { data } = await house.call("ask_approval_1", { task: "Pay 5." });
    await house.call("decide", data.next?.arguments);
    await ended(data.run_id);
    const { data: second } = await house.call("decide", data.next?.arguments);
    expect(second.error?.code).toBe("ILLEGAL_CHANGE");
  });

  it("must say which, where several wait", async () => {
    const { data } = await house.call("ask_approval_2", { task: "Pay 5." });
    const { run_id, approval } = data.next?.arguments ?? {};
    const { data: refused } = await house.call("decide", { run_id, decision: "approve", approval });
    expect(refused.error?.message).toContain("several");
    expect(refused.error?.hint).toMatch(/left.*right/);
    let next = data.next;
    for (let i = 0; i < 2; i++) {
      await house.call("decide", next?.arguments);
      next = (await house.call("get_run", { run_id })).data.next;
    }
    expect(await ended(run_id)).toMatchObject({ output: [{ how: "approved" }, { how: "approved" }] });
  });
});

describe("an approval of an action", () => {
  it("shows the action with its arguments, and gives others in their place where it is edited", async () => {
    const { data } = await house.call("pay", { task: "Pay Ada." });
    expect(data.waiting_for?.action).toEqual({ name: "pay", arguments: { to: "Ada", sum: 5 } });
    await house.call("decide", {
      ...data.next?.arguments,
      decision: "edit",
      value: { to: "Ada", sum: 4 },
      note: "less",
    });
    const output = { how: "approved", value: { to: "Ada", sum: 4 }, note: "less", edited: true };
    expect(await ended(data.run_id)).toMatchObject({ status: "succeeded", output });
  });

  it.each([
    ["without a value", "edit", undefined, /an edit needs `value`/, '"value":{"to":"Ada","sum":5}'],
    ["that does not fit", "edit", { to: "Ada", sum: "five" }, /\/sum must be number/, '"type":"number"'],
    ["with more than it may have", "edit", { to: "Ada", sum: 4, by: "Eve" }, /additional properties/, "must fit"],
    ["that hides in an approval", "approve", { to: "Eve", sum: 5 }, /takes no `value`/, '"decision":"edit"'],
  ])("is not edited %s, and what is wrong is told", async (_, decision, value, message, hint) => {
    const { data } = await house.call("pay", { task: "Pay Ada." });
    const { data: refused } = await house.call("decide", { ...data.next?.arguments, decision, value });
    expect(refused.error).toMatchObject({ code: "INVALID_INPUT", message: expect.stringMatching(message) });
    expect(refused.error?.hint).toContain(hint);
    expect((await house.call("get_run", { run_id: data.run_id })).data).toMatchObject({
      status: "waiting",
      waiting_for: { approval: data.waiting_for?.approval },
    });
  });

  it("is decided by one of two: the other is told who has decided what", async () => {
    const { data } = await house.call("pay", { task: "Pay Ada." });
    const edit = { ...data.next?.arguments, decision: "edit", value: { to: "Ada", sum: 4 } };
    const both = await Promise.all([
      house.call("decide", edit),
      house.call("decide", { ...edit, value: { to: "Ada", sum: 3 } }),
    ]);
    const lost = both.filter(({ isError }) => isError);
    expect(lost).toHaveLength(1);
    expect(lost[0]?.data.error).toMatchObject({
      code: "ILLEGAL_CHANGE",
      message: expect.stringMatching(/approved with changes by local/),
    });
    const { data: third } = await house.call("decide", { ...data.next?.arguments, decision: "reject" });
    expect(third.error?.message).toMatch(/already approved with changes by local/);
  });

  it("that is marked high_risk is for a person: the model is refused, and told which ways there are", async () => {
    const { data, text } = await house.call("pay", { task: "risky" });
    expect(data.waiting_for).toMatchObject({ by: "person" });
    expect(data.next).toEqual({ tool: "get_run", arguments: { run_id: data.run_id, wait_seconds: 25 } });
    expect(text).toContain("only a person");
    const { run_id, waiting_for } = data;
    const { data: refused } = await house.call("decide", {
      run_id,
      decision: "approve",
      approval: waiting_for?.approval,
    });
    expect(refused.error).toMatchObject({
      code: "FORBIDDEN",
      hint: expect.stringContaining(`baton approve ${run_id}`),
    });
    expect((await house.call("get_run", { run_id })).data.status).toBe("waiting");
  });
});

describe("a server whose settings leave approvals to people", () => {
  it("takes none from a model, but for the runs that say otherwise", async () => {
    const strict = rooms({ BATON_APPROVALS__SELF: "false" }, { patterns: [paying] });
    const { data } = await strict.call("pay", { task: "Pay Ada." });
    const { run_id, waiting_for } = data;
    const approve = { decision: "approve", approval: waiting_for?.approval };
    expect((await strict.call("decide", { run_id, ...approve })).data.error?.code).toBe("FORBIDDEN");
    const { data: own } = await strict.call("pay", { task: "self" });
    await strict.call("decide", own.next?.arguments);
    const { data: end } = await strict.call("get_run", { run_id: own.run_id, wait_seconds: 20 });
    expect(end.status).toBe("succeeded");
    await strict.close();
  });
});

describe("a run that waits for an answer", () => {
  it("goes on with it", async () => {
    const { data } = await house.call("ask_answer_1", { task: "Which colour?" });
    expect(data).toMatchObject({ status: "waiting", waiting_for: { kind: "answer" } });
    const { data: refused } = await house.call("decide", { run_id: data.run_id, decision: "answer" });
    expect(refused.error?.message).toContain("`value`");
    await house.call("decide", { run_id: data.run_id, decision: "answer", value: { colour: "blue" } });
    expect(await ended(data.run_id)).toMatchObject({ output: [{ how: "answered", value: { colour: "blue" } }] });
  });
});

describe("raise_budget", () => {
  it("goes no higher than one run may have, where a model says it", async () => {
    const { data } = await house.call("pay", { task: "Pay Ada." });
    const { run_id } = data;
    const { data: refused } = await house.call("decide", { run_id, decision: "raise_budget", value: { usd: 6 } });
    expect(refused.error).toMatchObject({ code: "FORBIDDEN", message: expect.stringContaining("ceiling of 5") });
    expect(refused.error?.hint).toContain(`baton approve ${run_id}`);
    const { data: raised } = await house.call("decide", { run_id, decision: "raise_budget", value: { usd: 5 } });
    expect(raised.status).toBe("waiting");
  });

  it("lets a run that ran out of it go on", async () => {
    const paid = rooms({ BATON_RETRY__ATTEMPTS: "1" });
    const steps = [{ agent: "writer" }, { agent: "critic" }];
    const args = { task: "t", steps, budget: { calls: 1 }, on_budget: "ask" };
    const { data } = await paid.call("run_pipeline", args);
    expect(data).toMatchObject({ status: "waiting", waiting_for: { kind: "budget" } });
    const { run_id, next } = data;
    expect(next).toEqual({ tool: "decide", arguments: { run_id, decision: "raise_budget", value: { calls: 2 } } });
    await paid.call("decide", next?.arguments);
    const { data: now } = await paid.call("get_run", { run_id: data.run_id, wait_seconds: 20 });
    expect(now).toMatchObject({ status: "succeeded", usage: { calls: 2 } });
    await paid.close();
  });

  it("is told which cap would do, also where twice the old one would not", async () => {
    const paid = rooms();
    const args = { agent: "writer", task: "t", budget: { tokens: 10 }, on_budget: "ask" };
    const { data } = await paid.call("run_agent", args);
    expect(data).toMatchObject({ status: "waiting", waiting_for: { kind: "budget" } });
    await paid.call("decide", data.next?.arguments);
    const { data: now } = await paid.call("get_run", { run_id: data.run_id, wait_seconds: 20 });
    expect(now).toMatchObject({ status: "succeeded" });
    await paid.close();
  });

  it("is asked for once, however often the run is paused and resumed meanwhile", async () => {
    const paid = rooms();
    const steps = [{ agent: "writer" }, { agent: "critic" }];
    const { data } = await paid.call("run_pipeline", { task: "t", steps, budget: { calls: 1 }, on_budget: "ask" });
    const { run_id } = data;
    const { store, engine } = await paid.baton.open();
    for (let times = 0; times < 2; times++) {
      await paid.call("control_run", { run_id, action: "pause" });
      await paid.call("control_run", { run_id, action: "resume" });
      const { data: now } = await paid.call("get_run", { run_id, wait_seconds: 20 });
      expect(now).toMatchObject({ status: "waiting", steps: { waiting: ["~budget.1"] } });
    }
    expect((await store.memory(String(run_id))).waits).toHaveLength(1);
    await paid.call("decide", { run_id, decision: "raise_budget", value: { calls: 2 } });
    expect(await engine.wait(String(run_id), 15_000)).toMatchObject({ status: "succeeded" });
    await paid.close();
  });

  it.each([
    ["nothing", undefined],
    ["no cap", {}],
    ["an unknown unit", { dollars: 3 }],
    ["less than nothing", { usd: -1 }],
  ])("of %s is refused with the right call", async (_, value) => {
    const { data } = await house.call("ask_answer_1", { task: "t" });
    const { data: refused } = await house.call("decide", { run_id: data.run_id, decision: "raise_budget", value });
    expect(refused).toMatchObject({ run_id: null, error: { code: "INVALID_INPUT" } });
    expect(refused.error?.hint).toContain("decide");
  });
});
