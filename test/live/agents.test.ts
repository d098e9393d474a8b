import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Asked, Reply } from "../stub/script.ts";
import { served } from "../toolbox/toolbox.ts";
import { desk } from "./desk.ts";
import { agent, openStage, type Stage } from "./stage.ts";

/** Servers are processes of their own, and start others. */
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let stage: Stage;

const use = (name: string, given: object = {}) => ({ name, arguments: given });
const turnOf = ({ messages }: Asked): number => messages.filter(({ role }) => role === "assistant").length;
const heard = ({ results }: Asked): string => results.map(({ content }) => content).join("\n");

/** What each says, turn by turn; where there are fewer, all that was told to it last. */
const TURNS: Readonly<Record<string, readonly (Reply | ((asked: Asked) => Reply))[]>> = {
  lea: [{ uses: [use("consult", { agent: "ed", question: "How many?" })] }],
  ed: [({ shape, user }) => (shape ? { json: verdictOn(user) } : { text: "Forty-two." })],
  one: [
    { uses: [use("notes_write", { key: "found.one", value: 1 })] },
    { uses: [use("notes_read"), use("notes_write", { key: "other", value: 1 })] },
  ],
  keeper: [
    ({ user }) =>
      user.includes("Remember")
        ? { uses: [use("memory_write", { key: "facts.bridge", value: "It is an arch." })] }
        : { uses: [use("memory_search", { query: "arch" }), use("memory_read", { key: "secrets" })] },
  ],
  strict: [{ uses: [use("desk_pay", { of: "all" })] }, { text: "no JSON" }, { text: '{"n":1}' }],
  kind: [{ text: "You fool." }, { text: "My dear." }],
  asker: [{ uses: [use("desk_look", { of: "shelf" })] }],
  short: [{ uses: [use("baton_read", { path: "lib/big.txt" })] }],
  busy: [{ uses: [use("desk_look", { of: "1" })] }, { text: "What I know." }],
  clumsy: [0, 1, 2, 3].map((n) => ({ uses: [use("baton_read", { path: `lib/no-${n}.txt` })] })),
  eve: [
    {
      uses: [
        ...[use("all_echo", { message: "hello" }), use("all_get-sum", { a: 2, b: 3 }), use("all_get-env")],
        ...[use("all_get-tiny-image"), use("all_get-structured-content", { location: "New York" })],
      ],
    },
  ],
};

const verdictOn = (user: string) =>
  user.includes("dear") ? { passes: true, reason: "it is" } : { passes: false, reason: "it is unkind" };

function script(asked: Asked): Reply {
  const [, name = ""] = /You are (\w+)\./.exec(asked.system) ?? [];
  const said = TURNS[name]?.[turnOf(asked)];
  return typeof said === "function" ? said(asked) : (said ?? { text: heard(asked) });
}

const STRICT = {
  input: [{ when: "size(text) < 100", message: "Keep it under 100 characters" }, { secrets: "refuse" }],
  output: [{ schema: { type: "object", properties: { n: { type: "number" } }, required: ["n"] } }],
  tools: [{ when: "tool != 'desk/pay' || arguments.of != 'all'", message: "never pay all" }],
};

beforeAll(async () => {
  stage = await openStage({
    script,
    settings: (folder) => ({
      folders: ["."],
      mcp_servers: { desk: desk(`${folder}/done`), all: served.everything() },
    }),
    files: {
      "lib/big.txt": "Begin early. ".repeat(1000),
      "agents/lea.md": agent("lea", { consult: ["ed"] }),
      "agents/ed.md": agent("ed", {}),
      "agents/one.md": agent("one", { scratchpad: { read: ["*"], write: ["found*"] } }),
      "agents/keeper.md": agent("keeper", { memory: { read: ["facts*"], write: ["facts*"] } }),
      "agents/strict.md": agent("strict", { tools: ["desk/pay"], guards: STRICT }),
      "agents/kind.md": agent("kind", { guards: { output: [{ agent: "ed", criteria: "It is kind." }] } }),
      "agents/asker.md": agent("asker", { tools: ["desk/look"], approve: ["desk/*"] }),
      "agents/short.md": agent("short", { tools: ["baton/read"], tool_output_bytes: 200 }),
      "agents/busy.md": agent("busy", { tools: ["desk/look"], max_turns: 2 }),
      "agents/clumsy.md": agent("clumsy", { tools: ["baton/read"], tool_errors: 2 }),
      "agents/eve.md": agent("eve", { tools: ["all/*"] }),
    },
  });
});
afterAll(() => stage?.[Symbol.asyncDispose]());

const run = (name: string, task = "Do it.") => stage.play("run_agent", { agent: name, task });
const steps = (heard: Awaited<ReturnType<typeof run>>) =>
  stage.whole("get_run_trace", { run_id: heard.data.run_id, view: "steps" });

it("an agent asks a peer that its file names, and is told the answer as data; both stand in the trace", async () => {
  const end = await run("lea");
  expect(end.data, end.text).toMatchObject({ status: "succeeded", usage: { calls: 3 } });
  expect(end.data.output).toMatch(/^<data-\w+ name="ed">\nForty-two\.\n<\/data-/);
  const trace = await steps(end);
  expect(trace).toContain('wants consult {"agent":"ed","question":"How many?"}');
  expect(trace).toMatch(/^lea\/map\/0\/ed\/ed .*→ Forty-two\.$/m);
  // The exchange is told as two messages, with who received what, and when.
  const exchange = await stage.whole("get_run_trace", { run_id: end.data.run_id, step: "lea/map/0/ed" });
  for (const word of ['"correlation_id"', '"acknowledged"', '"type":"question"', '"type":"answer"'])
    expect(exchange).toContain(word);
});

it("branches that go on side by side share notes: each version says who wrote it; what is not declared is refused", async () => {
  const end = await stage.play("fan_out", { task: "Do it.", agent: "one", items: ["left", "right"] });
  expect(end.data.status, end.text).toBe("succeeded");
  const trace = await steps(end);
  const versions = [...trace.matchAll(/notes_write \[success\].*"version":(\d)/g)].map(([, version]) => version);
  expect(versions.sort()).toEqual(["1", "2"]);
  expect(trace).toContain('FORBIDDEN: this agent may not write the note "other"; it may write "found*"');
  expect(end.data.degraded).toBeUndefined();
});

it("what one run remembers a later one finds, after a restart of the server too, and by its permission alone", async () => {
  const first = await run("keeper", "Remember the bridge.");
  expect(first.data.status, first.text).toBe("succeeded");
  await stage.restart();
  const second = await run("keeper", "What of the bridge?");
  expect(second.data.output).toContain('"snippet": "It is an [arch]."');
  expect(second.data.output).toContain('"key": "facts.bridge"');
  expect(second.data.output).toMatch(/"by": "keeper@/);
  expect(second.data.output).toContain('may not read the memory under "secrets": it may read "facts*"');
});

describe("checks", () => {
  it("of calls and of the answer are told to the agent, who mends it", async () => {
    const end = await run("strict");
    expect(end.data, end.text).toMatchObject({ status: "succeeded", output: '{"n":1}' });
    const sent = stage.vendor.requests.filter(({ system }) => system.includes("You are strict."));
    expect(sent[1]?.results[0]?.content).toContain("This call was not made");
    expect(sent[1]?.results[0]?.content).toContain("never pay all");
    expect(sent[2]?.user).toContain("Your answer cannot be taken");
  });

  it.each([
    ["a condition", "A task that goes on and on. ".repeat(5), "Keep it under 100 characters"],
    ["a look for secrets", `Use the key sk-proj-${"abcdefgh0123".repeat(4)}.`, "what looks like a secret"],
  ])("of the task by %s end it before anybody is asked, with a way out", async (_, task, why) => {
    const end = await run("strict", task);
    expect(end.data).toMatchObject({ status: "failed", error: { code: "GUARD_FAILED" }, usage: { calls: 0 } });
    expect(end.text).toContain(why);
    expect(end.text).toContain("hint: Ask it in another way, or change its definition: `guards.input`");
  });

  it("by another agent are steps of their own", async () => {
    const end = await run("kind");
    expect(end.data, end.text).toMatchObject({ status: "succeeded", output: "My dear.", usage: { calls: 4 } });
    expect(await steps(end)).toMatch(/kind\/check_output \[success\].*"passes":false/);
  });
});

it("`approve` in a file: a person is told what is wanted and why they are asked, and their no is told to the model", async () => {
  const wait = await run("asker");
  expect(wait.text).toContain(
    "to be decided: asker wants to call desk/look. Its definition wants a person to look at it",
  );
  expect(wait.text).toContain('to be done: {"name":"desk/look","arguments":{"of":"shelf"}}');
  const end = await stage.decide(wait, { decision: "reject", note: "Not now." });
  expect(end.data).toMatchObject({ status: "succeeded" });
  expect(end.data.output).toContain("A person has not allowed this: Not now.");
});

it("what a tool says too much is cut with a mark, and the end of turns and of patience is told", async () => {
  const [short, busy, clumsy] = await Promise.all([run("short"), run("busy"), run("clumsy")]);
  expect(short?.data.output).toMatch(/\[cut: [\d,]+ of [\d,]+ bytes left out; ask for a smaller part\]/);
  expect(busy?.data.output).toBe("What I know.");
  expect(busy?.text).toContain("degraded: busy had no turns left (max_turns: 2)");
  expect(clumsy?.data.output).toContain("baton_read has failed 2 times in a row and is not called again here");
});

it("a server from the registry that shows everything is used, and sees nothing of our environment", async () => {
  const end = await run("eve");
  expect(end.data.status, end.text).toBe("succeeded");
  const told = stage.vendor.requests.findLast(({ system }) => system.includes("You are eve."))?.results ?? [];
  const [echo = "", sum = "", env = "", image = "", weather = ""] = told.map(({ content }) => content);
  expect([echo, sum].join()).toMatch(/Echo: hello[\s\S]*The sum of 2 and 3 is 5\./);
  expect(image).toMatch(/\[image\/png, \d+ KB, not shown\]/);
  expect(weather).toContain('"humidity"');
  expect(env).not.toContain("BATON_");
});

it("the list of agents and `baton check` tell what each may use, and that all is well", async () => {
  const { text } = await stage.call("list_agents", { query: "asker" });
  expect(text).toMatch(/^asker@\w+ · .* needs \{"tools":\["desk\/look"\],"servers":\["desk"\]\} · about \$[\d.]+/m);
  stage.write("agents/lost.md", agent("lost", { tools: ["nowhere/look"] }));
  const refused = await run("lost");
  expect(refused.text).toContain("A server `nowhere` is made known in baton.yaml");
  const { stdout } = await stage.baton(["check"]);
  expect(stdout).toMatch(/agents\/lost\.md:\d+:\d+ warning it asks for nowhere\/look/);
  expect(stdout).toContain("0 errors, 1 warning in 12 files");
});
