import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { afterAll, describe, expect, it } from "vitest";
import { type Rooms, rooms } from "./rooms.ts";

const house = rooms({ BATON_TOOLSETS: "[default, admin]" });
const crowd = rooms();
afterAll(() => Promise.all([house.close(), crowd.close()]));

const fileOf = ({ folder }: Rooms, name: string): string => join(folder, "agents", `${name}.md`);
const agent = (name: string, told: string, more = ""): string =>
  `---\nname: ${name}\ndescription: Reads letters about ${name} and answers.\n${more}---\n${told}\n`;

const agents = (args: object) => house.call("manage_agents", args);
const workflows = (args: object) => house.call("manage_workflows", args);
const memory = (args: object, caller = "local") => house.call("manage_memory", args, { caller });

/** Who answered, as the trace tells. */
async function asked(name: string): Promise<unknown> {
  const { data } = await house.call("run_agent", { agent: name, task: "t" });
  const { data: told } = await house.call("get_run_trace", { run_id: data.run_id, view: "summary" });
  return (told as unknown as { trace?: { agents: readonly string[] } }).trace?.agents[0] ?? data.error;
}

describe("manage_agents", () => {
  it("saves a file that can be asked at once, and writes over none unless it is told to", async () => {
    const { data } = await agents({ action: "save", name: "clerk", text: agent("clerk", "Be brief.") });
    const saved = data as unknown as { agent: { path: string; version: string; active: boolean } };
    expect(saved.agent).toMatchObject({ path: fileOf(house, "clerk"), active: true });
    expect(await asked("clerk")).toBe(`clerk@${saved.agent.version}`);
    const again = await agents({ action: "save", name: "clerk", text: agent("clerk", "Be long.") });
    expect(again).toMatchObject({ isError: true, data: { error: { code: "INVALID_INPUT" } } });
    expect(readFileSync(fileOf(house, "clerk"), "utf8")).toContain("Be brief.");
    await agents({ action: "save", name: "clerk", text: agent("clerk", "Be long."), replace: true });
    expect(readFileSync(fileOf(house, "clerk"), "utf8")).toContain("Be long.");
    expect(await asked("clerk")).not.toBe(`clerk@${saved.agent.version}`);
  });

  it.each([
    ["a name that leads out of the folder", { name: "../clerk", text: agent("clerk", "x") }, "INVALID_INPUT"],
    ["another name inside", { name: "porter", text: agent("clerk", "x") }, "INVALID_AGENT"],
    ["nothing that it is told", { name: "porter", text: agent("porter", "") }, "INVALID_AGENT"],
    ["broken front matter", { name: "porter", text: "---\nname: [porter\n---\nx" }, "INVALID_AGENT"],
    ["no text", { name: "porter" }, "INVALID_INPUT"],
  ])("does not save %s", async (_, given, code) => {
    const { data, isError } = await agents({ action: "save", ...given });
    expect({ isError, code: data.error?.code }).toEqual({ isError: true, code });
    expect(data.error).toHaveProperty("hint");
    expect(existsSync(fileOf(house, "porter"))).toBe(false);
  });

  it("writes through no link, and over the file that has the name, whatever that file is called", async () => {
    const outside = join(house.folder, "outside.md");
    writeFileSync(outside, "mine");
    mkdirSync(join(house.folder, "agents"), { recursive: true });
    symlinkSync(outside, fileOf(house, "linked"));
    const linked = await agents({ action: "save", name: "linked", text: agent("linked", "x"), replace: true });
    expect(linked.data.error?.code).toBe("FORBIDDEN");
    expect(readFileSync(outside, "utf8")).toBe("mine");
    const odd = join(house.folder, "agents", "an-odd-file.md");
    writeFileSync(odd, agent("usher", "First."));
    const { data } = await agents({ action: "save", name: "usher", text: agent("usher", "Second."), replace: true });
    expect(data).toMatchObject({ agent: { path: odd, active: true } });
    expect(existsSync(fileOf(house, "usher"))).toBe(false);
  });

  it("chooses a version for new runs, goes back to the one before, and follows the file again", async () => {
    writeFileSync(fileOf(house, "scribe"), agent("scribe", "One.", "version: 1.0.0\n"));
    const one = await asked("scribe");
    writeFileSync(fileOf(house, "scribe"), agent("scribe", "Two.", "version: 2.0.0\n"));
    const two = await asked("scribe");
    expect((await agents({ action: "use", name: "scribe@1.0.0" })).data).toMatchObject({ agent: { tag: "1.0.0" } });
    expect(await asked("scribe")).toBe(one);
    const saved = await agents({ action: "save", name: "scribe", text: agent("scribe", "Three."), replace: true });
    expect(saved.text).toContain("New runs still ask scribe@");
    expect(await asked("scribe")).toBe(one);
    await agents({ action: "rollback", name: "scribe" });
    expect([two, one]).not.toContain(await asked("scribe"));
    await agents({ action: "use", name: String(two) });
    expect(await asked("scribe")).toBe(two);
    await agents({ action: "follow", name: "scribe" });
    const { data, text } = await agents({ action: "versions", name: "scribe" });
    expect(data).toMatchObject({ versions: [{ active: true, file: true }, { tag: "2.0.0" }, { tag: "1.0.0" }] });
    expect(text).toContain("local chose what the newest file says");
    const { text: compared } = await agents({ action: "compare", name: "scribe@1.0.0" });
    expect(compared).toMatch(/- One\.\n\+ Three\./);
    const { text: shown } = await agents({ action: "show", name: "scribe@2.0.0" });
    expect(shown).toContain("Two.");
  });

  it("uses a version that no run has pinned, which stays though its file changes", async () => {
    writeFileSync(fileOf(house, "page"), agent("page", "One.", "version: 1.0.0\n"));
    await agents({ action: "use", name: "page@1.0.0" });
    writeFileSync(fileOf(house, "page"), agent("page", "Two.", "version: 2.0.0\n"));
    const { data } = await agents({ action: "show", name: "page" });
    expect(data).toMatchObject({ agent: { tag: "1.0.0", active: true }, text: expect.stringContaining("One.") });
  });

  it("retires an agent: refused with the reason, told in the list, restored", async () => {
    const { data } = await agents({ action: "retire", name: "critic", note: "use judge" });
    expect(data).toMatchObject({ agent: { retired: true, changed: true } });
    expect(await asked("critic")).toMatchObject({
      code: "INVALID_AGENT",
      message: expect.stringContaining("use judge"),
    });
    const { text } = await house.call("list_agents", { query: "critic" });
    expect(text).toMatch(/critic.*cannot be used: it was retired by local/);
    await agents({ action: "restore", name: "critic" });
    expect(await asked("critic")).toMatch(/^critic@/);
  });
});

describe("manage_workflows", () => {
  const definition = {
    description: "Says it.",
    inputs: { task: { type: "string" } },
    nodes: { say: { agent: "writer", task: "{{ inputs.task }}" } },
  };
  const play = async (name: string) => (await house.call("run_workflow", { name, inputs: { task: "t" } })).data;

  it("saves a definition or what a run did, and nothing that could not be played", async () => {
    const { data } = await workflows({ action: "save", name: "say-it", definition });
    expect(data).toMatchObject({ workflow: { path: join(house.folder, "workflows", "say-it.yaml") } });
    expect(await play("say-it")).toMatchObject({ status: "succeeded" });
    const again = await workflows({ action: "save", name: "say-it", definition });
    expect(again.data.error?.code).toBe("INVALID_INPUT");
    const { data: run } = await house.call("run_agent", { agent: "writer", task: "t" });
    await workflows({ action: "save", name: "from-run", run_id: run.run_id });
    expect(await play("from-run")).toMatchObject({ status: "succeeded" });
    const broken = { nodes: { say: { agent: "writre", task: "x" } } };
    const refused = await workflows({ action: "save", name: "broken", definition: broken });
    expect(refused.data.error).toMatchObject({ code: "INVALID_WORKFLOW", message: expect.stringContaining("writer") });
    expect(existsSync(join(house.folder, "workflows", "broken.yaml"))).toBe(false);
  });

  it("retires one: refused with the reason while runs in flight go on, its file kept, restored", async () => {
    const waits = { description: "Waits.", nodes: { ask: { wait: { answer: "Well?" } } } };
    await workflows({ action: "save", name: "asks", definition: waits });
    const { data: begun } = await house.call("run_workflow", { name: "asks" });
    expect(begun.status).toBe("waiting");
    await workflows({ action: "retire", name: "asks", note: "asks too much" });
    const { data } = await house.call("run_workflow", { name: "asks" });
    expect(data.error).toMatchObject({ code: "INVALID_WORKFLOW", message: expect.stringContaining("asks too much") });
    const answer = { run_id: begun.run_id, decision: "answer", value: "well", rating: { score: 4 } };
    expect((await house.call("decide", answer)).data).toMatchObject({ status: "succeeded" });
    const { store } = await house.baton.open();
    expect(await store.versions.ratings(String(begun.run_id))).toMatchObject([{ score: 4, by: "local" }]);
    expect((await house.call("list_agents", { kind: "workflow" })).text).toContain("retired by local");
    await workflows({ action: "restore", name: "asks" });
    expect((await house.call("run_workflow", { name: "asks" })).data.status).toBe("waiting");
  });
});

describe("manage_memory", () => {
  it("shows, changes and forgets what a caller's agents remember, page by page", async () => {
    await memory({ action: "write", key: "notes/a", value: "first words" });
    await memory({ action: "write", key: "notes/a", value: { tone: "second words" } });
    expect((await memory({ action: "read", key: "notes/a" })).data).toMatchObject({
      entry: { version: 2, value: { tone: "second words" } },
    });
    expect((await memory({ action: "read", key: "notes/a", version: 1 })).data).toMatchObject({
      entry: { value: "first words" },
    });
    expect((await memory({ action: "search", query: "second" })).data).toMatchObject({ entries: [{ key: "notes/a" }] });
    expect((await memory({ action: "history", key: "notes/a" })).data).toMatchObject({
      entries: [{ version: 2 }, { version: 1 }],
    });
    expect((await memory({ action: "read", key: "notes/a" }, "ann")).data.error?.code).toBe("NOT_FOUND");
    for (let n = 0; n < 90; n++) await memory({ action: "write", key: `many/${n}`, value: n });
    const keys = new Set<string>();
    let args: object | undefined = { action: "list", prefix: "many/" };
    for (let pages = 0; args && pages < 20; pages++) {
      const { data } = (await memory(args)) as unknown as {
        data: { entries: { key: string }[]; next?: { arguments: object } };
      };
      for (const { key } of data.entries) keys.add(key);
      args = data.next?.arguments;
    }
    expect(keys.size).toBe(90);
    expect((await memory({ action: "forget", key: "notes/a" })).data).toMatchObject({ entry: { state: "forgotten" } });
    expect((await memory({ action: "forget", key: "notes/a", purge: true })).data).toMatchObject({ erased: 2 });
    expect((await memory({ action: "read" })).data.error).toMatchObject({ hint: expect.stringContaining('"key"') });
  });
});

describe("list_agents", () => {
  it("tells what an agent needs, which others say nearly the same, and what is known of how it does", async () => {
    const own = 'x-baton: {memory: {read: ["notes/*"], write: []}, consult: [writer]}\n';
    writeFileSync(fileOf(house, "teller"), agent("teller", "Tell.", own));
    writeFileSync(fileOf(house, "taller"), agent("taller", "Tell.", "").replace("about taller", "about teller"));
    const { data } = await house.call("list_agents", { query: "teller" });
    const { agents: rows } = data as unknown as { agents: readonly Record<string, unknown>[] };
    expect(rows[0]).toMatchObject({
      name: "teller",
      executor: "tools",
      needs: { memory: { read: ["notes/*"] }, peers: ["writer"] },
      overlaps: ["taller"],
    });
  });

  it("stays under 2,000 tokens with hundreds of agents, goes on by its cursor, and tells all of one", async () => {
    mkdirSync(join(crowd.folder, "agents"), { recursive: true });
    const long = "Looks at one thing after another and says what it finds there, at length. ".repeat(4);
    for (let n = 0; n < 100; n++)
      writeFileSync(
        fileOf(crowd, `agent-${n}`),
        agent(`agent-${n}`, "x").replace("and answers", `${n * 7919} ${long}`),
      );
    const names = new Set<string>();
    let args: object | undefined = { kind: "agent" };
    for (let pages = 0; args && pages < 100; pages++) {
      const { data, text } = await crowd.call("list_agents", args);
      const told = data as unknown as { agents: { name: string }[]; next?: { arguments: object } };
      expect(encode(JSON.stringify(data)).length).toBeLessThan(2000);
      expect(encode(text).length).toBeLessThan(2000);
      for (const { name } of told.agents) names.add(name);
      args = told.next?.arguments;
    }
    expect([...names].filter((name) => name.startsWith("agent-"))).toHaveLength(100);
    const { data } = await crowd.call("list_agents", { query: "agent-7" });
    const { agents: rows } = data as unknown as { agents: readonly { name: string; description: string }[] };
    expect(rows[0]?.name).toBe("agent-7");
    expect(rows[0]?.description).toContain("at length. Looks at one thing after another and says what it finds there");
  });
});
