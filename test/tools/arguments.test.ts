import { afterAll, describe, expect, it } from "vitest";
import { rooms } from "./rooms.ts";

const house = rooms();
afterAll(() => house.close());

/** The arguments of the right call that a refusal shows. */
function shown(hint: string | undefined, tool: string): unknown {
  const start = `A right call: ${tool} `;
  expect(hint).toMatch(new RegExp(`^${start}`));
  return JSON.parse(String(hint).slice(start.length));
}

async function refusal(tool: string, args: unknown) {
  const reply = await house.call(tool, args);
  expect(reply.isError).toBe(true);
  expect(reply.data).toMatchObject({ run_id: null, status: null });
  expect(reply.text).toContain(reply.data.error?.message);
  return reply.data.error;
}

describe("a call with wrong arguments", () => {
  it("names the nearest right key and shows the call with the caller's own values", async () => {
    const error = await refusal("run_agent", { agent: "critic", tsk: "Look at this", waitSeconds: 3 });
    expect(error?.message).toContain("`tsk`: there is no such name here; did you mean `task`?");
    expect(error?.message).toContain("did you mean `wait_seconds`?");
    expect(shown(error?.hint, "run_agent")).toEqual({ agent: "critic", task: "Look at this", wait_seconds: 3 });
  });

  it("takes what stands under an unknown name for what is missing", async () => {
    const error = await refusal("run_agent", { agent: "critic", prompt: "Look at this" });
    expect(error?.message).toContain("`task` is missing");
    expect(shown(error?.hint, "run_agent")).toEqual({ agent: "critic", task: "Look at this" });
  });

  it("is told of wrong names deep inside", async () => {
    const error = await refusal("run_pipeline", { task: "t", steps: [{ agnt: "writer" }], budget: { dollars: 3 } });
    expect(error?.message).toContain("`steps.0.agnt`");
    expect(error?.message).toContain("`budget.dollars`");
    expect(shown(error?.hint, "run_pipeline")).toMatchObject({ task: "t", steps: [{ agent: "writer" }] });
  });

  it.each([
    ["a number for a text", { agent: "critic", task: 5 }, { agent: "critic", task: "5" }],
    ["a text for a number", { agent: "critic", task: "t", priority: "3" }, { agent: "critic", task: "t", priority: 3 }],
    ["one for many", { agent: "critic", task: "t", labels: "a" }, { agent: "critic", task: "t", labels: ["a"] }],
    [
      "a list written as text",
      { agent: "critic", task: "t", labels: '["a","b"]' },
      { agent: "critic", task: "t", labels: ["a", "b"] },
    ],
  ])("is shown the right form of %s", async (_, given, right) => {
    expect(shown((await refusal("run_agent", given))?.hint, "run_agent")).toEqual(right);
  });

  it("shows a call that would itself be taken, whatever was wrong", async () => {
    const wrong: [string, unknown][] = [
      ["fan_out", {}],
      ["fan_out", { prompt: "t", agent: ["critic"] }],
      ["consensus_vote", { question: "q", voters: ["critic"], method: "majoraty" }],
      ["run_pipeline", { task: "t", steps: [] }],
      ["get_run", { id: "r_1" }],
      ["list_runs", { state: "failed", limit: 1000 }],
      ["control_run", { run_id: "r_1", action: "stop" }],
      ["get_run_trace", { run_id: "r_1", view: "all" }],
      ["run_agent", { agent: "critic", task: "t", budget: { tokens: 1.5 } }],
      ["run_agent", { agent: "critic", task: "t", priority: 2.5 }],
      ["run_agent", { agent: "critic", task: "t", context: [{}] }],
      ["run_agent", { agent: "critic", task: "t", context: [{ text: "a", file: "b" }] }],
      ["fan_out", { task: "t", agents: ["critic"], timeout_seconds: -1 }],
      ["fan_out", { task: "t", agent: "critic", items: [...Array(6000).keys()] }],
    ];
    for (const [tool, args] of wrong) {
      const error = await refusal(tool, args);
      if (!error?.hint?.startsWith("A right call")) continue;
      const again = await house.call(tool, shown(error.hint, tool));
      expect(again.data.error?.message ?? "", tool).not.toMatch(
        /there is no such name|is missing|expected|give one of/,
      );
    }
  });

  it.each([
    ["a list without items", "fan_out", { task: "t", agent: "critic", items: [] }, { items: ["<item>"] }],
    ["a name for a step", "run_pipeline", { task: "t", steps: ["critic"] }, { steps: [{ agent: "critic" }] }],
    [
      "two sources for one",
      "run_agent",
      { agent: "critic", task: "t", context: [{ text: "a", file: "b" }] },
      { context: [{ text: "a" }] },
    ],
    ["an empty label", "run_agent", { agent: "critic", task: "t", labels: ["a", ""] }, { labels: ["a", "<label>"] }],
  ])("keeps what it can of %s", async (_, tool, args, right) => {
    expect(shown((await refusal(tool, args))?.hint, tool)).toMatchObject(right);
  });

  it.each([
    ["no object at all", "task"],
    ["a list", ["task"]],
    ["nothing", undefined],
    ["a negative budget", { agent: "critic", task: "t", budget: { usd: -1 } }],
    ["a budget that is no number", { agent: "critic", task: "t", budget: { usd: "much" } }],
    ["an empty task", { agent: "critic", task: "" }],
    ["an endless wait", { agent: "critic", task: "t", wait_seconds: 99_999 }],
    ["a name that every object has", JSON.parse('{"agent":"critic","task":"t","__proto__":{"a":1},"constructor":2}')],
    ["context without a source", { agent: "critic", task: "t", context: [{}] }],
    ["context with two sources", { agent: "critic", task: "t", context: [{ text: "a", file: "b" }] }],
  ])("is refused with %s", async (_, args) => {
    expect((await refusal("run_agent", args))?.code).toBe("INVALID_INPUT");
  });

  it("is refused when it is nested without end, and the server lives", async () => {
    let deep: unknown = "bottom";
    for (let i = 0; i < 5000; i++) deep = [deep];
    expect((await refusal("run_agent", { agent: "critic", task: "t", labels: deep }))?.message).toMatch(/nested/);
  });

  it("is refused when it is too large, with the figure and the limit", async () => {
    const error = await refusal("run_agent", { agent: "critic", task: "a".repeat(10_000_000) });
    expect(error).toMatchObject({ code: "TOO_LARGE" });
    expect(error?.message).toContain("1,048,576");
    expect(error?.hint).toContain("limits.input_bytes");
  });

  it("starts nothing", async () => {
    const before = await house.call("list_runs", {});
    await refusal("run_agent", { agent: "critic", tsk: "t" });
    expect((await house.call("list_runs", {})).data).toEqual(before.data);
  });
});

describe("texts that are no clean texts", () => {
  it.each([
    ["NUL", "before\0after"],
    ["half a character", "before\uD83Dafter"],
  ])("with %s are taken, kept whole but for that, and answered", async (_, task) => {
    const reply = await house.call("run_agent", { agent: "critic", task });
    expect(reply.data.status).toBe("succeeded");
    const { text } = await house.call("get_run_trace", { run_id: reply.data.run_id, step: "critic" });
    expect(text).toContain("before\uFFFDafter");
  });
});
