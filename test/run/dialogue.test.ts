import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import type { AgentSpec } from "../../src/core/agent.ts";
import type { DeedFunction } from "../../src/core/deed.ts";
import { Failure } from "../../src/core/errors.ts";
import type { Message as Telling } from "../../src/core/message.ts";
import type { Message } from "../../src/core/provider.ts";
import type { OfferedTool, ToolAnswer, ToolInput, ToolsGiven, ToolsInput } from "../../src/core/toolbox.ts";
import { CATALOGUE } from "./cast.ts";
import { type Asked, patternOf, type Said, Scene } from "./scene.ts";

type Told = z.output<typeof Telling>;

let scene: Scene;
const called: ToolInput[] = [];
/** What the tools do. */
let tool: (input: ToolInput, signal: AbortSignal) => ToolAnswer | Promise<ToolAnswer>;
let lacking: ToolsGiven["lacking"] = [];

beforeEach(async () => {
  called.splice(0);
  lacking = [];
  tool = ({ tool: name }) => ({ text: `${name} did it`, is_error: false });
  scene = await Scene.open();
  scene.deeds = [TOOLS, TOOL];
});
afterEach(() => scene.close());

const offered = (name: string, more: Partial<OfferedTool> = {}): OfferedTool => ({
  name: `desk_${name}`,
  server: "desk",
  tool: name,
  description: name,
  input: { type: "object" },
  effect: false,
  approve: false,
  ...more,
});

const SHELF = [
  offered("look"),
  offered("ring"),
  offered("pay", { effect: true }),
  offered("file", { effect: { idempotent: true } }),
  offered("burn", { effect: true, approve: true }),
];

const TOOLS: DeedFunction = {
  name: "tools",
  perform: async (input): Promise<ToolsGiven> => ({
    tools: SHELF.filter((each) => (input as ToolsInput).grants.includes(`desk/${each.tool}`)),
    lacking,
  }),
};

const TOOL: DeedFunction = {
  name: "tool",
  perform: async (input, { signal }) => {
    called.push(input as ToolInput);
    return tool(input as ToolInput, signal);
  },
};

const worker = (more: Partial<AgentSpec>): AgentSpec => ({
  name: "wes",
  version: "1",
  description: "works",
  system: "You work.",
  models: ["tin/small"],
  max_output_tokens: 100,
  source: "test",
  tools: ["desk/look"],
  ...more,
});

const begun = (more: Partial<AgentSpec>, others: readonly AgentSpec[] = [], prompt = "do it") => {
  const agents = Object.fromEntries([worker(more), ...others].map((each) => [each.name, each]));
  const catalogue = { ...CATALOGUE, agents: { ...CATALOGUE.agents, ...agents } };
  const asks = patternOf("asks", async (ctx) => (await ctx.call("wes", { prompt })).output);
  return scene.start(asks, { catalogue });
};

const wants = (name: string, given: unknown = {}) => ({ uses: [{ name, arguments: given }] });

/** What a model says turn by turn; the last of it again and again. */
const turns =
  (...said: readonly Said[]) =>
  ({ messages }: Asked): Said =>
    said[Math.min(said.length - 1, messages.filter(({ role }) => role === "assistant").length)] ?? "fine";

const results = ({ messages }: Asked): readonly Message["results"][] =>
  messages.flatMap(({ results: told }) => (told ? [told] : []));
const said = ({ messages }: Asked): string =>
  messages.flatMap(({ results: told = [] }) => told.map(({ content }) => content)).join("\n");

async function played(id: string) {
  await scene.serve();
  const run = await scene.ended(id);
  expect(await scene.faults(id)).toEqual([]);
  return run;
}

describe("an agent with tools", () => {
  test("is told what its tools gave, marked as material, and answers from it", async () => {
    scene.say = turns(wants("desk_look", { at: "shelf" }), "there are three");
    const run = await played(await begun({}));
    expect(run.output).toBe("there are three");
    expect(called).toEqual([{ server: "desk", tool: "look", arguments: { at: "shelf" }, most: 65_536 }]);
    const [first, second] = scene.asked;
    expect(first?.request.tools?.map(({ name }) => name)).toEqual(["desk_look"]);
    expect(first?.request.system).toContain("never an instruction");
    expect(said(second!)).toMatch(/^<data-\w+ name="desk_look">\nlook did it\n<\/data-/);
    expect(second?.messages.map(({ role }) => role)).toEqual(["user", "assistant", "user"]);
    expect(second?.messages[1]?.uses?.[0]?.id).toBe(second?.messages[2]?.results?.[0]?.id);
  });

  test("has each turn and each use as a step of its own, with its bill", async () => {
    scene.say = turns(wants("desk_look"), "done");
    const id = await begun({});
    await played(id);
    const { lines, attempts } = await scene.store.memory(id);
    expect(lines.map(({ place, kind }) => `${place} ${kind}`)).toEqual([
      "wes/tools choice",
      "wes/turn call",
      "wes/map/0/desk_look choice",
      "wes/turn.2 call",
      "wes run",
    ]);
    expect(attempts.map(({ uses }) => uses?.map(({ name }) => name))).toEqual([["desk_look"], undefined]);
    expect(lines.at(-1)).toMatchObject({ agent: "wes@1", model: "tin/small" });
  });

  test("does what only reads side by side, and what changes something in the order in which it was wanted", async () => {
    let at = 0;
    let most = 0;
    const order: string[] = [];
    tool = async ({ tool: name }) => {
      most = Math.max(most, ++at);
      order.push(`${name} begins`);
      await new Promise<void>((resolve) => scene.time.after(10, "test", resolve));
      order.push(`${name} ends`);
      at--;
      return { text: "ok", is_error: false };
    };
    const uses = ["desk_look", "desk_ring", "desk_pay", "desk_look"].map((name) => ({ name, arguments: {} }));
    scene.say = turns({ uses }, "done");
    await played(await begun({ tools: ["desk/look", "desk/ring", "desk/pay"] }));
    expect(most).toBe(2);
    expect(order.slice(4)).toEqual(["pay begins", "pay ends", "look begins", "look ends"]);
  });

  test("reads in plain words what went wrong, and goes on", async () => {
    tool = ({ tool: name }) => {
      if (name === "ring") throw new Failure("NETWORK", "nobody is there", { hint: "Try later." });
      return { text: "no such shelf", is_error: true };
    };
    const uses = [
      { name: "desk_look", arguments: {} },
      { name: "desk_ring", arguments: {} },
      { name: "desk_lok", arguments: {} },
      { name: "desk_look", arguments: "{oops" },
    ];
    scene.say = turns({ uses }, "done");
    const run = await played(await begun({ tools: ["desk/look", "desk/ring"], retry: { attempts: 1 } }));
    expect(run.output).toBe("done");
    const told = results(scene.asked.at(-1)!)[0] ?? [];
    expect(told.map(({ is_error }) => is_error)).toEqual([true, true, true, true]);
    expect(told[0]?.content).toContain("no such shelf");
    expect(told[1]?.content).toContain("NETWORK: nobody is there");
    expect(told[2]?.content).toContain('did you mean "desk_look"?');
    expect(told[3]?.content).toContain("not a JSON object");
  });

  test("is not given a tool again that has failed so often in a row", async () => {
    tool = () => ({ text: "broken", is_error: true });
    let nth = 0;
    scene.say = ({ messages }) => (messages.length > 9 ? "given up" : wants("desk_look", { nth: ++nth }));
    const run = await played(await begun({ tool_errors: 2 }));
    expect(run.output).toBe("given up");
    expect(called).toHaveLength(2);
    expect(said(scene.asked.at(-1)!)).toContain("failed 2 times in a row");
  });

  test("does not wait again and again for a tool that is down: its breaker opens, and other tools are used", async () => {
    tool = ({ tool: name }) => {
      if (name === "ring") throw new Failure("NETWORK", "nobody is there");
      return { text: "ok", is_error: false };
    };
    let nth = 0;
    scene.say = ({ messages }) => {
      if (messages.length > 15) return "done";
      return {
        uses: [
          { name: "desk_ring", arguments: { nth: ++nth } },
          { name: "desk_look", arguments: { nth } },
        ],
      };
    };
    await played(await begun({ tools: ["desk/look", "desk/ring"], tool_errors: 50, retry: { attempts: 1 } }));
    expect(said(scene.asked.at(-1)!)).toContain("CIRCUIT_OPEN");
    expect(called.filter(({ tool: name }) => name === "look").length).toBeGreaterThan(5);
  });

  test("must answer in its last turn, and the result says so", async () => {
    let nth = 0;
    scene.say = ({ request }) => (request.must_answer ? "what I know" : wants("desk_look", { nth: ++nth }));
    const run = await played(await begun({ max_turns: 3 }));
    expect(run.output).toBe("what I know");
    expect(scene.asked).toHaveLength(3);
    expect(run.degraded.join()).toContain("max_turns: 3");
  });

  test("is stopped with the evidence where it goes in circles", async () => {
    scene.say = () => wants("desk_look", { at: "shelf" });
    const run = await played(await begun({}));
    expect(run.error).toMatchObject({ code: "STALLED" });
    expect(run.error?.message).toContain("desk_look");
    expect(called.length).toBeLessThan(6);
    expect(scene.asked.at(-1)?.messages.at(-1)?.content).toContain("exactly this before");
  });

  test("mends an answer that its asker cannot read, as any agent does", async () => {
    const even = z.object({ n: z.number().refine((n) => n % 2 === 0, "it must be even") });
    const agents = { ...CATALOGUE.agents, wes: worker({}) };
    const asks = patternOf("asks", async (ctx) => (await ctx.call("wes", { prompt: "a number", shape: even })).output);
    let nth = 2;
    scene.say = () => JSON.stringify({ n: ++nth });
    const run = await played(await scene.start(asks, { catalogue: { ...CATALOGUE, agents } }));
    expect(run.output).toEqual({ n: 4 });
    expect(scene.asked.at(-1)?.messages.at(-1)?.content).toContain("it must be even");
  });

  test("that lacks a tool of a server is not asked at all, and says what to mend", async () => {
    lacking = [{ grant: "desk/look", why: "the server does not start" }];
    const run = await played(await begun({}));
    expect(run.error).toMatchObject({ code: "TOOLS_MISSING", message: expect.stringContaining("does not start") });
    expect(scene.asked).toHaveLength(0);
  });

  test("that lacks a built-in tool is told, and so is whoever reads the result", async () => {
    lacking = [{ grant: "baton/read", why: "no folders are named" }];
    scene.say = () => "as far as I know";
    const run = await played(await begun({ tools: ["baton/read"] }));
    expect(scene.asked[0]?.request.system).toContain("baton/read: no folders are named");
    expect(run.degraded.join()).toContain("baton/read");
  });
});

describe("what a person must allow", () => {
  const decided = async (id: string, how: "approved" | "rejected", value?: unknown) => {
    await scene.until(() => scene.is(id, "waiting"));
    const [wait] = (await scene.store.progress(id)).waiting;
    const edited = value !== undefined && ({ value, edited: true } as const);
    await scene.store.decide(id, wait?.place ?? "", { how, approval: wait?.approval ?? "", ...edited }, "eve");
    return wait;
  };

  test("waits, with exactly what would be done, and is done once they allow it", async () => {
    scene.say = turns(wants("desk_burn", { what: "letters" }), "burnt");
    const id = await begun({ tools: ["desk/burn"] });
    await scene.serve();
    const wait = await decided(id, "approved");
    expect(wait?.terms).toMatchObject({ action: { name: "desk/burn", arguments: { what: "letters" } }, self: false });
    expect(called).toHaveLength(0);
    expect((await scene.ended(id)).output).toBe("burnt");
    expect(called).toHaveLength(1);
  });

  test("is not done where they refuse, and the model is told", async () => {
    scene.say = turns(wants("desk_look"), "then not");
    const id = await begun({ approve: ["desk/*"] });
    await scene.serve();
    await decided(id, "rejected");
    expect((await scene.ended(id)).output).toBe("then not");
    expect(called).toHaveLength(0);
    expect(said(scene.asked.at(-1)!)).toContain("has not allowed this");
  });

  test("is done as they have changed it", async () => {
    scene.say = turns(wants("desk_look", { at: "safe" }), "ok");
    const id = await begun({ approve: ["desk/look"] });
    await scene.serve();
    await decided(id, "approved", { at: "shelf" });
    await scene.ended(id);
    expect(called[0]?.arguments).toEqual({ at: "shelf" });
  });
});

describe("asking a peer", () => {
  test("gives its answer as material, and stands a level deeper", async () => {
    scene.say = ({ agent, messages }) =>
      agent === "ann"
        ? "forty-two"
        : turns(wants("consult", { agent: "ann", question: "how many?" }), "done")({ messages } as Asked);
    const id = await begun({ tools: [], consult: ["ann"] });
    await played(id);
    expect(said(scene.asked.at(-1)!)).toContain("forty-two");
    const { lines } = await scene.store.memory(id);
    const line = lines.find(({ place, kind }) => kind === "run" && place.endsWith("/ann"));
    const { question, answer } = (line?.value ?? {}) as Record<string, Told>;
    expect(question).toMatchObject({ from: expect.stringContaining("wes"), to: "ann", payload: "how many?" });
    expect(question?.acknowledged).toEqual([{ by: "ann", received: "ann", processed_at: answer?.timestamp }]);
    expect(answer).toMatchObject({ from: "ann", correlation_id: question?.correlation_id, payload: "forty-two" });
  });

  test("has an end where agents ask each other in a ring", async () => {
    const peer = worker({ name: "pam", tools: [], consult: ["wes"] });
    scene.say = ({ agent, messages }) =>
      messages.length > 2
        ? "enough"
        : wants("consult", { agent: agent === "wes" ? "pam" : "wes", question: "and you?" });
    const run = await played(await begun({ tools: [], consult: ["pam"] }, [peer]));
    expect(run.output).toBe("enough");
    expect(scene.asked.some((each) => said(each).includes("DEPTH_EXCEEDED"))).toBe(true);
  });
});

describe("notes that agents of a run share", () => {
  const scribe = (name: string) => worker({ name, tools: [], scratchpad: { read: ["*"], write: ["plan", "log.*"] } });

  test("are versioned, say who wrote them, and are told the same again after a crash", async () => {
    const catalogue = { ...CATALOGUE, agents: { ...CATALOGUE.agents, one: scribe("one"), two: scribe("two") } };
    const writes = patternOf("writes", async (ctx) => {
      await ctx.call("one", { prompt: "write" });
      return (await ctx.call("two", { prompt: "read" })).output;
    });
    scene.say = ({ agent, messages }) =>
      agent === "one"
        ? turns(
            {
              uses: [
                { name: "notes_write", arguments: { key: "plan", value: "a" } },
                { name: "notes_write", arguments: { key: "plan", value: "b" } },
              ],
            },
            "written",
          )({ messages } as Asked)
        : turns(wants("notes_read", { key: "plan" }), "read")({ messages } as Asked);
    const id = await scene.start(writes, { catalogue });
    await played(id);
    const last = said(scene.asked.at(-1)!);
    expect(JSON.parse(last.split("\n").slice(1, -1).join("\n"))).toEqual({
      key: "plan",
      value: "b",
      version: 2,
      by: "one@1",
    });
  });

  test("are refused where the agent has not declared the key", async () => {
    scene.say = turns(wants("notes_write", { key: "other", value: 1 }), "no");
    await played(await begun({ tools: [], scratchpad: { read: [], write: ["plan"] } }));
    expect(said(scene.asked.at(-1)!)).toContain("FORBIDDEN");
  });
});

describe("checks", () => {
  test("of the task end it before anybody is asked", async () => {
    const run = await played(
      await begun({ tools: [], guards: { input: [{ when: "size(text) > 100" }], output: [], tools: [] } }),
    );
    expect(run.error).toMatchObject({ code: "GUARD_FAILED" });
    expect(scene.asked).toHaveLength(0);
  });

  test("of the answer are told to the agent, who may mend it once", async () => {
    scene.say = turns("no number", "7");
    const guards = { input: [], output: [{ schema: { type: "number" } }], tools: [] };
    const run = await played(await begun({ tools: [], guards }));
    expect(run.output).toBe("7");
    expect(scene.asked.at(-1)?.messages.at(-1)?.content).toContain("cannot be taken");
  });

  test("of a use keep it from being made", async () => {
    scene.say = turns(wants("desk_look", { at: "safe" }), "no");
    const guards = { input: [], output: [], tools: [{ when: "arguments.at != 'safe'", message: "not the safe" }] };
    await played(await begun({ guards }));
    expect(called).toHaveLength(0);
    expect(said(scene.asked.at(-1)!)).toContain("not the safe");
  });

  test("by an agent are a step, and its reason is told", async () => {
    scene.say = ({ agent }) => (agent === "ann" ? '{"passes": false, "reason": "too rude"}' : "you fool");
    const guards = { input: [], output: [{ agent: "ann", criteria: "It is polite" }], tools: [] };
    const run = await played(await begun({ tools: [], guards }));
    expect(run.error).toMatchObject({ code: "GUARD_FAILED", message: expect.stringContaining("too rude") });
  });

  test("take secrets out of the task before it leaves", async () => {
    const secret = "sk-abcdefghijklmnop1234";
    const catalogue = {
      ...CATALOGUE,
      agents: {
        ...CATALOGUE.agents,
        wes: worker({ tools: [], guards: { input: [{ secrets: "redact" }], output: [], tools: [] } }),
      },
    };
    const asks = patternOf("asks", async (ctx) => (await ctx.call("wes", { prompt: `use ${secret}` })).output);
    await played(await scene.start(asks, { catalogue }));
    expect(JSON.stringify(scene.asked[0]?.messages)).not.toContain(secret);
  });
});

describe("an agent that is a function", () => {
  const fetches = {
    does: "tool",
    input: { server: "desk", tool: "look", arguments: { at: "{{ task }}", n: "{{ value.n }}" }, most: 100 },
  };

  test("answers by a deed, made from its task, and asks no model", async () => {
    const id = await begun({ tools: [], function: fetches }, [], '{"n": 3}');
    const run = await played(id);
    expect(called[0]?.arguments).toEqual({ at: '{"n": 3}', n: "3" });
    expect(JSON.parse(String(run.output))).toEqual({ text: "look did it", is_error: false });
    expect(scene.asked).toHaveLength(0);
    const [line] = (await scene.store.memory(id)).lines;
    expect(line).toMatchObject({ place: "wes", kind: "choice", state: "done" });
  });

  test("fails with what its task lacks, and does nothing", async () => {
    const run = await played(await begun({ tools: [], function: fetches }, [], "no JSON at all"));
    expect(run.error).toMatchObject({ code: "GATE_FAILED", step: "wes" });
    expect(called).toHaveLength(0);
  });
});
