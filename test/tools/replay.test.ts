import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { afterAll, describe, expect, it } from "vitest";
import { rooms } from "./rooms.ts";

const house = rooms();
const { call, baton } = house;
afterAll(() => house.close());

const steps = [
  { agent: "researcher", name: "dig" },
  { agent: "writer", name: "write" },
  { agent: "critic", name: "judge" },
];
const source = async () => (await call("run_pipeline", { task: "Explain what a baton is.", steps })).data;

describe("replay_run", () => {
  it("costs the menu less than 250 tokens", () => {
    const { name, description, inputSchema } = baton.tools.find((tool) => tool.name === "replay_run") ?? {};
    expect(encode(JSON.stringify({ name, description, inputSchema })).length).toBeLessThan(250);
  });

  it("tells before it costs anything what would be reused and what asked", async () => {
    const { run_id } = await source();
    const changes = { steps: { write: { prompt: "Write a limerick." } } };
    const { data, text, isError } = await call("replay_run", { run_id, changes, dry_run: true });
    expect(isError).toBe(false);
    expect(data).toMatchObject({ run_id: null, dry_run: true, reused: 1, first: ["write"], steps: ["write", "judge"] });
    expect(text).toMatch(/^dry run: nothing was started, nobody was asked\n1 step of r_\w+ reused, 2 asked anew\n/);
    const { data: list } = await call("list_runs", { query: String(run_id) });
    expect(JSON.stringify(list).match(/"run_id"/g)).toHaveLength(1);
  });

  it("forks, says how much was reused and asked, and compares; the whole lies under a resource", async () => {
    const { run_id } = await source();
    const changes = { agents: { critic: { instructions: "You find everything good." } } };
    const { data, text, links } = await call("replay_run", { run_id, changes, labels: ["try"] });
    expect(data).toMatchObject({ status: "succeeded", source: run_id });
    expect(data.note).toBe(`a fork of ${run_id}: 2 calls reused, 1 asked.`);
    expect(data.run_id).not.toBe(run_id);
    expect(text).toContain(`compared with its source (whole: baton://runs/${data.run_id}/compare):`);
    expect((data as { comparison?: string }).comparison).toMatch(/steps: \d+ reused, \d+ asked/);
    expect(links?.map(({ uri }) => uri)).toContain(`baton://runs/${data.run_id}/compare`);
  });

  it("is one run for one idempotency key, and another request under the same key is refused", async () => {
    const { run_id } = await source();
    const once = { run_id, from_step: "judge", idempotency_key: "once" };
    const [one, two] = [await call("replay_run", once), await call("replay_run", once)];
    expect(two.data.run_id).toBe(one.data.run_id);
    const other = await call("replay_run", { ...once, from_step: "write" });
    expect(other.data.error).toMatchObject({ code: "KEY_REUSED" });
  });

  it("knows no run of somebody else's, and no step that is not there, and shows a right call", async () => {
    const { run_id } = await source();
    const stranger = await call("replay_run", { run_id }, { caller: "mallory" });
    expect(stranger.data.error).toMatchObject({ code: "NOT_FOUND" });
    const nowhere = await call("replay_run", { run_id, from_step: "wrote" });
    expect(nowhere.data.error).toMatchObject({ code: "NOT_FOUND", hint: expect.stringContaining("write") });
    const wrong = await call("replay_run", { run_id, change: { agents: { critic: { model: "x/y" } } } });
    expect(wrong.data.error?.hint).toContain('"changes"');
  });

  it("marks in the trace what was reused, at no cost", async () => {
    const { run_id } = await source();
    const { data } = await call("replay_run", { run_id, from_step: "judge" });
    const trace = await call("get_run_trace", { run_id: data.run_id, view: "steps" });
    expect(trace.text).toMatch(/^dig .*reused/m);
    expect(trace.text).not.toMatch(/^judge .*reused/m);
  });
});
