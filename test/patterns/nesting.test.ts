import { mkdirSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { newHome, openHouse } from "../house.ts";
import type { Asked, Reply } from "../stub/script.ts";

const A = "oa/a";
const B = "oa/b";
const TASK = "{{ inputs.task }}";

/** Each pattern as it can stand in a node. */
const INSIDE: Readonly<Record<string, object>> = {
  run_agent: { task: TASK, agent: A },
  run_pipeline: { task: TASK, steps: [{ agent: A }, { agent: B }] },
  fan_out: { task: TASK, agents: [A, B] },
  consensus_vote: { question: TASK, voters: [{ agent: A }, { agent: B }], options: ["yes", "no"] },
  debate: { task: TASK, participants: [A, B], rounds: 1 },
  refine: { task: TASK, maker: A, critic: B, criteria: ["clear"], max_rounds: 1 },
  supervise: { task: TASK, supervisor: A, workers: [B], max_turns: 1 },
  hand_off: { task: TASK, agents: [A, B] },
  plan_and_execute: { goal: TASK, planner: A, workers: [B] },
};

/** A value that fits what is asked for, whatever it is; the supervisor of the whole gives out work once. */
function reply({ model, user, shape }: Asked): Reply {
  if (model === "lead")
    return {
      json: user.includes("# Assignments so far")
        ? { done: true, answer: "All done.", reason: "enough" }
        : { done: false, assignments: [{ worker: "inner", task: "Look at it." }], reason: "needed" },
    };
  return shape ? { json: sample(shape) } : { text: "Said." };
}

type Schema = Readonly<Record<string, unknown>>;

function sample(schema: Schema): unknown {
  const {
    type,
    properties = {},
    enum: options,
    anyOf,
    items,
    required = [],
  } = schema as {
    type?: string;
    properties?: Record<string, Schema>;
    enum?: unknown[];
    anyOf?: Schema[];
    items?: Schema;
    required?: string[];
  };
  if (options) return options[0];
  if (anyOf?.[0]) return sample(anyOf[0]);
  if (type === "object") {
    const keys = properties["action"] ? [...required, "answer"] : required;
    return Object.fromEntries(keys.map((key) => [key, key === "action" ? "answer" : sample(properties[key] ?? {})]));
  }
  if (type === "array") return items && items["type"] === "object" ? [sample(items)] : [];
  if (type === "number" || type === "integer") return 1;
  return type === "boolean" ? true : "said";
}

async function within(
  flows: Readonly<Record<string, object>>,
  use: (house: Awaited<ReturnType<typeof openHouse>>) => Promise<void>,
) {
  const home = await newHome();
  mkdirSync(join(home, "flows"));
  for (const [name, nodes] of Object.entries(flows)) {
    const definition = { description: "What stands inside.", inputs: { task: { type: "string" } }, nodes };
    writeFileSync(join(home, "flows", `${name}.json`), JSON.stringify(definition));
  }
  {
    await using house = await openHouse({
      home,
      script: reply,
      prices: { a: { input: 1, output: 4 }, b: { input: 1, output: 4 }, lead: { input: 1, output: 4 } },
      settings: { model: A, workflows: [join(home, "flows")] },
    });
    await use(house);
    await house.vendor.close();
  }
  await rm(home, { recursive: true, force: true });
}

describe("inside a workflow, inside a supervised team", () => {
  test.each(Object.entries(INSIDE))("%s does its work", async (pattern, input) => {
    await within({ inner: { inside: { pattern, with: input } } }, async (house) => {
      const run = await house.play("supervise", { task: "Look.", supervisor: "oa/lead", workers: ["inner"] });
      expect(run.error).toBeUndefined();
      expect(run).toMatchObject({ status: "succeeded", output: { output: "All done." } });
      const { lines } = await house.store.memory(run.id);
      const places = lines.filter(({ kind }) => kind === "run").map(({ place }) => place);
      expect(places).toEqual([expect.stringMatching(/inner\/inside$/), expect.stringMatching(/\/inner$/)]);
      const inner = lines.find(({ place }) => place.endsWith("inner/inside"));
      expect(inner).toMatchObject({ state: "done" });
      expect(inner?.usage?.calls).toBeGreaterThan(0);
    });
  });

  test("a level more than allowed ends the run as a limit, with what was done, and nobody there is asked", async () => {
    const flows = {
      inner: { deeper: { workflow: "deeper", inputs: { task: TASK } } },
      deeper: { inside: { pattern: "fan_out", with: INSIDE["fan_out"] } },
    };
    await within(flows, async (house) => {
      const run = await house.play("supervise", { task: "Look.", supervisor: "oa/lead", workers: ["inner"] });
      expect(run).toMatchObject({ status: "failed", error: { code: "DEPTH_EXCEEDED" } });
      expect(run.degraded.join()).toContain("level 4");
      expect(house.vendor.requests.every(({ model }) => model === "lead")).toBe(true);
    });
  });

  test("a workflow that would play itself is refused before anybody is asked", async () => {
    const itself = { pattern: "supervise", with: { task: TASK, supervisor: A, workers: ["inner"] } };
    await within({ inner: { inside: itself } }, async (house) => {
      const wish = { task: "Look.", supervisor: "oa/lead", workers: ["inner"] };
      await expect(house.play("supervise", wish)).rejects.toMatchObject({ code: "INVALID_WORKFLOW" });
      expect(house.vendor.requests).toEqual([]);
    });
  });
});
