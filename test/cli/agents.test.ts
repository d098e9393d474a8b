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

async function played(agent = "judge-of-tone"): Promise<string> {
  const { stdout } = await baton(["run", "run_agent", "--agent", agent, "--task", "t", "--json"], home, env);
  return JSON.parse(stdout).run_id;
}

describe("baton agents and baton rate", () => {
  it("list versions, compare them, choose one for new runs, and tell what people think of each", async () => {
    write("Be strict.\nSay why.", "1.0.0");
    await played();
    write("Be kind.\nSay why.", "2.0.0");
    const rated = await told("rate", await played(), "good", "--note", "kind indeed");
    expect(rated).toMatch(/^r_\w+ is rated 5 of 5, which counts for judge-of-tone@\w{8}\.\n$/);
    const compared = await told("agents", "compare", "judge-of-tone", "1.0.0", "2.0.0");
    expect(compared).toContain("- Be strict.\n+ Be kind.\n  Say why.");
    expect(compared).toMatch(/^\+ .*\(2\.0\.0\) · active · as its file says .*rated 5 of 5 \(1\)$/m);
    expect(await told("agents", "use", "judge-of-tone@1.0.0")).toMatch(/^New runs ask judge-of-tone@\w+ \(1\.0\.0\)/);
    const trace = await told("trace", await played(), "--view", "summary");
    const [, old] = /\n?- judge-of-tone@(\w+) \(1\.0\.0\)/.exec(compared) ?? [];
    expect(trace).toContain(`judge-of-tone@${old}`);
    expect(await told("agents")).toMatch(/^judge-of-tone@\w+ \(1\.0\.0\) · 2 versions · its file says \w+/m);
    const wrong = await baton(["agents", "use", "judge-of-tone@9.9.9"], home, env);
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringMatching(/It has .*\(2\.0\.0\)/) });
    const beyond = await baton(["rate", "r_none", "6"], home, env);
    expect(beyond).toMatchObject({ code: 2, stderr: expect.stringContaining("from 1 (useless) to 5") });
  });
});

describe("baton memory", () => {
  it("writes, reads and forgets what agents remember, of the caller that is named", async () => {
    expect(await told("memory", "write", "notes/style", '{"tone":"dry"}')).toContain("notes/style · version 1");
    expect(await told("memory", "read", "notes/style")).toContain('value {"tone":"dry"}');
    expect(await told("memory", "list", "--caller", "ann")).toContain("nothing is remembered");
    expect(await told("memory", "forget", "notes/style", "--purge")).toContain("1 of its versions");
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
