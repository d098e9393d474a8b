import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { baton, temporaryHome } from "./server-process.ts";

const { home, folder, remove } = temporaryHome();
afterAll(remove);

/** Every command is a process of its own. */
vi.setConfig({ testTimeout: 120_000 });

const saved = { BATON_WORKFLOWS: JSON.stringify([join(folder, "flows")]) };

async function played(pattern: string, input: object): Promise<{ id: string; output: unknown }> {
  const { stdout } = await baton(["run", pattern, "--input", JSON.stringify(input), "--json"], home, saved);
  const { run_id, output } = JSON.parse(stdout) as { run_id: string; output: unknown };
  return { id: run_id, output };
}

describe("baton save", () => {
  it("writes a run as a workflow that does the same for another task, and prints where", async () => {
    const steps = [{ agent: "writer", name: "draft" }, { agent: "critic" }];
    const first = await played("run_pipeline", { task: "Say what a baton is.", steps });
    const { code, stdout } = await baton(["save", first.id, "--as", "explain"], home, saved);
    const path = join(folder, "flows", "explain.yaml");
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${path}\n` });
    const same = await played("run_workflow", { name: "explain", inputs: { task: "Say what a baton is." } });
    expect(same.output).toEqual(first.output);
    const other = await played("run_workflow", { name: "explain", inputs: { task: "Say what a relay is." } });
    expect(JSON.stringify(other.output)).toContain("Say what a relay is.");
  });

  it("writes what `baton check` finds no mistake in, whatever pattern was run", async () => {
    const task = { id: "a", task: "= Find {{ out }}", worker: "writer" };
    const plan = { tasks: [task, { ...task, id: "b", after: ["a"], reads: ["a"] }] };
    const runs = [
      ["plan_and_execute", { goal: "Know it.", plan, workers: ["writer"] }],
      ["fan_out", { task: "t", items: [1, { a: 2 }], agent: { agent: "writer", instructions: "Say {{ it }}." } }],
      ["refine", { task: "t", maker: "writer", critic: "critic", criteria: ["{% It is short."] }],
    ] as const;
    for (const [pattern, input] of runs) {
      const { id } = await played(pattern, input);
      const { stdout } = await baton(["save", id, "--as", pattern], home, saved);
      const { code, stdout: told } = await baton(["check", stdout.trim()], home, saved);
      expect(told).toContain("0 errors");
      expect(code).toBe(0);
    }
  });

  it("writes over nothing unless it is told to", async () => {
    const { id } = await played("run_agent", { task: "t", agent: "writer" });
    const path = join(folder, "flows", "mine.yaml");
    await baton(["save", id, "--as", "mine"], home, saved);
    writeFileSync(path, "# my own\n");
    const refused = await baton(["save", id, "--as", "mine"], home, saved);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/there already[\s\S]*--force/);
    expect(readFileSync(path, "utf8")).toBe("# my own\n");
    expect((await baton(["save", id, "--as", "mine", "--force"], home, saved)).code).toBe(0);
    expect(readFileSync(path, "utf8")).toContain("pattern: run_agent");
  });

  it("says what it needs where the run or the name will not do, and writes nothing", async () => {
    const { id } = await played("run_agent", { task: "t", agent: "writer" });
    const wrong = [
      [["save", "r_none", "--as", "x"], /no run r_none/],
      [["save", id, "--as", "Wrong Name"], /small letters/],
      [["save", id], /--as/],
    ] as const;
    for (const [args, words] of wrong) {
      const { code, stderr } = await baton(args, home, saved);
      expect(stderr).toMatch(words);
      expect(code).toBe(2);
    }
    expect(existsSync(join(folder, "flows", "x.yaml"))).toBe(false);
  });
});

describe("baton run --dry-run", () => {
  it("prints what it would cost, and leaves no run", async () => {
    const args = ["run", "run_agent", "--agent", "writer", "--task", "t", "--dry-run"];
    const { code, stdout } = await baton(args, join(folder, "other"));
    expect(stdout).toContain("dry run: nothing was started");
    expect(code).toBe(0);
    const { stdout: runs } = await baton(["runs", "--json"], join(folder, "other"));
    expect(JSON.parse(runs).runs).toEqual([]);
  });
});
