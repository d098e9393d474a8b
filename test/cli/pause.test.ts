import { afterEach, describe, expect, it, vi } from "vitest";
import { CLIENTS } from "../compat/clients.ts";
import { baton, temporaryHome } from "./server-process.ts";

/** Every command is a process of its own. */
vi.setConfig({ testTimeout: 120_000 });

const { home, remove } = temporaryHome();
afterEach(remove);

describe("baton pause", () => {
  it("reaches the server that plays a run, and resume lets it go on there", async () => {
    const client = await CLIENTS["the current client, 2026-07-28"]?.({ home });
    const steps = [{ agent: "writer" }, { agent: "critic" }];
    const rehearsal = { faults: [{ calls: "1", late_ms: 1500 }] };
    const started = await client?.call("run_pipeline", { task: "t", steps, wait_seconds: 0, rehearsal });
    const id = String(started?.data.run_id);
    const paused = await baton(["pause", "--all"], home);
    expect(paused.stdout).toContain(id);
    const { data } = (await client?.call("get_run", { run_id: id, wait_seconds: 20 })) ?? {};
    expect(data).toMatchObject({ status: "waiting", waiting_for: { kind: "resume" }, steps: { done: 1 } });
    expect((await baton(["resume", id], home)).stdout).toBe(`${id} goes on: it is queued.\n`);
    const ended = await client?.call("get_run", { run_id: id, wait_seconds: 30 });
    expect(ended?.data).toMatchObject({ status: "succeeded" });
    expect((await baton(["pause", id], home)).stdout).toBe(`${id} had ended before: it is succeeded.\n`);
    expect((await baton(["pause", "--all"], home)).stdout).toBe("There is nothing to pause.\n");
    await client?.close();
  });

  it("asks for one run or all, and knows which there are", async () => {
    const bare = await baton(["pause"], home);
    expect(bare).toMatchObject({ code: 2, stderr: expect.stringContaining("--all") });
    expect(await baton(["resume", "r_none"], home)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("r_none"),
    });
  });
});
