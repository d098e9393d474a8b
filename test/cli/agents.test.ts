import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { type House, openHouse } from "../house.ts";
import { baton, temporaryHome } from "./server-process.ts";

/** Every command is a process of its own. */
vi.setConfig({ testTimeout: 240_000 });

const { home, folder, remove } = temporaryHome();
afterAll(remove);

const agents = join(folder, "agents");
mkdirSync(agents, { recursive: true });
const env = { BATON_AGENTS: JSON.stringify([agents]) };

const write = (text: string, tag: string) =>
  writeFileSync(
    join(agents, "judge-of-tone.md"),
    `---\nname: judge-of-tone\nversion: ${tag}\ndescription: Judges the tone of a letter.\n---\n${text}\n`,
  );

async function told(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await baton(args, home, env);
  expect(code, `${args.join(" ")}\n${stderr}`).toBe(0);
  return stdout;
}

async function played(agent = "judge-of-tone"): Promise<{ id: string; who: string }> {
  const { stdout } = await baton(["run", "run_agent", "--agent", agent, "--task", "t", "--json"], home, env);
  const { run_id } = JSON.parse(stdout);
  const trace = JSON.parse(await told("trace", run_id, "--view", "summary", "--json"));
  return { id: run_id, who: trace.trace.agents[0] };
}

describe("baton agents", () => {
  it("lists versions, compares them, chooses one for new runs, goes back, and follows the file again", async () => {
    write("Be strict.\nSay why.", "1.0.0");
    const first = await played();
    write("Be kind.\nSay why.", "2.0.0");
    const second = await played();
    expect(second.who).not.toBe(first.who);

    expect(await told("agents", "versions", "judge-of-tone")).toMatch(
      /\(2\.0\.0\) · active · as its file says.*\n.*\(1\.0\.0\)/,
    );
    const compared = await told("agents", "compare", "judge-of-tone", "1.0.0", "2.0.0");
    expect(compared).toContain("- Be strict.\n+ Be kind.\n  Say why.");
    expect(await told("agents", "use", "judge-of-tone@1.0.0")).toContain(`New runs ask ${first.who} (1.0.0)`);
    expect((await played()).who).toBe(first.who);
    expect((await played("judge-of-tone@2.0.0")).who).toBe(second.who);
    expect(await told("agents", "show", "judge-of-tone")).toContain("Be strict.");
    expect(await told("agents", "rollback", "judge-of-tone")).toContain(second.who);
    expect((await played()).who).toBe(second.who);
    expect(await told("agents", "follow", "judge-of-tone")).toContain("as its file says");
    expect(await told("agents", "versions", "judge-of-tone")).toMatch(
      /local chose what the newest file says\n.*local chose/,
    );
    expect(await told("agents")).toMatch(/^judge-of-tone@\w+ \(2\.0\.0\) · 2 versions/m);
  });

  it("retires an agent for new runs, with the reason, and restores it", async () => {
    write("Be kind.", "2.0.0");
    expect(await told("agents", "retire", "judge-of-tone", "--note", "tone is fine")).toContain("is retired");
    const { code, stderr } = await baton(["run", "run_agent", "--agent", "judge-of-tone", "--task", "t"], home, env);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/retired by local.*tone is fine[\s\S]*baton agents restore judge-of-tone/);
    await told("agents", "restore", "judge-of-tone");
    expect((await played()).who).toContain("judge-of-tone@");
  });

  it("says what there is where a name or a version is wrong", async () => {
    const wrong = [
      [["agents", "show", "judge-of-tune"], /Did you mean judge-of-tone/],
      [["agents", "use", "judge-of-tone@9.9.9"], /It has .*\(2\.0\.0\)/],
      [["agents", "use", "judge-of-tone"], /needs a version/],
    ] as const;
    for (const [args, words] of wrong) {
      const { code, stderr } = await baton([...args], home, env);
      expect(stderr).toMatch(words);
      expect(code).toBe(2);
    }
  });
});

describe("baton rate", () => {
  it("is kept for the version that answered, and told by list_agents and baton agents", async () => {
    write("Be kind.", "2.0.0");
    const { id, who } = await played();
    expect(await told("rate", id, "good")).toBe(`${id} is rated 5 of 5, which counts for ${who}.\n`);
    expect(await told("rate", id, "2", "--step", "judge-of-tone", "--note", "too kind")).toContain("rated 2 of 5");
    expect(await told("rate", id, "4")).toContain("rated 4 of 5");
    expect(await told("agents")).toMatch(/^judge-of-tone.*rated 3 of 5 \(2\)/m);
    const { code, stderr } = await baton(["rate", id, "6"], home, env);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining("from 1 (useless) to 5") });
    expect((await baton(["rate", id, "3", "--step", "nowhere"], home, env)).stderr).toContain("judge-of-tone");
  });
});

describe("baton memory", () => {
  it("writes, reads, finds, and forgets what agents remember", async () => {
    expect(await told("memory", "write", "notes/style", "short sentences")).toContain("notes/style · version 1");
    expect(await told("memory", "write", "notes/style", '{"tone":"dry"}')).toContain("version 2");
    expect(await told("memory", "read", "notes/style")).toContain('value {"tone":"dry"}');
    expect(await told("memory", "read", "notes/style", "--at", "1")).toContain("short sentences");
    expect(await told("memory", "search", "dry")).toContain("notes/style");
    expect(await told("memory")).toContain("notes/style");
    expect(await told("memory", "list", "--caller", "ann")).toContain("nothing is remembered");
    expect(await told("memory", "forget", "notes/style", "--purge")).toContain("2 of its versions are erased");
    expect((await baton(["memory", "read", "notes/style"], home, env)).stderr).toContain("nothing is remembered");
  });
});

describe("how a version has done", () => {
  const draft = (score: number) => ({ reason: "r", score });
  const judge = (house: House) => house.store.versions.records();

  it("is counted from runs that have ended: requests, money, and gates that what it made has passed", async () => {
    const scores = [0.2, 0.9];
    await using house = await openHouse({
      agents: { maker: { models: ["oa/m"] }, critic: { models: ["oa/m"] } },
      script: ({ shape }) => (shape ? { json: { criterion_1: draft(scores.shift() ?? 1) } } : { text: "a draft" }),
    });
    const run = await house.play("refine", { task: "t", maker: "maker", critic: "critic", criteria: ["short"] });
    expect(run.output).toMatchObject({ met: true, rounds: 2 });
    const records = await judge(house);
    expect(records.find(({ name }) => name === "maker")).toMatchObject({ runs: 1, calls: 2, passed: 1, failed: 1 });
    expect(records.find(({ name }) => name === "critic")).toMatchObject({ runs: 1, calls: 2, passed: 0, failed: 0 });
    expect(records.reduce((sum, { usd }) => sum + usd, 0)).toBe(run.usage.usd);
  });

  it("counts the gates of a pipeline for who made the step: critics, schemas, conditions", async () => {
    const scores = [
      { score: 0.1, reasons: ["dull"] },
      { score: 0.9, reasons: [] },
    ];
    await using house = await openHouse({
      agents: { maker: { models: ["oa/m"] }, lister: { models: ["oa/m"] }, critic: { models: ["oa/m"] } },
      script: ({ shape, system }) =>
        shape ? { json: scores.shift() } : { text: system.includes("lister") ? '["a"]' : "a long text" },
    });
    const run = await house.play("run_pipeline", {
      task: "t",
      steps: [
        { agent: "maker", gate: { critic: "critic", threshold: 0.7 }, max_rounds: 2 },
        { agent: "lister", gate: { schema: { type: "array" }, when: "size(output) < 100" } },
      ],
    });
    expect(run.status).toBe("succeeded");
    const records = await judge(house);
    expect(records.find(({ name }) => name === "maker")).toMatchObject({ passed: 1, failed: 1 });
    expect(records.find(({ name }) => name === "lister")).toMatchObject({ passed: 1, failed: 0 });
  });
});
