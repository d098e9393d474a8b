import { mkdirSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { Forecast } from "../../src/core/forecast.ts";
import { definePattern, type Pattern } from "../../src/core/pattern.ts";
import { patterns } from "../../src/patterns/index.ts";
import { makeRunWorkflow } from "../../src/workflows/run-workflow.ts";
import { type House, newHome, openHouse } from "../house.ts";
import type { Asked } from "../stub/script.ts";

/** Houses price a million tokens of `oa/m` at one dollar in and four out, and let an answer have 500. */
const IN = 1e-6;
const OUT = 4e-6;
const one = { limits: { max_output_tokens: 500 }, retry: { attempts: 1 } };

async function foresee(house: House, name: string, input: unknown, more: object = {}): Promise<Forecast> {
  const pattern = patterns.find((each) => each.name === name);
  if (!pattern) throw new Error(`no pattern ${name}`);
  return house.engine.foresee({ pattern, input: pattern.input.parse(input), caller: "test", ...more });
}

async function untouched(house: House): Promise<void> {
  expect(house.vendor.report().count).toBe(0);
  expect((await house.store.list({ limit: 10 })).runs).toEqual([]);
}

describe("a forecast", () => {
  it("tells likely and most of one agent by hand-computable figures, and costs exactly one of itself", async () => {
    await using house = await openHouse({ settings: one });
    const task = "x".repeat(400);
    const { calls, usd, tokens, cap, single, times_single, basis } = await foresee(house, "run_agent", {
      agent: "oa/m",
      task,
    });
    expect(usd?.likely).toBeCloseTo(100 * IN + 500 * OUT, 9);
    expect(usd?.most).toBeCloseTo((1400 + 3400) * IN + 1000 * OUT, 9);
    expect(calls).toEqual({ likely: 1, most: 2 });
    expect(tokens?.likely).toBe(600);
    expect(cap).toEqual({ usd: 1 });
    expect(single).toEqual({ agent: "oa/m", usd: usd?.likely, seconds: 10 });
    expect(times_single).toBe(1);
    expect(basis).toBe("outline");
    await untouched(house);
  });

  it("sets a team's likely cost beside that of one agent that gets all of it at once", async () => {
    await using house = await openHouse({ settings: one });
    const items = ["a".repeat(4000), "b".repeat(4000)];
    const { usd, single, times_single: times } = await foresee(house, "fan_out", { task: "t", items, agent: "oa/m" });
    expect(single?.usd).toBeLessThan(usd?.likely ?? 0);
    expect(single?.usd).toBeGreaterThan(2000 * IN + 500 * OUT);
    expect(times).toBeCloseTo((usd?.likely ?? 0) / (single?.usd ?? 1), 1);
  });

  it("bounds what runs really use, however often they are sent back and repaired", async () => {
    const bad = { text: "no JSON at all" };
    const script = ({ shape, n }: Asked) => (shape ? (n % 2 ? bad : { json: { score: 0, reasons: ["no"] } }) : {});
    await using house = await openHouse({ settings: one, script });
    const step = { agent: "oa/m", name: "draft", gate: { critic: "oa/m" }, max_rounds: 3, on_error: "skip" };
    const input = { task: "Write.", steps: [{ agent: "oa/m", name: "first" }, step] };
    const { usd, calls } = await foresee(house, "run_pipeline", input);
    const run = await house.play("run_pipeline", input);
    expect(run.usage.calls).toBeGreaterThan(calls?.likely ?? 0);
    expect(run.usage.calls).toBeLessThanOrEqual(calls?.most ?? 0);
    expect(run.usage.usd / 1e9).toBeLessThanOrEqual(usd?.most ?? 0);
  });

  it.each([
    ["run_agent", { agent: "writer", task: "Say what matters." }],
    ["run_pipeline", { task: "t", steps: [{ agent: "writer" }, { agent: "critic", reads: ["writer"] }] }],
    ["fan_out", { task: "t", items: ["a", "b", "c"], agent: "writer", aggregator: "synthesiser" }],
    ["consensus_vote", { question: "q", voters: ["writer", "critic", "judge"], on_disagreement: "judge" }],
    ["debate", { task: "t", participants: ["writer", "critic"], judge: "judge" }],
    ["refine", { task: "t", maker: "writer", critic: "critic", criteria: ["It is short."] }],
    ["supervise", { task: "t", supervisor: "judge", workers: ["writer", "critic"] }],
    ["hand_off", { task: "t", agents: ["writer", "critic"] }],
    ["plan_and_execute", { goal: "g", workers: ["writer", "critic"], validator: "judge" }],
  ])("is not exceeded by a run of %s", async (name, input) => {
    await using house = await openHouse({ settings: one });
    const { usd, calls, tokens } = await foresee(house, name, input);
    const { usage } = await house.play(name, input);
    expect(usage.calls).toBeGreaterThan(0);
    expect(usage.calls).toBeLessThanOrEqual(calls?.most ?? 0);
    expect(usage.usd / 1e9).toBeLessThanOrEqual(usd?.most ?? 0);
    expect(usage.input + usage.output).toBeLessThanOrEqual(tokens?.most ?? 0);
  });

  it("counts who is asked again for a broken rule at the most, not as likely", async () => {
    await using house = await openHouse({ settings: one });
    const input = { task: "t", agents: ["oa/m", "oa/m"], aggregator: "oa/m" };
    const rules = [{ must: "answers.size() > 0" }];
    const plain = await foresee(house, "fan_out", input);
    const ruled = await foresee(house, "fan_out", { ...input, rules });
    expect(ruled.calls).toEqual({ likely: plain.calls?.likely, most: (plain.calls?.most ?? 0) + 4 });
    expect(ruled.usd?.likely).toBe(plain.usd?.likely);
    expect(await foresee(house, "fan_out", { ...input, rules, on_conflict: "report" })).toEqual(plain);
  });

  it("goes by what such runs have cost and taken, once there are three of them", async () => {
    await using house = await openHouse({ settings: one });
    const input = { agent: "oa/m", task: "What is a baton?" };
    const costs: number[] = [];
    for (let i = 0; i < 3; i++) {
      if (i > 0) expect((await foresee(house, "run_agent", input)).basis).toBe("outline");
      costs.push((await house.play("run_agent", input)).usage.usd);
    }
    const { basis, usd, times_single } = await foresee(house, "run_agent", input);
    expect(basis).toBe("baseline of 3 runs");
    expect(usd?.likely).toBeCloseTo(costs.reduce((sum, cost) => sum + cost, 0) / 3 / 1e9, 8);
    expect(times_single).toBe(1);
  });

  it("keeps what saved workflows have cost apart from each other", async () => {
    const home = await newHome();
    mkdirSync(join(home, "flows"));
    for (const name of ["one", "two"])
      writeFileSync(join(home, "flows", `${name}.yaml`), "nodes:\n  draft: { agent: oa/m, task: Write. }\n");
    const settings = { ...one, workflows: [join(home, "flows")] };
    const run = makeRunWorkflow(patterns);
    const house = await openHouse({ settings, home, patterns: [...patterns, run] });
    try {
      const costs: number[] = [];
      for (let i = 0; i < 3; i++) costs.push((await house.play("run_workflow", { name: "one" })).usage.usd);
      const of = (name: string) => house.engine.foresee({ pattern: run, input: { name }, caller: "test" });
      const known = await of("one");
      expect(known.basis).toBe("baseline of 3 runs");
      expect(known.usd?.likely).toBeCloseTo(costs.reduce((sum, cost) => sum + cost, 0) / 3 / 1e9, 8);
      expect((await of("two")).basis).toBe("outline");
    } finally {
      await house.close();
      await house.vendor.close();
      await rm(home, { recursive: true, force: true });
    }
  });

  it("refuses what a start would refuse", async () => {
    await using house = await openHouse({ settings: { limits: { width: 2 } } });
    const refusals = [
      ["run_agent", { agent: "nobody", task: "t" }, "UNKNOWN_AGENT"],
      ["run_agent", { agent: "gone/m", task: "t" }, "NO_PROVIDER"],
      ["fan_out", { task: "t", agents: ["oa/m", "oa/m", "oa/m"] }, "WIDTH_EXCEEDED"],
    ] as const;
    for (const [name, input, code] of refusals)
      await expect(foresee(house, name, input), code).rejects.toMatchObject({ code });
    const dear = foresee(house, "run_agent", { agent: "oa/m", task: "t" }, { budget: { usd: 99 } });
    await expect(dear).rejects.toMatchObject({ code: "FORBIDDEN" });
    await untouched(house);
  });

  it("says of a model without a price that it will not be asked under a cap of money, and how it could be", async () => {
    await using house = await openHouse();
    const input = { agent: "oa/strange", task: "t" };
    const capped = await foresee(house, "run_agent", input, { budget: { usd: 0.5 } });
    expect(capped.warnings[0]).toContain('prices: { "oa/strange"');
    expect(capped.usd).toEqual({ likely: 0, most: null });
    const open = await foresee(house, "run_agent", input);
    expect(open.warnings).toEqual([]);
    expect(open.notes.join()).toContain('of unknown price, and not in usd.likely: "oa/strange"');
    expect(open.single?.usd).toBeNull();
  });

  it("says what is free", async () => {
    await using house = await openHouse();
    const { usd, notes, times_single } = await foresee(
      house,
      "run_agent",
      { agent: "writer", task: "t" },
      { rehearsal: { faults: [] } },
    );
    expect(usd).toEqual({ likely: 0, most: 0 });
    expect(notes).toEqual(['free: "rehearsal/default"']);
    expect(times_single).toBeNull();
  });

  it("warns where the budget will likely not last", async () => {
    await using house = await openHouse();
    const steps = [{ agent: "oa/m" }, { agent: "oa/m" }, { agent: "oa/m" }];
    const { warnings } = await foresee(house, "run_pipeline", { task: "t", steps }, { budget: { calls: 2 } });
    expect(warnings).toEqual(["the budget allows 2 calls, and it will likely need 3: it would end early"]);
  });

  it("says plainly that it knows nothing where a pattern does not say what it is going to do", async () => {
    await using house = await openHouse();
    const silent: Pattern<{ task: string }, unknown> = definePattern({
      name: "silent",
      version: 1,
      title: "Silent",
      description: "",
      input: z.strictObject({ task: z.string() }),
      output: z.unknown(),
      subject: "task",
      agents: () => [],
      run: async () => null,
    });
    const told = await house.engine.foresee({ pattern: silent as Pattern, input: { task: "t" }, caller: "test" });
    expect(told).toMatchObject({
      outline: null,
      calls: null,
      usd: null,
      tokens: null,
      seconds: null,
      basis: "unknown",
    });
    expect(told.notes).toEqual(["unknown: silent does not say what it is going to do"]);
  });
});

describe("advice", () => {
  const said = async (name: string, input: unknown): Promise<string> => {
    await using house = await openHouse();
    return (await foresee(house, name, input)).warnings.join("\n");
  };

  it("finds a judge among those it judges", async () => {
    const steps = [
      { agent: "oa/m", name: "a" },
      { agent: "writer", name: "b", gate: { critic: "writer" } },
    ];
    expect(await said("run_pipeline", { task: "t", steps })).toContain('the critic "writer" judges its own work');
    expect(
      await said("run_pipeline", { task: "t", steps: [steps[0], { agent: "writer", gate: { critic: "critic" } }] }),
    ).toBe("");
  });

  it("finds a judge among the voters, and voters who are all the same", async () => {
    const options = ["yes", "no"];
    const voters = ["critic", "judge", "writer"];
    const vote = (more: object) => said("consensus_vote", { question: "q", options, voters, ...more });
    expect(await vote({ method: "judge" })).toContain('the judge "judge" judges its own work');
    expect(await vote({})).toBe("");
    expect(await vote({ voters: ["oa/m", "oa/m", "oa/m"] })).toContain('every answer is "oa/m"\'s');
  });

  it("finds a team for what one agent does", async () => {
    expect(await said("fan_out", { task: "t", agents: ["oa/m"] })).toContain("run_agent does the same");
    expect(await said("run_pipeline", { task: "t", steps: [{ agent: "oa/m" }] })).toContain("run_agent does the same");
  });

  it("finds agents that are told nearly the same", async () => {
    const told = "You look for errors of fact, of law and of style in contracts between companies";
    const agents = [
      { agent: "oa/m", instructions: `${told}, slowly.` },
      { agent: "oa/m", instructions: `${told}, quickly.` },
    ];
    expect(await said("fan_out", { task: "t", agents })).toContain("one of them adds little");
    expect(await said("fan_out", { task: "t", agents: ["critic", "writer"] })).toBe("");
  });
});
