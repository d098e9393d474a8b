import { existsSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import type { Asked, Reply } from "../stub/script.ts";
import { desk } from "./desk.ts";
import { agent, type Heard, openStage, type Stage } from "./stage.ts";

/** Servers are processes of their own, and start others. */
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let stage: Stage;
let piped: Heard;

/** What the desk was asked to do since there were so many lines. */
const done = (since = 0): string[] =>
  existsSync(stage.path("done")) ? readFileSync(stage.path("done"), "utf8").trimEnd().split("\n").slice(since) : [];

/** Each looks first, the payer pays then; whose instructions say CAREFUL does it carefully. */
function script(asked: Asked): Reply {
  const { system, messages, shape } = asked;
  const turn = messages.filter(({ role }) => role === "assistant").length;
  const [, name = ""] = /You are (\w+)\./.exec(system) ?? [];
  const of = system.includes("CAREFUL") ? "with-care" : name;
  if (turn === 0) return { uses: [{ name: "desk_look", arguments: { of } }] };
  if (name === "payer" && turn === 1) return { uses: [{ name: "desk_pay", arguments: { of } }] };
  const asks = JSON.stringify(shape ?? {});
  if (asks.includes('"score"')) return { json: { score: 0.9, reasons: [] } };
  if (asks.includes('"choice"')) return { json: { choice: "arch", confidence: 0.9, reason: "I looked" } };
  if (asks.includes('"assignments"')) return { json: led(messages) };
  return { text: `Done by ${of}.` };
}

const led = (messages: Asked["messages"]) =>
  messages.some(({ content }) => content.includes("Done by"))
    ? { done: true, answer: "All is done.", reason: "enough" }
    : { done: false, assignments: [{ worker: "reader", task: "Look." }], reason: "more is needed" };

const FLOW = `
name: flow
description: Looks, then pays.
inputs: { what: { type: string } }
nodes:
  look: { agent: reader, task: "Look at {{ inputs.what }}." }
  pay: { agent: payer, task: "Pay for {{ nodes.look.output }}", after: [look] }
`;

beforeAll(async () => {
  stage = await openStage({
    script,
    settings: (folder) => ({ mcp_servers: { desk: desk(`${folder}/done`) } }),
    files: {
      "agents/reader.md": agent("reader", { tools: ["desk/look"] }),
      "agents/payer.md": agent("payer", { tools: ["desk/look", "desk/pay"] }),
      "agents/judge.md": agent("judge", { tools: ["desk/look"] }),
      "workflows/flow.yaml": FLOW,
    },
  });
  piped = await stage.play("run_pipeline", {
    task: "Pay what there is to pay.",
    steps: [
      { name: "read", agent: "reader", gate: { critic: "judge" } },
      { name: "pay", agent: "payer" },
    ],
  });
});
afterAll(() => stage?.[Symbol.asyncDispose]());

const fork = (changes: object, more: object = {}) =>
  stage.play("replay_run", { run_id: piped.data.run_id, changes, ...more });
const careful = (name: string) => ({ agents: { [name]: { instructions: `You are ${name}. CAREFUL.` } } });

it("agents with tools stand in a pipeline, its critic too; its gates count for who made it", async () => {
  expect(piped.data, piped.text).toMatchObject({ status: "succeeded", output: { output: "Done by payer." } });
  expect(done()).toEqual(["look reader", "look judge", "look payer", "pay payer"]);
  expect((await stage.call("list_agents", { query: "reader" })).text).toContain("passed 1 of 1 gates");
});

it("agents with tools vote, are nodes of a workflow, and are led and lead in a team", async () => {
  const vote = { question: "Arch or beam?", options: ["arch", "beam"], voters: ["reader", "judge"] };
  const [voted, flowed, supervised] = await Promise.all([
    stage.play("consensus_vote", vote),
    stage.play("run_workflow", { name: "flow", inputs: { what: "the bridge" } }),
    stage.play("supervise", { task: "See to it.", supervisor: "judge", workers: ["reader", "payer"] }),
  ]);
  expect(voted.data, voted.text).toMatchObject({ status: "succeeded", output: { decision: "arch" } });
  expect(flowed.data, flowed.text).toMatchObject({ status: "succeeded", output: "Done by payer." });
  expect(supervised.data, supervised.text).toMatchObject({ status: "succeeded", output: { output: "All is done." } });
});

it("a fork with another instruction asks anew what follows from it; it looks by itself, and pays when that is allowed", async () => {
  const since = done().length;
  const dry = await fork(careful("payer"), { dry_run: true });
  expect(dry.text).toContain("asked first: pay/turn");
  const wait = await fork(careful("payer"));
  expect(wait.data, wait.text).toMatchObject({
    status: "waiting",
    waiting_for: { kind: "approval", action: { name: "desk/pay", arguments: { of: "with-care" } } },
  });
  expect(wait.data.note).toContain("4 calls reused, 2 asked");
  expect(done(since)).toEqual(["look with-care"]);
  const end = await stage.decide(wait, { decision: "approve" });
  expect(end.data, end.text).toMatchObject({ status: "succeeded", output: { output: "Done by with-care." } });
  expect(done(since)).toEqual(["look with-care", "pay with-care"]);
  expect(await stage.page(`/runs/${end.data.run_id}/compare`)).toContain("Done by with-care.");
});

it("where an early step is changed all that comes after looks anew; an effect that is refused is told, and not had", async () => {
  const since = done().length;
  const wait = await fork(careful("reader"));
  expect(wait.data.status, wait.text).toBe("waiting");
  expect(done(since)).toEqual(["look with-care", "look judge", "look payer"]);
  const end = await stage.decide(wait, { decision: "reject" });
  expect(end.data, end.text).toMatchObject({ status: "succeeded" });
  expect(end.text).toContain("degraded: payer answered without desk/pay: REJECTED");
  expect(done(since)).not.toContain("pay payer");
});

it("the page tells of these runs, and of what waits for somebody", async () => {
  const wait = await fork({}, { from_step: "pay" });
  const page = await stage.page("/");
  expect(page).toContain("Waiting for somebody");
  expect(page).toContain(String(wait.data.run_id));
  expect(page).toContain("desk/pay");
  await stage.call("control_run", { run_id: wait.data.run_id, action: "cancel" });
});
