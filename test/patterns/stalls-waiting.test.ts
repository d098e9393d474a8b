import { mkdirSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newHome } from "../house.ts";
import { byModel, openStand } from "./stand.ts";

const folder = { path: "" };
beforeAll(async () => {
  folder.path = await newHome();
  mkdirSync(join(folder.path, "flows"));
  const asked = {
    description: "A person says how it is.",
    inputs: { task: { type: "string" } },
    nodes: { ask: { wait: { answer: "How is it?" } } },
  };
  writeFileSync(join(folder.path, "flows", "person.json"), JSON.stringify(asked));
});
afterAll(() => rm(folder.path, { recursive: true, force: true }));

/** Starts a run whose workflow asks a person, who says these words one after another. */
async function told(pattern: string, input: object, words: readonly string[], owl: object[] = []) {
  const script = byModel({ owl: owl.map((json) => ({ json })) });
  await using stand = await openStand(script, { workflows: [join(folder.path, "flows")] });
  let run = await stand.play(pattern, input);
  for (const word of words) {
    expect(run.status).toBe("waiting");
    run = await stand.decide(run.id, "answered", word);
  }
  return run;
}

describe("whoever waits for a person may be told the same as often as it takes", () => {
  test("in a pipeline, and no stall is seen", async () => {
    const step = { agent: "person", name: "status", gate: { when: "output == 'done'" }, back_to: "status" };
    const run = await told("run_pipeline", { task: "Wait.", steps: [step] }, ["open", "open", "open", "done"]);
    expect(run).toMatchObject({ status: "succeeded", output: { output: "done", steps: [{ rounds: 4 }] } });
  });

  test("in a refinement, where only the score tells when to stop", async () => {
    const owl = [0.1, 0.2, 0.3, 0.9].map((score) => ({ criterion_1: { reason: `fault ${score}`, score } }));
    const input = { task: "Wait.", maker: "person", critic: "oa/owl", criteria: ["form"] };
    const run = await told("refine", input, ["open", "open", "open", "open"], owl);
    expect(run).toMatchObject({ status: "succeeded", output: { rounds: 4, stopped_by: "threshold" } });
  });
});
