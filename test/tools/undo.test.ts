import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openReceiver } from "../workflows/receiver.ts";
import { type Rooms, rooms } from "./rooms.ts";

let other: Awaited<ReturnType<typeof openReceiver>>;
let house: Rooms;
beforeAll(async () => {
  other = await openReceiver((_, n) => ({ json: { id: n } }));
  house = rooms({ BATON_HOSTS: JSON.stringify([other.host]) });
});
beforeEach(() => other.asked.splice(0));
afterAll(async () => {
  await house.close();
  await other[Symbol.asyncDispose]();
});

const hotel = (more: object = {}) => ({
  http: { method: "POST", url: `http://${other.host}/hotel` },
  effect: true,
  compensate: { http: { method: "DELETE", url: `http://${other.host}/hotel/{{ output.id }}` } },
  ...more,
});

const played = (nodes: object) => house.call("run_workflow", { definition: { nodes } });
const control = (run_id: unknown, action: string) => house.call("control_run", { run_id, action });

describe("control_run compensate", () => {
  it("of a run that succeeded shows what would be taken back, waits for a yes to that, and takes it back once", async () => {
    const { data: run } = await played({ book: hotel() });
    expect(run).toMatchObject({ status: "succeeded" });
    const { data: asked } = await control(run.run_id, "compensate");
    expect(asked).toMatchObject({
      status: "waiting",
      note: expect.stringContaining(`takes back what run ${run.run_id} did`),
      waiting_for: {
        kind: "approval",
        show: {
          why: expect.stringContaining("1 step would be taken back"),
          steps: [{ step: "book", taken_back_by: { does: "http", input: { method: "DELETE" } } }],
        },
      },
      next: { tool: "decide" },
    });
    expect(other.asked).toEqual(["POST /hotel"]);
    expect((await control(run.run_id, "compensate")).data).toMatchObject({ run_id: asked.run_id, status: "waiting" });
    const { data: done } = await house.call("decide", { ...asked.next?.arguments, decision: "approve" });
    expect(done).toMatchObject({ status: "succeeded", output: { run: run.run_id, taken_back: ["book"] } });
    const { data: again } = await control(run.run_id, "compensate");
    expect(again).toMatchObject({ run_id: asked.run_id, note: expect.stringContaining("taken back before") });
    expect(other.asked).toEqual(
      ["POST /hotel", "DELETE /hotel/1"].map((one) => expect.stringMatching(one.replace("1", "\\d"))),
    );
    const { data: told } = await house.call("get_run", { run_id: run.run_id });
    expect(told).toMatchObject({ status: "succeeded", degraded: ["what it did was taken back: book"] });
  });

  it("shows in the trace of the run, step by step, how each was taken back", async () => {
    const { data: limited } = await house.call("run_workflow", {
      definition: { nodes: { book: hotel(), ask: { agent: "rehearsal/a", task: "t", after: ["book"] } } },
      budget: { calls: 0 },
    });
    expect(limited).toMatchObject({ status: "failed", error: { code: "BUDGET_EXCEEDED" } });
    const { data: undone } = await control(limited.run_id, "compensate");
    expect(undone).toMatchObject({ status: "succeeded", output: { taken_back: ["map/0/book"] } });
    const { text } = await house.call("get_run_trace", { run_id: limited.run_id, view: "steps" });
    const rows = text.split("\n").map((line) => line.split(" · ")[0]);
    expect(rows).toEqual(
      expect.arrayContaining([
        "map/0/book [success]",
        "map/0/book/~undo/~claim [success]",
        "map/0/book/~undo [success]",
      ]),
    );
    const { text: step } = await house.call("get_run_trace", { run_id: limited.run_id, step: "map/0/book/~undo" });
    expect(step).toContain('"id"');
    const { text: own } = await house.call("get_run_trace", { run_id: undone.run_id, view: "steps" });
    expect(own).toContain("[success]");
  });

  it("is refused for a run that has not ended, or did nothing that can be taken back", async () => {
    const { data: plain } = await house.call("run_agent", { agent: "rehearsal/a", task: "t" });
    expect((await control(plain.run_id, "compensate")).data.error).toMatchObject({
      code: "ILLEGAL_CHANGE",
      hint: expect.stringContaining("compensate"),
    });
    const { data: slow } = await house.call("run_agent", {
      agent: "rehearsal/a",
      task: "t",
      wait_seconds: 0,
      rehearsal: { faults: [{ calls: "1", late_ms: 20_000 }] },
    });
    expect((await control(slow.run_id, "compensate")).data.error).toMatchObject({
      code: "ILLEGAL_CHANGE",
      hint: expect.stringContaining("Cancel it first"),
    });
    await control(slow.run_id, "cancel");
  });
});
