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

const house = rooms(
  {},
  { patterns: [asking("approval", ["gate"]), asking("answer", ["question"]), asking("approval", ["left", "right"])] },
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
