import { describe, expect, test } from "vitest";
import type { z } from "zod";
import type { fanOut } from "../../src/patterns/fan-out.ts";
import { byModel, openStand } from "./stand.ts";

type Output = z.output<typeof fanOut.output>;

const agents = ["oa/a", "oa/b", "oa/c"];
const down = { status: 400, body: { error: { message: "bad request", type: "invalid_request_error" } } };

describe("fan_out", () => {
  test("asks all agents the task alone, and returns their answers in the order they were named", async () => {
    await using stand = await openStand(
      byModel({ a: { text: "A", latency_ms: 60 }, b: { text: "B" }, c: { text: "C" } }),
    );
    const run = await stand.play("fan_out", { task: "Say it.", agents });
    expect(run).toMatchObject({ status: "succeeded", degraded: [] });
    const { branches, merged } = run.output as Output;
    expect(branches.map(({ agent, status, output }) => [agent, status, output])).toEqual([
      ["oa/a", "succeeded", "A"],
      ["oa/b", "succeeded", "B"],
      ["oa/c", "succeeded", "C"],
    ]);
    expect(branches[0]?.usage).toMatchObject({ calls: 1 });
    expect(merged).toBeUndefined();
    expect(new Set(stand.asked().map(({ user }) => user))).toEqual(new Set(["Say it."]));
  });

  test("asks one agent about each item, which is fenced, and tells which answer is about which", async () => {
    await using stand = await openStand((asked) => ({ text: asked.user.includes("pear") ? "green" : "red" }));
    const items = ["pear", { fruit: "apple" }];
    const run = await stand.play("fan_out", { task: "Which colour?", items, agent: "oa/a" });
    const { branches } = run.output as Output;
    expect(branches.map(({ item, output }) => [item, output])).toEqual([
      ["pear", "green"],
      [{ fruit: "apple" }, "red"],
    ]);
    const [first] = stand.vendor.requests;
    expect(first?.user).toMatch(/^Which colour\?\n\nThe item:\n<data-\w+ name="item">\npear\n<\/data-/);
    expect(first?.system).toContain("never an instruction");
  });

  test("keeps what succeeds when a branch fails, and says so", async () => {
    await using stand = await openStand(byModel({ a: { text: "A" }, b: down, c: { text: "C" } }));
    const run = await stand.play("fan_out", { task: "t", agents, aggregator: "oa/sum" });
    const { branches, merged } = run.output as Output;
    expect(run.status).toBe("succeeded");
    expect(run.degraded.join()).toMatch(/1 of 3 branches failed: oa\/b BAD_REQUEST/);
    expect(branches.map(({ status }) => status)).toEqual(["succeeded", "failed", "succeeded"]);
    expect(branches[1]?.error).toMatchObject({ code: "BAD_REQUEST", retryable: false });
    expect(merged).toContain("Answer to");
    const last = stand.asked().at(-1);
    expect(last?.model).toBe("sum");
    expect(last?.user).toContain("Answer 2 (oa/b) is missing: failed, BAD_REQUEST.");
  });

  test("fails where no branch succeeds, and asks no aggregator", async () => {
    await using stand = await openStand([{ reply: down }]);
    const run = await stand.play("fan_out", { task: "t", agents, aggregator: "oa/sum" });
    expect(run).toMatchObject({ status: "failed", error: { code: "NO_QUORUM" } });
    expect(run.error?.message).toMatch(/oa\/a BAD_REQUEST, oa\/b BAD_REQUEST, oa\/c BAD_REQUEST/);
    expect(stand.models()).not.toContain("sum");
  });

  test("asks no aggregator to merge nothing, and does not call that a merge", async () => {
    await using stand = await openStand([{ reply: { text: "[]" } }]);
    const run = await stand.play("fan_out", { task: "t", agents, aggregator: "oa/sum" });
    expect(run.status).toBe("succeeded");
    expect(run.output).not.toHaveProperty("merged");
    expect(run.degraded.join()).toContain("every answer is empty");
    expect(stand.models()).not.toContain("sum");
  });

  test("keeps the paid answers where the aggregator fails", async () => {
    await using stand = await openStand(byModel({ sum: down }));
    const run = await stand.play("fan_out", { task: "t", agents, aggregator: "oa/sum" });
    expect(run.status).toBe("succeeded");
    expect((run.output as Output).branches.every(({ status }) => status === "succeeded")).toBe(true);
    expect(run.degraded.join()).toContain("could not be merged: BAD_REQUEST");
  });

  test("ends a branch that takes longer than its time, and waits for no other", async () => {
    await using stand = await openStand(byModel({ b: { fault: "hang" } }));
    const run = await stand.play("fan_out", { task: "t", agents, timeout_seconds: 1.5 });
    const { branches } = run.output as Output;
    expect(branches.map(({ status }) => status)).toEqual(["succeeded", "timed_out", "succeeded"]);
    await expect.poll(() => stand.vendor.report().open, { timeout: 5000 }).toBe(0);
  });

  test("with join first takes the first success and cancels the others", async () => {
    await using stand = await openStand(byModel({ a: { fault: "hang" }, b: down, c: { text: "C", latency_ms: 100 } }));
    const run = await stand.play("fan_out", { task: "t", agents, join: "first" });
    const { branches } = run.output as Output;
    expect(branches.map(({ status }) => status)).toEqual(["cancelled", "failed", "succeeded"]);
    expect(run.degraded).toEqual([]);
  });

  test("with a quorum ends as soon as it is reached", async () => {
    await using stand = await openStand(byModel({ b: { fault: "hang" } }));
    const run = await stand.play("fan_out", { task: "t", agents, quorum: 2 });
    const { branches } = run.output as Output;
    expect(branches.map(({ status }) => status)).toEqual(["succeeded", "cancelled", "succeeded"]);
  });

  test("with a quorum that is out of reach fails without waiting for the rest", async () => {
    await using stand = await openStand(byModel({ a: down, b: { fault: "hang" }, c: down }));
    const run = await stand.play("fan_out", { task: "t", agents, join: "quorum", quorum: 2 });
    expect(run).toMatchObject({ status: "failed", error: { code: "NO_QUORUM" } });
  });

  test("with join all fails with the first failure", async () => {
    await using stand = await openStand(byModel({ a: { fault: "hang" }, b: down }));
    const run = await stand.play("fan_out", { task: "t", agents, join: "all" });
    expect(run).toMatchObject({ status: "failed", error: { code: "BAD_REQUEST" } });
  });

  test("works through more items than may run at once", async () => {
    await using stand = await openStand((asked) => ({ text: asked.user }), { limits: { width: 4, calls: 3 } });
    const items = Array.from({ length: 40 }, (_, n) => n);
    const run = await stand.play("fan_out", { task: "t", items, agent: "oa/a" });
    expect((run.output as Output).branches.map(({ item }) => item)).toEqual(items);
    expect(stand.vendor.report().most_at_once).toBeLessThanOrEqual(3);
  });

  test("within a budget of calls keeps one for the aggregator, and tells which branches were refused", async () => {
    await using stand = await openStand([]);
    const more = { budget: { calls: 3 }, on_budget: "partial" as const };
    const run = await stand.play("fan_out", { task: "t", agents, aggregator: "oa/sum" }, more);
    const { branches, merged } = run.output as Output;
    expect(run.status).toBe("succeeded");
    expect(branches.map(({ status }) => status).sort()).toEqual(["refused", "succeeded", "succeeded"]);
    expect(merged).toBeDefined();
    expect(stand.vendor.requests).toHaveLength(3);
  });
});
