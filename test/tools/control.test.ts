import { afterAll, describe, expect, it } from "vitest";
import { rooms } from "./rooms.ts";

const house = rooms();
afterAll(() => house.close());

const slow = (ms: number) => ({ faults: [{ calls: "1", late_ms: ms }] });
const twoSteps = (ms: number) => ({
  task: "t",
  steps: [
    { agent: "rehearsal/a", name: "first" },
    { agent: "rehearsal/a", name: "second" },
  ],
  wait_seconds: 0,
  rehearsal: slow(ms),
});
const control = (run_id: unknown, action: string) => house.call("control_run", { run_id, action });

describe("control_run pause", () => {
  it("answers once the call in flight has ended, with the call that resumes; then the run goes on", async () => {
    const { data } = await house.call("run_pipeline", twoSteps(300));
    const { data: paused, text } = await control(data.run_id, "pause");
    expect(paused).toMatchObject({
      status: "waiting",
      steps: { done: 1, running: [] },
      waiting_for: { kind: "resume" },
      next: { tool: "control_run", arguments: { run_id: data.run_id, action: "resume" } },
    });
    expect(text).toContain("waiting for resume");
    expect((await control(data.run_id, "pause")).data.note).toMatch(/paused before/);
    const { data: on } = await house.call("control_run", paused.next?.arguments);
    expect(on).toMatchObject({ status: "succeeded", steps: { done: 2 } });
  });

  it("says what still runs where a call takes its time, and so does a cancel", async () => {
    const { data } = await house.call("run_pipeline", twoSteps(20_000));
    const { data: asked } = await control(data.run_id, "pause");
    expect(asked).toMatchObject({ status: "running", steps: { running: ["first"] } });
    expect(asked.note).toMatch(/pause is asked for, and what `steps.running` lists ends first/);
    expect((await control(data.run_id, "cancel")).data).toMatchObject({ status: "cancelled", steps: { running: [] } });
  }, 30_000);

  it("tells what a run is that has ended, and that one was not paused", async () => {
    const { data } = await house.call("run_agent", { agent: "rehearsal/a", task: "t" });
    for (const action of ["pause", "resume", "cancel"]) {
      const { data: told } = await control(data.run_id, action);
      expect(told).toMatchObject({ status: "succeeded", note: expect.stringMatching(/had ended before/) });
    }
    const { data: other } = await house.call("run_pipeline", twoSteps(200));
    expect((await control(other.run_id, "resume")).data.note).toMatch(/was not paused/);
  });
});
