import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { readCassette } from "../../src/core/cassette.ts";
import { baton, temporaryHome } from "./server-process.ts";

const { home, folder, remove } = temporaryHome();
afterAll(remove);

/** Every command is a process of its own. */
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const input = {
  task: "Explain what a baton is.",
  steps: [
    { agent: "researcher", name: "dig" },
    { agent: "critic", name: "judge" },
  ],
  labels: ["nightly"],
};
const ids: string[] = [];

beforeAll(async () => {
  for (let n = 0; n < 2; n++) {
    const { stdout } = await baton(["run", "run_pipeline", "--input", JSON.stringify(input), "--json"], home);
    ids.push(JSON.parse(stdout).run_id);
  }
});

describe("baton replay", () => {
  it("tells with --dry-run what would be asked, and starts nothing", async () => {
    const { code, stdout } = await baton(["replay", String(ids[0]), "--from", "judge", "--dry-run"], home);
    expect(stdout).toContain(`1 step of ${ids[0]} reused, 1 asked anew\nasked first: judge`);
    expect(code).toBe(0);
    const { stdout: runs } = await baton(["runs", "--json"], home);
    expect(JSON.parse(runs).runs).toHaveLength(2);
  });

  it("plays it again with another prompt, and prints the whole comparison", async () => {
    const file = join(folder, "prompt.txt");
    writeFileSync(file, "Say something else entirely about trees.");
    const { code, stdout } = await baton(["replay", String(ids[0]), "--prompt", `judge=${file}`], home);
    expect(stdout).toMatch(new RegExp(`^${ids[0]} → r_\\w+\nstatus: succeeded\nsteps: 1 reused, 1 asked\n`));
    expect(stdout).toMatch(/^judge \[another answer\]/m);
    expect(stdout).toMatch(/^\+ .*trees/m);
    expect(code).toBe(0);
  });

  it("prints data with --json", async () => {
    const { stdout } = await baton(["replay", String(ids[1]), "--agent", "critic=@latest", "--json"], home);
    expect(JSON.parse(stdout)).toMatchObject({
      status: "succeeded",
      source: ids[1],
      comparison: { reused: 2, asked: 0, output: { kind: "same" } },
    });
  });

  it("plays a whole set again, and prints a table with totals", async () => {
    const file = join(folder, "kind.md");
    writeFileSync(file, "You are kind.");
    const change = ["--instructions", `critic=${file}`];
    const { stdout: before } = await baton(["replay", "--set", "nightly", ...change, "--dry-run"], home);
    expect(before).toMatch(/^r_\w+ {2}1 reused, 1 asked, likely \$0$/m);
    expect(before).toContain("2 runs: likely $0 in all; nothing was started");
    const { code, stdout } = await baton(["replay", "--set", "nightly", ...change], home);
    expect(stdout).toMatch(/^run +status +cost +time +reused +asked +output\n/);
    for (const id of ids) expect(stdout).toMatch(new RegExp(`^${id} +succeeded .* 1 +1 +(same|different)$`, "m"));
    expect(stdout).toMatch(/^2 runs: \d with the same output, \d with another, 0 not replayed$/m);
    expect(code).toBe(0);
  });

  it("is not needed for a cassette: export writes a run as one, label first, then every request", async () => {
    const { code, stdout } = await baton(["export", "--cassette", String(ids[0])], home);
    const { label, taped } = readCassette(stdout, "stdout");
    expect(label).toMatchObject({ cassette: 1, run: ids[0], pattern: "run_pipeline", input: { task: input.task } });
    expect(taped.map(({ place, reply }) => [place, reply?.text !== undefined])).toEqual([
      ["dig", true],
      ["judge", true],
    ]);
    expect(code).toBe(0);
    expect((await baton(["export", "--cassette", "r_nothing"], home)).code).toBe(2);
  });

  it("ends with 2 for what the caller can mend", async () => {
    for (const wrong of [[], [String(ids[0]), "--agent", "critic"], ["r_nothing"], ["--set", "nobody-has-this"]]) {
      const { code, stderr } = await baton(["replay", ...wrong], home);
      expect(code, wrong.join(" ")).toBe(2);
      expect(stderr).not.toBe("");
    }
  });
});
