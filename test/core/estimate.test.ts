import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AgentSpec } from "../../src/core/agent.ts";
import { drawOutline } from "../../src/core/drawing.ts";
import { estimate, type World } from "../../src/core/estimate.ts";
import type { Outline, OutlineStep } from "../../src/core/outline.ts";
import { DEFAULT_LIMITS, DEFAULT_RETRY } from "../../src/core/settings.ts";

/** One dollar a million tokens in, four out: a token in is 1,000 nano-dollars, one out is 4,000. */
const PRICE = { input: 1e9, cached: 1e9, cache_write: 1e9, output: 4e9, source: "test" };
const IN = 1000;
const OUT = 4000;

const agent = (name: string, more: Partial<AgentSpec> = {}): AgentSpec => ({
  name,
  version: "1",
  description: "",
  system: "",
  models: ["v/m"],
  max_output_tokens: 500,
  source: "test",
  ...more,
});

function world(agents: readonly AgentSpec[], more: Partial<World> = {}): World {
  return {
    prices: { "v/m": PRICE, "v/dear": { ...PRICE, output: 40e9 } },
    limits: DEFAULT_LIMITS,
    retry: { ...DEFAULT_RETRY, attempts: 1 },
    find: (ref) => agents.find(({ name }) => name === (typeof ref === "string" ? ref : ref.agent)),
    ...more,
  };
}

const step = (name: string, more: Partial<OutlineStep> = {}): OutlineStep => ({
  name,
  kind: "call",
  agent: "a",
  after: [],
  least: 1,
  most: 1,
  bytes: 0,
  reads: [],
  ...more,
});

describe("an estimate", () => {
  it("counts a quarter of the prompt's bytes and the agent's longest answer, up to 600 tokens, as the likely cost", () => {
    const short = estimate({ steps: [step("s", { bytes: 400 })] }, world([agent("a")]));
    expect(short.usd.likely).toBe(100 * IN + 500 * OUT);
    expect(short.tokens.likely).toBe(600);
    const long = estimate({ steps: [step("s", { bytes: 400 })] }, world([agent("a", { max_output_tokens: 8192 })]));
    expect(long.usd.likely).toBe(100 * IN + 600 * OUT);
  });

  it("counts every byte as a token, the longest answer and a repair turn as the most", () => {
    const { usd, calls, tokens } = estimate({ steps: [step("s", { bytes: 400 })] }, world([agent("a")]));
    // The question with a thousand tokens around it; then it again, with the useless answer and what was wrong with it.
    const first = 400 + 1000;
    const repair = first + 2 * 500 + 1000;
    expect(usd.most).toBe((first + repair) * IN + 2 * 500 * OUT);
    expect(tokens.most).toBe(first + repair + 2 * 500);
    expect(calls.most).toBe(2);
  });

  it("charges each try that may have been billed, and none that is refused at the door", () => {
    const policy = { ...DEFAULT_RETRY, attempts: 3 };
    const billed = estimate({ steps: [step("s")] }, world([agent("a")], { retry: policy }));
    const free = estimate({ steps: [step("s")] }, world([agent("a")], { retry: { ...policy, on: ["rate_limited"] } }));
    const own = estimate({ steps: [step("s", { retry: { attempts: 1 } })] }, world([agent("a")], { retry: policy }));
    expect(billed.calls.most).toBe(4);
    expect(free.calls.most).toBe(4);
    expect(own.calls.most).toBe(2);
    expect(billed.usd.most).toBe(free.usd.most + 2 * (1000 * IN + 500 * OUT));
    expect(own.usd.most).toBe(free.usd.most);
  });

  it("holds the cost of all models and fallbacks as the most, and of the first alone as the likely", () => {
    const one = estimate({ steps: [step("s")] }, world([agent("a")]));
    const both = estimate({ steps: [step("s")] }, world([agent("a", { models: ["v/m", "v/dear"] })]));
    const helped = estimate({ steps: [step("s", { fallback: ["b"] })] }, world([agent("a"), agent("b")]));
    expect(both.usd.likely).toBe(one.usd.likely);
    expect(both.usd.most).toBe(2 * one.usd.most + 2 * 500 * (40_000 - OUT));
    expect(helped.usd).toEqual({ likely: one.usd.likely, most: 2 * one.usd.most });
  });

  it("adds the answers that a step reads: likely ones before it, the longest ones of all", () => {
    const steps = [step("first"), step("second", { after: ["first"], reads: ["first", "second"] })];
    const { usd } = estimate({ steps }, world([agent("a")]));
    expect(usd.likely).toBe(500 * OUT + (500 * IN + 500 * OUT));
    const alone = estimate({ steps: [step("s")] }, world([agent("a")])).usd.most;
    const read = 2 * (2 * 500);
    expect(usd.most).toBe(2 * alone + 2 * read * IN);
  });

  it("reads all answers of a step whose plays go on at once", () => {
    const steps = [step("many", { least: 4, most: 4, parallel: true }), step("merge", { reads: ["many"] })];
    const { usd, calls } = estimate({ steps }, world([agent("a")]));
    expect(usd.likely).toBe(4 * 500 * OUT + (4 * 500 * IN + 500 * OUT));
    expect(calls.likely).toBe(5);
  });

  it("goes as long as the longest way, and no more calls at once than the limit", () => {
    const side = [step("a1"), step("a2"), step("end", { after: ["a1", "a2"] })];
    expect(estimate({ steps: side }, world([agent("a")])).seconds.likely).toBe(20);
    const many = [step("many", { least: 40, most: 40, parallel: true })];
    const limits = { ...DEFAULT_LIMITS, calls: 16 };
    expect(estimate({ steps: many }, world([agent("a")], { limits })).seconds.likely).toBe(30);
    expect(estimate({ steps: [step("s", { least: 3, most: 3 })] }, world([agent("a")])).seconds.likely).toBe(30);
  });

  it("never goes beyond a step's own budget", () => {
    const budget = { usd: 0.001, calls: 2, tokens: 700, seconds: 5 };
    const whole = estimate({ steps: [step("s", { most: 10, least: 3, budget })] }, world([agent("a")]));
    expect(whole.usd).toEqual({ likely: 1_000_000, most: 1_000_000 });
    expect(whole.calls).toEqual({ likely: 2, most: 2 });
    expect(whole.tokens).toEqual({ likely: 700, most: 700 });
    expect(whole.seconds.most).toBe(5);
  });

  it("says that what nothing bounds is infinite, and holds to the reserve where there is one", () => {
    const strange = agent("a", { models: ["v/unknown"] });
    expect(estimate({ steps: [step("s")] }, world([strange])).usd).toEqual({
      likely: 0,
      most: Number.POSITIVE_INFINITY,
    });
    const bounded = estimate({ steps: [step("s")] }, world([strange], { reserve: () => 7_000_000 }));
    expect(bounded.usd).toEqual({ likely: 7_000_000, most: 14_000_000 });
    const never = estimate({ steps: [step("s", { least: 0, most: 0 })] }, world([strange]));
    expect(never.usd.most).toBe(0);
  });

  it("takes what such calls have cost and taken so far as likely, between the bare input and the most", () => {
    const steps = [step("draft", { bytes: 4000 })];
    const learnt = (usd: number) =>
      world([agent("a")], { mean: (names) => (names[0] === "draft" ? { usd, ms: 2500 } : undefined) });
    expect(estimate({ steps }, learnt(1_234_567))).toMatchObject({
      usd: { likely: 1_234_567 },
      seconds: { likely: 2.5 },
    });
    expect(estimate({ steps }, learnt(1)).usd.likely).toBe(1000 * IN);
    const most = estimate({ steps }, world([agent("a")])).usd.most;
    expect(estimate({ steps }, learnt(1e15)).usd.likely).toBe(most);
  });

  it("counts a pattern inside once for each play, and nothing beyond the depth that is allowed", () => {
    const inner: Outline = { steps: [step("deep")] };
    const nested = step("nested", { kind: "run", inner, least: 2, most: 3 });
    const { agent: _, ...without } = nested;
    const flat = estimate(inner, world([agent("a")]));
    const both = estimate({ steps: [without] }, world([agent("a")]));
    expect(both.usd).toEqual({ likely: 2 * flat.usd.likely, most: 3 * flat.usd.most });
    const limits = { ...DEFAULT_LIMITS, depth: 1 };
    expect(estimate({ steps: [without] }, world([agent("a")], { limits })).usd.most).toBe(0);
  });

  it("is never more likely than at the most, whatever the outline", () => {
    const anyStep = fc.record({
      kind: fc.constantFrom("call" as const, "act" as const, "wait" as const, "code" as const),
      least: fc.nat(5),
      more: fc.nat(5),
      bytes: fc.nat(100_000),
      parallel: fc.boolean(),
      reads: fc.array(fc.nat(9), { maxLength: 4 }),
      after: fc.array(fc.nat(9), { maxLength: 3 }),
    });
    fc.assert(
      fc.property(fc.array(anyStep, { minLength: 1, maxLength: 10 }), (drawn) => {
        const steps = drawn.map(({ least, more, reads, after, ...rest }, index) =>
          step(`s${index}`, {
            ...rest,
            least,
            most: least + more,
            reads: reads.map((n) => `s${n}`),
            after: after.filter((n) => n < index).map((n) => `s${n}`),
          }),
        );
        const { calls, usd, tokens, seconds } = estimate({ steps }, world([agent("a", { system: "x".repeat(99) })]));
        for (const { likely, most } of [calls, usd, tokens, seconds]) {
          expect(likely).toBeGreaterThanOrEqual(0);
          expect(likely).toBeLessThanOrEqual(most);
        }
      }),
    );
  });
});

describe("a drawing of an outline", () => {
  it("shows who does what how often, what follows what, and what goes back", () => {
    const steps = [step("draft", { most: 3 }), step("review", { agent: "critic", after: ["draft"], back: "draft" })];
    expect(drawOutline({ steps }).split("\n")).toEqual([
      "flowchart TD",
      '  s0["draft<br/>a<br/>1 to 3 times"]',
      '  s1["review<br/>critic"]',
      "  s0 --> s1",
      "  s1 -. back .-> s0",
    ]);
  });

  it("draws what is played inside a step inside its box", () => {
    const { agent: _, ...block } = step("each", { kind: "code", inner: { steps: [step("one")] }, parallel: true });
    const lines = drawOutline({ steps: [block] }).split("\n");
    expect(lines.slice(1)).toEqual(['  subgraph s0 ["each"]', '    s1["one<br/>a"]', "  end"]);
  });

  it("lets no name out of its label, and says how much more there is than it shows", () => {
    const evil = step('x"]; click s0 "<b>\n  end', { agent: "a" });
    const text = drawOutline({ steps: [evil, ...Array.from({ length: 9 }, (_, i) => step(`s${i}`))] }, 4);
    expect(text.split("\n")[1]).toBe('  s0["x#34;]#59; click s0 #34;#60;b#62; end<br/>a"]');
    expect(text).toContain("and 6 more");
  });
});
