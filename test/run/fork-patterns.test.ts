import { describe, expect, test } from "vitest";
import { isStep } from "../../src/core/fork.ts";
import { openForkHouse } from "./forks.ts";

const task = "Describe a baton. It is a stick. Runners pass it on.";
const inputs: readonly [string, object][] = [
  ["run_agent", { task, agent: "writer" }],
  [
    "run_pipeline",
    {
      task,
      steps: [
        { agent: "writer", name: "draft", gate: { critic: "critic", threshold: 0.1 }, max_rounds: 2, on_error: "skip" },
        { agent: "writer", name: "short", instructions: "Shorten it." },
      ],
    },
  ],
  ["fan_out", { task, agents: ["writer", "critic"], aggregator: "synthesiser" }],
  ["fan_out", { task, items: ["one", "two", "three"], agent: "writer", join: "quorum", quorum: 2 }],
  ["consensus_vote", { question: task, voters: ["writer", "critic", "judge"], method: "judge" }],
  [
    "consensus_vote",
    { question: task, voters: ["writer", "critic", "judge"], options: ["a", "b"], early_stop: "outcome" },
  ],
  ["debate", { task, participants: ["writer", "critic"], rounds: 2 }],
  ["refine", { task, maker: "writer", critic: "critic", criteria: ["It is short."], max_rounds: 2 }],
  ["supervise", { task, supervisor: "planner", workers: ["writer", "critic"], max_turns: 3 }],
  ["hand_off", { task, agents: ["writer", "critic"], max_hops: 2 }],
  ["plan_and_execute", { goal: task, workers: ["writer", "critic"] }],
];

const idle = (step: string): string => `${step} is not asked again: it stands in a branch that does not count`;

/** Some outputs tell when something was said. */
const timeless = (output: unknown): string =>
  JSON.stringify(output).replaceAll(/"\d{4}-\d\d-\d\dT[\d:.]+Z"/g, '"then"');

describe("a fork of every pattern", () => {
  test.each(inputs)("%s: unchanged it asks nobody, and from any step on it ends as it did: %j", async (name, input) => {
    await using house = await openForkHouse({ settings: { model: "rehearsal/default" } });
    const source = await house.play(name, input);
    const { lines } = await house.store.memory(source.id);
    const steps = lines.filter(isStep).map(({ place }) => place);
    const same = await house.fork(source);
    expect(same).toMatchObject({ status: source.status, output: source.output, usage: { calls: 0 } });
    expect(await house.own(same)).toEqual([]);
    for (const from_step of steps.slice(0, 12)) {
      const fork = await house.fork(source, { from_step });
      expect([fork.status, timeless(fork.output)], from_step).toEqual([source.status, timeless(source.output)]);
      const own = await house.own(fork);
      const { notes } = await house.engine.foreseeFork({ source, from_step, caller: "test" });
      expect(own.length === 0 ? notes : own, from_step).toContain(own.length === 0 ? idle(from_step) : from_step);
    }
    expect((await house.store.memory(source.id)).lines).toEqual(lines);
  });
});
