import { describe, expect, test } from "vitest";
import { refName } from "../../src/core/agent.ts";
import { Failure } from "../../src/core/errors.ts";
import type { Pattern } from "../../src/core/pattern.ts";
import { DEFAULT_LIMITS } from "../../src/core/settings.ts";
import { consensusVote } from "../../src/patterns/consensus-vote.ts";
import { fanOut } from "../../src/patterns/fan-out.ts";
import { patterns } from "../../src/patterns/index.ts";
import { runAgent } from "../../src/patterns/run-agent.ts";
import { runPipeline } from "../../src/patterns/run-pipeline.ts";

/** Why an input is refused before a run exists; undefined where it is taken. */
function refusal<I>(pattern: Pattern<I, unknown>, input: unknown, limits = DEFAULT_LIMITS): Failure | undefined {
  const parsed = pattern.input.parse(input);
  try {
    pattern.check?.(parsed, limits);
    return undefined;
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

const asked = <I>(pattern: Pattern<I, unknown>, input: unknown): string[] =>
  pattern.agents(pattern.input.parse(input)).map(refName);

test.each(patterns.map((pattern) => [pattern.name, pattern] as const))(
  "%s tells a client in few words what it is for, and what not",
  (_, { description, name, subject, input }) => {
    expect(description).toMatch(/Use it (for|when|where)/);
    expect(description).toMatch(/\bNot (for|to)\b/);
    expect(description.length).toBeLessThan(330);
    expect(name).toMatch(/^[a-z]+(_[a-z]+)*$/);
    expect(input.safeParse({ [subject]: "x", nonsense: 1 }).success).toBe(false);
  },
);

describe("run_agent", () => {
  test("takes a name, a model, or an ad-hoc specialist", () => {
    expect(asked(runAgent, { task: "t", agent: "openai/gpt-5" })).toEqual(["openai/gpt-5"]);
    expect(asked(runAgent, { task: "t", agent: { agent: "writer", instructions: "Be brief" } })).toEqual(["writer"]);
  });

  test("refuses a shape that is none", () => {
    expect(refusal(runAgent, { task: "t", agent: "a", output_schema: { type: "nope" } })?.code).toBe("INVALID_INPUT");
    expect(refusal(runAgent, { task: "t", agent: "a", output_schema: { type: "object" } })).toBeUndefined();
  });
});

describe("run_pipeline", () => {
  const steps = (...given: object[]) => ({ task: "t", steps: given });

  test("names everybody it may ask: agents, critics, fallbacks, and the critic that a threshold alone means", () => {
    const input = steps(
      { agent: "writer", gate: { threshold: 0.9 }, fallback: ["openai/gpt-5"] },
      { agent: "editor", gate: { critic: "lawyer" } },
    );
    expect(asked(runPipeline, input)).toEqual(["writer", "openai/gpt-5", "critic", "editor", "lawyer"]);
  });

  test("takes an empty list of steps for a mistake", () => {
    expect(runPipeline.input.safeParse(steps()).success).toBe(false);
  });

  test.each([
    [
      "a step it does not have",
      [
        { agent: "a", name: "draft" },
        { agent: "b", reads: ["drafd"] },
      ],
      /"drafd".*no step before it/,
      /"draft"/,
    ],
    ["itself", [{ agent: "a", reads: ["a"] }], /there is none before it/, /Leave out/],
    ["a later step", [{ agent: "a", reads: ["b"] }, { agent: "b" }], /there is none before it/, /Leave out/],
  ])("refuses to read %s, and says what it can read", (_, given, message, hint) => {
    const failure = refusal(runPipeline, steps(...given));
    expect(failure?.code).toBe("INVALID_INPUT");
    expect(failure?.message).toMatch(message);
    expect(failure?.options.hint).toMatch(hint);
  });

  test("goes back to an earlier step or the same one, never to a later one", () => {
    const gate = { critic: "critic" };
    expect(refusal(runPipeline, steps({ agent: "a" }, { agent: "b", gate, back_to: "a" }))).toBeUndefined();
    expect(refusal(runPipeline, steps({ agent: "a", gate, back_to: "a" }))).toBeUndefined();
    expect(refusal(runPipeline, steps({ agent: "a", gate, back_to: "b" }, { agent: "b" }))?.message).toMatch(
      /up to it.*"a"/,
    );
  });

  test("numbers steps of the same agent, and refuses one name given twice", () => {
    const gate = { critic: "critic" };
    const twice = steps({ agent: "a" }, { agent: "a", gate, back_to: "a-2" });
    expect(refusal(runPipeline, twice)).toBeUndefined();
    expect(refusal(runPipeline, steps({ agent: "a", name: "x" }, { agent: "b", name: "x" }))?.message).toContain(
      'called "x"',
    );
    expect(
      refusal(runPipeline, steps({ agent: "x" }, { agent: "b", name: "x" }, { agent: "c", reads: ["x-2"] })),
    ).toBeUndefined();
  });

  test.each([
    [{ gate: {} }, /asks for nothing/],
    [{ gate: { when: "outptu == 1" } }, /outptu/],
    [{ gate: { schema: { type: "nope" } } }, /no usable JSON Schema/],
    [{ output_schema: { type: "nope" } }, /no usable JSON Schema/],
    [{ on_error: "back_to" }, /no `back_to`/],
    [{ on_error: "fallback" }, /no `fallback`/],
    [{ max_rounds: 2 }, /nothing that sends it back/],
    [{ gate: { critic: "critic" }, max_rounds: 6 }, /limits.rounds \(5\)/],
  ])("refuses a step that could not do what it says: %j", (step, message) => {
    const failure = refusal(runPipeline, steps({ agent: "a", ...step }));
    expect(failure?.code).toBe("INVALID_INPUT");
    expect(failure?.message).toMatch(message);
    expect(failure?.options.hint).toBeTruthy();
  });

  test("keeps to the limit of rounds also where the caller does not say how many", () => {
    const input = steps({ agent: "a", gate: { critic: "critic" }, back_to: "a" });
    expect(refusal(runPipeline, input, { ...DEFAULT_LIMITS, rounds: 3 })?.options.hint).toContain("from 1 to 3");
  });
});

describe("fan_out", () => {
  test("takes many agents, or many items and one agent, and shows the right call for anything else", () => {
    expect(refusal(fanOut, { task: "t", agents: ["a", "b"] })).toBeUndefined();
    expect(refusal(fanOut, { task: "t", items: ["x", { y: 1 }, null], agent: "a" })).toBeUndefined();
    for (const wrong of [
      {},
      { items: ["x"] },
      { agent: "a" },
      { agents: ["a"], items: ["x"], agent: "b" },
      { agents: ["a"], agent: "b" },
    ]) {
      const failure = refusal(fanOut, { task: "t", ...wrong });
      expect(failure?.code).toBe("INVALID_INPUT");
      expect(failure?.options.hint).toContain('"agents": [');
      expect(failure?.options.hint).toContain('"items": [');
    }
    expect(fanOut.input.safeParse({ task: "t", agents: [] }).success).toBe(false);
    expect(fanOut.input.safeParse({ task: "t", items: [], agent: "a" }).success).toBe(false);
  });

  test("takes as many agents as the limit allows; items may be more, since they queue", () => {
    const many = Array.from({ length: 33 }, (_, n) => `agent-${n}`);
    expect(refusal(fanOut, { task: "t", agents: many })?.code).toBe("WIDTH_EXCEEDED");
    expect(refusal(fanOut, { task: "t", agents: many.slice(1) })).toBeUndefined();
    expect(refusal(fanOut, { task: "t", items: many, agent: "a" })).toBeUndefined();
  });

  test.each([
    [{ join: "quorum" }, /needs `quorum`/],
    [{ join: "first", quorum: 1 }, /means nothing with join "first"/],
    [{ quorum: 3 }, /cannot be reached by 2 branches/],
  ])("refuses a quorum that cannot be meant: %j", (more, message) => {
    expect(refusal(fanOut, { task: "t", agents: ["a", "b"], ...more })?.message).toMatch(message);
  });

  test("names everybody it may ask", () => {
    expect(asked(fanOut, { task: "t", agents: ["a", "b"], aggregator: "c" })).toEqual(["a", "b", "c"]);
    expect(asked(fanOut, { task: "t", items: [1], agent: "a" })).toEqual(["a"]);
  });
});

describe("consensus_vote", () => {
  const vote = (more: object = {}) => ({ question: "q", voters: ["a", "b", "c"], ...more });
  const options = ["yes", "no"];

  test("takes voters as names, with weights, or as ad-hoc specialists", () => {
    const voters = [
      "a",
      { agent: "b", weight: 2 },
      { agent: "c", instructions: "Be strict" },
      { agent: { agent: "d", instructions: "x" } },
    ];
    expect(refusal(consensusVote, vote({ voters, options, method: "weighted" }))).toBeUndefined();
    expect(asked(consensusVote, vote({ voters, options, method: "weighted" }))).toEqual(["a", "b", "c", "d"]);
  });

  test("names whoever is asked in the end, named or built in", () => {
    expect(asked(consensusVote, vote({ options }))).toEqual(["a", "b", "c"]);
    expect(asked(consensusVote, vote())).toContain("judge");
    expect(asked(consensusVote, vote({ options, method: "judge" }))).toContain("judge");
    expect(asked(consensusVote, vote({ options, on_disagreement: "judge", judge: "owl" }))).toContain("owl");
    expect(asked(consensusVote, vote({ method: "synthesize" }))).toContain("synthesiser");
  });

  test.each([
    [{ quorum: 4 }, /cannot be reached by 3 voters/],
    [{ options: ["yes", "Yes."] }, /two options say the same/],
    [{ options, method: "synthesize" }, /takes no options/],
    [{ voters: ["a", { agent: "b", weight: 2 }] }, /weights do not count with method "majority"/],
    [{ method: "judge", early_stop: "outcome" }, /cannot stop early/],
  ])("refuses what could not come out as it is asked for: %j", (more, message) => {
    const failure = refusal(consensusVote, vote(more));
    expect(failure?.message).toMatch(message);
    expect(failure?.options.hint).toBeTruthy();
  });

  test("takes no vote of one, no single option, no weight of nought", () => {
    for (const wrong of [{ voters: ["a"] }, { options: ["yes"] }, { voters: ["a", { agent: "b", weight: 0 }] }]) {
      expect(consensusVote.input.safeParse(vote(wrong)).success).toBe(false);
    }
  });

  test("takes as many voters as the limit of width allows", () => {
    const voters = Array.from({ length: 33 }, (_, n) => `agent-${n}`);
    expect(refusal(consensusVote, vote({ voters }))?.code).toBe("WIDTH_EXCEEDED");
  });
});
