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
    const rehearsal = { faults: [{ calls: "1", late_ms: 8000 }] };
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

describe("baton cancel", () => {
  it("ends a run that another process plays, once", async () => {
    const client = await CLIENTS["the current client, 2026-07-28"]?.({ home });
    const rehearsal = { faults: [{ calls: "1-9", late_ms: 60_000 }] };
    const started = await client?.call("run_agent", { agent: "writer", task: "t", wait_seconds: 0, rehearsal });
    const id = String(started?.data.run_id);
    expect((await baton(["cancel", id], home)).stdout).toContain(id);
    const ended = await client?.call("get_run", { run_id: id, wait_seconds: 20 });
    expect(ended?.data).toMatchObject({ status: "cancelled" });
    expect((await baton(["cancel", id], home)).stdout).toBe(`${id} had ended before: it is cancelled.\n`);
    expect(await baton(["cancel", "r_none"], home)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("r_none"),
    });
    await client?.close();
  });
});

describe("baton pause --provider and --agent", () => {
  it("switch them off for every server, as list_agents tells, and resume switches them on", async () => {
    const client = await CLIENTS["the current client, 2026-07-28"]?.({ home });
    await client?.call("list_agents", {});
    expect((await baton(["pause", "--provider", "rehearsal"], home)).stdout).toMatch(/^rehearsal is switched off/);
    expect((await baton(["pause", "--agent", "writer"], home)).stdout).toMatch(/^writer is switched off/);
    expect((await baton(["pause", "--agent", "writer"], home)).stdout).toMatch(/^writer was switched off before/);
    await vi.waitFor(
      async () => {
        const { data } = (await client?.call("list_agents", { query: "writer" })) ?? {};
        expect(JSON.stringify(data)).toContain("agent:writer off: agent:writer was switched off by local at 20");
      },
      { timeout: 10_000, interval: 100 },
    );
    const failed = await client?.call("run_agent", { agent: "critic", task: "t" });
    expect(failed?.data).toMatchObject({ error: { code: "CIRCUIT_OPEN" } });
    expect(failed?.data.error?.hint).toContain("baton resume --provider rehearsal");
    for (const what of [
      ["--provider", "rehearsal"],
      ["--agent", "writer"],
    ])
      expect((await baton(["resume", ...what], home)).stdout).toContain("is switched on again");
    await vi.waitFor(
      async () => {
        const ended = await client?.call("run_agent", { agent: "writer", task: "t" });
        expect(ended?.data.status).toBe("succeeded");
      },
      { timeout: 10_000, interval: 100 },
    );
    await client?.close();
  });
});
