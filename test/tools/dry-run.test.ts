import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { afterAll, describe, expect, it } from "vitest";
import type { Forecast } from "../../src/core/forecast.ts";
import type { Reply } from "../../src/tools/tool.ts";
import { startVendor } from "../stub/vendor.ts";
import { type Rooms, rooms } from "./rooms.ts";

const vendor = await startVendor({});
const house = rooms({
  BATON_REHEARSAL: "false",
  BATON_MODEL: "oa/m",
  BATON_PROVIDERS: JSON.stringify({ oa: { type: "openai", base_url: vendor.v1 } }),
  BATON_PRICES: JSON.stringify({ "oa/m": { input_per_mtok: 1, output_per_mtok: 4 } }),
});

afterAll(async () => {
  await house.close();
  await vendor.close();
});

type Foreseen = Omit<Forecast, "outline"> & { dry_run: boolean; graph: string | null; run_id: null; status: null };
const told = (reply: Reply): Foreseen => reply.data as unknown as Foreseen;

const runs = async ({ baton }: Rooms) => (await (await baton.open()).store.list({ limit: 100 })).runs;

/** A call of each tool that starts something. */
const STARTS: Readonly<Record<string, object>> = {
  run_agent: { agent: "writer", task: "t" },
  run_pipeline: { task: "t", steps: [{ agent: "writer" }, { agent: "critic" }] },
  fan_out: { task: "t", agents: ["writer", "critic"] },
  consensus_vote: { question: "q", voters: ["writer", "critic"] },
  debate: { task: "t", participants: ["writer", "critic"] },
  refine: { task: "t", maker: "writer", critic: "critic", criteria: ["It is short."] },
  supervise: { task: "t", supervisor: "judge", workers: ["writer"] },
  hand_off: { task: "t", agents: ["writer", "critic"] },
  plan_and_execute: { goal: "g" },
  run_workflow: { definition: { nodes: { draft: { agent: "writer", task: "Write." } } } },
};

describe("dry_run", () => {
  it("is taken by every tool that starts something", () => {
    const starts = house.baton.patterns.map(({ name }) => name);
    expect(Object.keys(STARTS)).toEqual(expect.arrayContaining(starts));
  });

  it.each(Object.keys(STARTS).filter((name) => house.baton.tools.some((tool) => tool.name === name)))(
    "of %s tells drawing, calls and cost, starts no run and asks nobody",
    async (name) => {
      const reply = await house.call(name, { ...STARTS[name], dry_run: true, idempotency_key: "k" });
      expect(reply.isError).toBe(false);
      const { run_id, status, dry_run, graph, calls, usd, cap, single } = told(reply);
      expect({ run_id, status, dry_run }).toEqual({ run_id: null, status: null, dry_run: true });
      expect(graph).toMatch(/^flowchart TD\n/);
      expect(calls?.likely).toBeGreaterThan(0);
      expect(calls?.most).toBeGreaterThanOrEqual(calls?.likely ?? 0);
      expect(usd?.likely).toBeGreaterThan(0);
      expect(usd?.most).toBeGreaterThan(usd?.likely ?? 0);
      expect(cap).toEqual({ usd: 1 });
      expect(single?.usd).toBeGreaterThan(0);
      expect(await runs(house)).toEqual([]);
      expect(vendor.report().count).toBe(0);
    },
  );

  it("says the same in text, in the words that a person reads", async () => {
    const reply = await house.call("fan_out", {
      task: "x".repeat(400),
      agents: ["oa/m", "oa/m", "oa/m"],
      dry_run: true,
    });
    // 100 tokens in and 600 out, each: a dollar and four dollars a million.
    expect(reply.text).toContain("cost: likely $0.0075, at most $");
    expect(reply.text).toContain("oa/m alone, once: likely $0.0025, 10 s: this costs 3 times that");
    expect(reply.text).toContain("the budget allows, whatever happens: $1");
    expect(reply.text).toContain("dry run: nothing was started");
  });

  it("counts the material that is joined to the task, and the caller's own budget", async () => {
    const args = { agent: "oa/m", task: "t", dry_run: true, budget: { usd: 0.25, calls: 3 } };
    const bare = told(await house.call("run_agent", args));
    const full = told(await house.call("run_agent", { ...args, context: [{ text: "y".repeat(8000) }] }));
    expect((full.tokens?.likely ?? 0) - (bare.tokens?.likely ?? 0)).toBeGreaterThan(2000);
    expect(full.cap).toEqual({ usd: 0.25, calls: 3 });
  });

  it("is refused where the start would be, with the same words", async () => {
    const wrong = { agent: "wrtier", task: "t" };
    const dry = await house.call("run_agent", { ...wrong, dry_run: true });
    const real = await house.call("run_agent", wrong);
    expect(dry.isError).toBe(true);
    expect(dry.data).toEqual(real.data);
  });

  it("is under 2,000 tokens however much there is to do", async () => {
    const steps = Array.from({ length: 1000 }, (_, i) => ({ agent: "oa/m", name: `step number ${i}` }));
    const reply = await house.call("run_pipeline", { task: "t", steps, dry_run: true });
    expect(told(reply).calls?.likely).toBe(1000);
    expect(told(reply).warnings.join()).toContain("would end early");
    expect(encode(reply.text).length).toBeLessThan(2000);
    expect(encode(JSON.stringify(reply.data)).length).toBeLessThan(2000);
    expect(told(reply).graph).toMatch(/and \d+ more/);
  });
});

describe("warnings", () => {
  const free = rooms();
  afterAll(() => free.close());

  it("stand in the answer of a start, each once, and leave the run as it is", async () => {
    const { data, text } = await free.call("fan_out", { task: "t", agents: ["writer"] });
    expect(data.status).toBe("succeeded");
    expect(data.warnings).toEqual([expect.stringContaining("run_agent does the same")]);
    expect(text).toContain(`warning: ${data.warnings?.[0]}`);
    const agents = Array.from({ length: 20 }, (_, i) => ["writer", "critic", "judge"][i % 3]);
    const many = await free.call("fan_out", { task: "t", agents });
    expect(many.data.warnings).toHaveLength(3);
  });

  it("are absent where there is nothing to say", async () => {
    const { data } = await free.call("run_agent", { agent: "writer", task: "t" });
    expect(data).not.toHaveProperty("warnings");
  });
});
