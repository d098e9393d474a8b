import { describe, expect, test } from "vitest";
import { patterns } from "../../src/patterns/index.ts";
import { openStand } from "./stand.ts";

const inputs: readonly [string, object][] = [
  ["run_agent", { task: "Describe a baton.", agent: "writer" }],
  [
    "run_pipeline",
    {
      task: "Describe a baton.",
      steps: [
        { agent: "writer", gate: { critic: "critic", threshold: 0.1 }, max_rounds: 2, on_error: "skip" },
        { agent: "writer", instructions: "Shorten it." },
      ],
    },
  ],
  ["fan_out", { task: "Describe a baton.", agents: ["writer", "critic"], aggregator: "synthesiser" }],
  [
    "consensus_vote",
    {
      question: "Is a baton a stick?",
      options: ["yes", "no"],
      voters: ["writer", "critic", "judge"],
      on_disagreement: "judge",
    },
  ],
  ["consensus_vote", { question: "What is a baton?", voters: ["writer", "critic", "judge"] }],
  ["consensus_vote", { question: "What is a baton?", voters: ["writer", "critic"], method: "judge" }],
  ["consensus_vote", { question: "What is a baton?", voters: ["writer", "critic"], method: "synthesize" }],
  ["consensus_vote", { question: "Which?", options: ["a", "b"], voters: ["writer", "critic"], method: "ranked" }],
  [
    "consensus_vote",
    { question: "Which?", options: ["a", "b"], voters: ["writer", "critic", "judge"], early_stop: "confidence" },
  ],
  ["debate", { task: "Is a baton a stick?", participants: ["writer", "skeptic"], judge: "judge" }],
  ["refine", { task: "Describe a baton.", maker: "writer", critic: "critic", criteria: ["clear", "short"] }],
  ["supervise", { task: "Describe a baton.", supervisor: "supervisor", workers: ["writer", "researcher"] }],
  ["hand_off", { task: "Describe a baton.", agents: ["classifier", "writer"] }],
  ["plan_and_execute", { goal: "Describe a baton.", planner: "planner", workers: ["writer", "researcher"] }],
];

describe("without any key, on the built-in agents and the rehearsal model", () => {
  test.each(inputs)("%s comes to an end that fits what it promises: %j", async (name, input) => {
    await using stand = await openStand([], { model: "rehearsal/default" });
    const run = await stand.play(name, input);
    expect(run.error).toBeUndefined();
    expect(run).toMatchObject({ status: "succeeded", usage: { usd: 0 } });
    const pattern = patterns.find((each) => each.name === name);
    expect(pattern?.output.safeParse(run.output).success).toBe(true);
    expect(stand.vendor.requests).toHaveLength(0);
  });
});

describe("the prompts of a pattern", () => {
  test.each(inputs)(
    "%s begin with the task, which is what they share, and hold no ids and no times: %j",
    async (name, input) => {
      const question = String(Object.entries(input).find(([key]) => ["task", "question", "goal"].includes(key))?.[1]);
      await using stand = await openStand([], { model: "rehearsal/default" });
      const asked = async () => {
        const { attempts } = await stand.store.memory((await stand.play(name, input)).id);
        return attempts.map(({ place, input: { system, messages } }) => ({
          place,
          system,
          prompt: messages[0]?.content ?? "",
        }));
      };
      const [first, second] = [await asked(), await asked()];
      const inOrder = (all: typeof first) => all.map((each) => JSON.stringify(each)).sort();
      expect(inOrder(first)).toEqual(inOrder(second));
      for (const { system, prompt } of first) {
        expect(`${system} ${prompt}`).not.toMatch(/\br_[a-z2-7]{26}\b|\b20\d\d-\d\d-\d\d/);
        // Not there at all: a worker of a lead is given what the lead has written, and nothing else.
        expect(prompt.indexOf(question), prompt.slice(0, 300)).toBeLessThan(100);
      }
      const share = first.filter(({ prompt }) => prompt.includes(question)).length / first.length;
      expect(share).toBeGreaterThan(name === "supervise" ? 0.3 : 0.99);
    },
  );
});
