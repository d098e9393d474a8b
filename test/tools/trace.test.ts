import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { afterAll, describe, expect, it } from "vitest";
import { rooms } from "./rooms.ts";

const house = rooms({ BATON_RETRY__INITIAL_MS: "1", BATON_RETRY__MAX_MS: "5" });
afterAll(() => house.close());

const ran = async (tool: string, args: object): Promise<string> => String((await house.call(tool, args)).data.run_id);
const traced = (run_id: string, more: object = {}) => house.call("get_run_trace", { run_id, ...more });

const SHAPE = { type: "object", properties: { title: { type: "string" } }, required: ["title"] };

describe("the trace of a run", () => {
  it("tells in its summary what ran, how it ended, what it cost and what was slow", async () => {
    const id = await ran("fan_out", { task: "Say what matters.", agents: ["writer", "critic"] });
    const { text } = await traced(id);
    for (const word of ["pattern: fan_out v1", "created_at: 20", "ended_at: 20", "usd: 0", "calls: 2", '"success":']) {
      expect(text).toContain(word);
    }
  });

  it("tells every step in a line: who, which version, which model, how long, how many tokens, what became of it", async () => {
    const rehearsal = { faults: [{ agent: "critic", calls: "1", code: "overloaded" }] };
    const steps = [{ agent: "writer", output_schema: SHAPE }, { agent: "critic" }];
    const { text } = await traced(await ran("run_pipeline", { task: "t", steps, rehearsal }), { view: "steps" });
    expect(text).toMatch(
      /^writer \[success\] · writer@\w+ · rehearsal\/default · \d+ ms · \d+ tokens in, \d+ out · \$0 · ok/m,
    );
    expect(text).toMatch(/^writer .*input schema \w+/m);
    expect(text).toMatch(/^critic .* · failed OVERLOADED, ok · /m);
  });

  it("shows one step whole: asked, answered, request by request", async () => {
    const id = await ran("run_agent", { agent: "critic", task: "Look at the moon." });
    const { text } = await traced(id, { step: "critic" });
    expect(text).toMatch(/asked \(system\):\n# Role\n\nYou examine/);
    expect(text).toContain("asked (user):\nLook at the moon.");
    expect(text).toContain("answered:\nRehearsal, no model was asked.");
  });

  it("finds a step by its name as people write it, without the escapes of a place", async () => {
    const id = await ran("run_agent", { agent: "rehearsal/default", task: "Look at the moon." });
    for (const step of ["rehearsal/default", "rehearsal\\/default"]) {
      expect((await traced(id, { step })).text).toContain("Look at the moon.");
    }
    const context = [{ run_id: id, step: "rehearsal/default" }];
    expect((await house.call("run_agent", { agent: "writer", task: "t", context })).data.status).toBe("succeeded");
  });

  it("names the steps there are where one is asked for that is not", async () => {
    const id = await ran("run_agent", { agent: "critic", task: "t" });
    const { data } = await traced(id, { step: "critc" });
    expect(data.error).toMatchObject({ code: "NOT_FOUND" });
    expect(data.error?.hint).toContain("critic");
    expect((await traced(id, { view: "step" })).data.error?.hint).toContain("critic");
  });

  it("calls a refused answer a semantic failure, and a broken connection an exception", async () => {
    const branch = async (code: string) => {
      const rehearsal = { faults: [{ agent: "critic", calls: "1-9", code }] };
      const id = await ran("fan_out", { task: "t", agents: ["writer", "critic"], rehearsal });
      return (await traced(id, { view: "steps" })).text;
    };
    expect(await branch("refused")).toMatch(/critic \[semantic failure\].*REFUSED/);
    expect(await branch("network")).toMatch(/critic \[exception\].*NETWORK/);
  });

  it("tells where the money went: by step, by model and by agent", async () => {
    const id = await ran("fan_out", { task: "t", agents: ["writer", "critic"] });
    const { text, data } = await traced(id, { view: "cost" });
    expect(text).toMatch(/^spent \$0 of at most \$1, held \$0$/m);
    expect(text).toMatch(/^model rehearsal\/default · \$0 · \d+ tokens in/m);
    expect(text).toMatch(/^agent critic@\w+ · /m);
    expect(data).toMatchObject({ trace: { by_step: [{ requests: 1 }, { requests: 1 }] } });
  });

  it("draws the run as Mermaid: branches side by side, then what joins them", async () => {
    const args = { task: "t", agents: ["writer", "critic"], aggregator: "synthesiser" };
    const { text } = await traced(await ran("fan_out", args), { view: "graph" });
    const arrows = [...text.matchAll(/(s\d+) --> (s\d+)/g)].map(([, from, to]) => `${from}>${to}`);
    expect(text).toMatch(/^flowchart TD$/m);
    expect(arrows).toEqual(["s0>s1", "s0>s2", "s1>s3", "s2>s3"]);
  });

  it("draws names that would break the drawing as plain text", async () => {
    const steps = [{ agent: "writer", name: 'a"]; click s0 "x' }];
    const { text } = await traced(await ran("run_pipeline", { task: "t", steps }), { view: "graph" });
    expect(text).not.toContain('a"]');
  });

  it.each(["steps", "step", "cost"])("comes in pages under 2,000 tokens that together are whole: %s", async (view) => {
    const items = [...Array(60)].map(
      (_, i) => `Item ${i}. ${"Say a little more of it. ".repeat(view === "step" ? 900 : 4)}`,
    );
    const id = await ran("fan_out", { task: "t", items: view === "step" ? items.slice(0, 1) : items, agent: "writer" });
    const pages: string[] = [];
    let next: { tool: string; arguments: object } | undefined = {
      tool: "get_run_trace",
      arguments: { run_id: id, view, ...(view === "step" && { step: "map/0/writer" }) },
    };
    while (next) {
      const { text, data } = await house.call(next.tool, next.arguments);
      expect(encode(text).length).toBeLessThan(2000);
      expect(encode(JSON.stringify(data)).length).toBeLessThan(2000);
      pages.push(text);
      next = data.next;
    }
    expect(pages.length).toBeGreaterThan(1);
    const all = pages.join("\n");
    if (view === "step") expect(all.match(/Say a little more of it/g)?.length).toBeGreaterThanOrEqual(890);
    else for (let i = 0; i < items.length; i++) expect(all).toContain(`map/${i}/writer`);
  });

  it("refuses a cursor that is none", async () => {
    const id = await ran("run_agent", { agent: "critic", task: "t" });
    for (const cursor of ["x", "-1", "999999"])
      expect((await traced(id, { view: "steps", cursor })).data.error?.message, cursor).toContain("cursor");
  });
});
