import { afterEach, beforeEach, expect, test } from "vitest";
import type { AgentSpec } from "../../src/core/agent.ts";
import type { OfferedTool, ToolInput } from "../../src/core/toolbox.ts";
import { CATALOGUE } from "./cast.ts";
import { type Asked, patternOf, type Said, Scene } from "./scene.ts";

let scene: Scene;
/** What the tools have done, whatever was remembered of it. */
const done: string[] = [];
/** What was remembered of that when the server died. */
let finished: readonly string[] = [];

beforeEach(async () => {
  done.splice(0);
  finished = [];
  scene = await Scene.open();
});
afterEach(() => scene.close());

const offered = (tool: string, effect: OfferedTool["effect"]): OfferedTool => ({
  ...{ name: `desk_${tool}`, server: "desk", tool, description: tool, input: { type: "object" }, approve: false },
  effect,
});

const WORKER: AgentSpec = {
  name: "wes",
  version: "1",
  description: "works",
  system: "You work.",
  models: ["tin/small"],
  max_output_tokens: 100,
  source: "test",
  tools: ["desk/*"],
  scratchpad: { read: ["*"], write: ["*"] },
};

/** Two turns that want things, the second one a payment, then an answer. */
function say({ messages }: Asked): Said {
  const turn = messages.filter(({ role }) => role === "assistant").length;
  const use = (name: string) => ({ name, arguments: { turn } });
  if (turn === 0)
    return { uses: [use("desk_look"), use("desk_ring"), { name: "notes_write", arguments: { key: "a", value: 1 } }] };
  return turn === 1 ? { uses: [use("desk_look"), use("desk_pay")] } : "done";
}

async function begun(): Promise<string> {
  scene.say = say;
  scene.deeds = [
    {
      name: "tools",
      perform: async () => ({
        tools: [offered("look", false), offered("ring", { idempotent: true }), offered("pay", true)],
        lacking: [],
      }),
    },
    {
      name: "tool",
      perform: async (input, { place }) => {
        const { tool } = input as ToolInput;
        await new Promise<void>((resolve) => scene.time.after(5, "test", resolve));
        done.push(`${place} ${tool}`);
        return { text: `${tool} ${done.length}`, is_error: false };
      },
    },
  ];
  const asks = patternOf("asks", async (ctx) => (await ctx.call("wes", { prompt: "do it" })).output);
  return scene.start(asks, { catalogue: { ...CATALOGUE, agents: { wes: WORKER } } });
}

/** Ends the run; a person who is asked whether the payment was made looks, and says so. */
async function settled(id: string) {
  await scene.until(async () => (await scene.is(id, "waiting")) || (await scene.run(id)).ended_at !== undefined);
  if (await scene.is(id, "waiting")) {
    const [wait] = (await scene.store.progress(id)).waiting;
    const isPaid = done.some((each) => each.endsWith(" pay"));
    await scene.store.decide(
      id,
      wait?.place ?? "",
      isPaid ? { how: "answered", value: { text: "paid", is_error: false } } : { how: "rejected" },
      "eve",
    );
  }
  return scene.ended(id);
}

test("killed at every commit, no finished tool is called again, and the payment is made once", async () => {
  const whole = await begun();
  let commits = 0;
  const calm = await scene.serve((_, count) => {
    commits = count;
  });
  await scene.ended(whole);
  calm.die();
  expect(commits).toBeGreaterThan(6);
  for (let at = 1; at <= commits; at++) {
    done.splice(0);
    const id = await begun();
    let died = false;
    const mortal = await scene.serve((server, count) => {
      if (count !== at) return;
      died = true;
      server.die();
    });
    await scene.until(async () => died || (await scene.run(id)).ended_at !== undefined);
    mortal.die();
    const { lines } = await scene.store.memory(id);
    finished = lines.flatMap(({ place, agent, state }) => (agent === "tool" && state === "done" ? place : []));
    const before = new Map(
      finished.map((place) => [place, done.filter((each) => each.startsWith(`${place} `)).length]),
    );
    const second = await scene.serve();
    const run = await settled(id);
    second.die();
    expect(run, `killed at commit ${at}`).toMatchObject({ status: "succeeded", output: "done" });
    for (const [place, times] of before)
      expect(
        done.filter((each) => each.startsWith(`${place} `)),
        `${place}, killed at commit ${at}`,
      ).toHaveLength(times);
    expect(
      done.filter((each) => each.endsWith(" pay")),
      `paid, killed at commit ${at}`,
    ).toHaveLength(1);
    expect(await scene.faults(id)).toEqual([]);
  }
});
