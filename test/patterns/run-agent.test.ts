import { describe, expect, test } from "vitest";
import { openStand } from "./stand.ts";

describe("run_agent", () => {
  test("sends nothing that the user did not write, and returns the answer as it came", async () => {
    await using stand = await openStand([{ reply: { text: "  An answer.\n" } }]);
    const run = await stand.play("run_agent", { task: "What is a baton?", agent: "oa/a" });
    expect(run).toMatchObject({ status: "succeeded", output: "  An answer.\n" });
    expect(stand.vendor.requests[0]?.body?.["messages"]).toEqual([{ role: "user", content: "What is a baton?" }]);
  });

  test("puts an ad-hoc specialist's instructions before the task, word for word", async () => {
    await using stand = await openStand([]);
    await stand.play("run_agent", { task: "Go.", agent: { agent: "oa/a", instructions: "Be brief." } });
    expect(stand.vendor.requests[0]).toMatchObject({ system: "Be brief.", user: "Go." });
  });

  test("returns the value where a shape is asked for", async () => {
    await using stand = await openStand([{ reply: { json: { title: "Baton" } } }]);
    const shape = {
      type: "object",
      properties: { title: { type: "string" } },
      required: ["title"],
      additionalProperties: false,
    };
    const run = await stand.play("run_agent", { task: "t", agent: "oa/a", output_schema: shape });
    expect(run.output).toEqual({ title: "Baton" });
  });

  test("fails with the reason where the answer never has the shape, and keeps what it cost", async () => {
    await using stand = await openStand([{ reply: { json: { title: 3 } } }]);
    const shape = { type: "object", properties: { title: { type: "string" } }, required: ["title"] };
    const run = await stand.play("run_agent", { task: "t", agent: "oa/a", output_schema: shape });
    expect(run).toMatchObject({ status: "failed", error: { code: "BAD_OUTPUT" } });
    expect(run.usage.calls).toBe(stand.vendor.requests.length);
  });
});
