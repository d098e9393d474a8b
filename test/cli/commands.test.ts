import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { baton, CLI, environment, temporaryHome } from "./server-process.ts";

const { home, folder, remove } = temporaryHome();
afterAll(remove);

/** Every command is a process of its own. */
vi.setConfig({ testTimeout: 120_000 });

describe("baton run", () => {
  it("plays a run here: the result on stdout, how it went on stderr", async () => {
    const { code, stdout, stderr } = await baton(["run", "run_agent", "--agent", "writer", "--task", "Say it."], home);
    expect(stdout).toBe("Rehearsal, no model was asked. From the text given: Say it.\n");
    expect(stderr).toMatch(/^run r_\w+ started$/m);
    expect(stderr).toMatch(/^run r_\w+ succeeded · \$0 · 1 call/m);
    expect(code).toBe(0);
  });

  it("takes its input as JSON, from a file or from stdin", async () => {
    const input = JSON.stringify({ task: "Say it.", agents: ["writer", "critic"] });
    const file = join(folder, "input.json");
    writeFileSync(file, input);
    for (const [given, stdin] of [[input], [`@${file}`], ["-", input]] as const) {
      const { code, stdout } = await baton(["run", "fan_out", "--input", given, "--json"], home, {}, stdin);
      expect(JSON.parse(stdout)).toMatchObject({ status: "succeeded", output: { branches: [{}, {}] } });
      expect(code).toBe(0);
    }
  });

  it("prints the whole output, however long", async () => {
    const task = "Every word of this counts. ".repeat(2000);
    const input = JSON.stringify({ task, items: [...Array(40).keys()], agent: "writer" });
    const { stdout } = await baton(["run", "fan_out", "--input", "-"], home, {}, input);
    expect(JSON.parse(stdout).branches).toHaveLength(40);
    expect(stdout).not.toContain("more characters");
  });

  it("ends with 1 where the run failed, and says why", async () => {
    const rehearsal = { faults: [{ calls: "1-9", code: "unauthorized" }] };
    const input = JSON.stringify({ agent: "writer", task: "t", rehearsal });
    const { code, stdout, stderr } = await baton(["run", "run_agent", "--input", input], home);
    expect(stdout).toBe("");
    expect(stderr).toContain("UNAUTHORIZED");
    expect(code).toBe(1);
  });

  it("ends with 2 for what the caller can mend, in plain words and without a stack", async () => {
    const wrong: [string[], RegExp][] = [
      [["run", "run_agnt"], /The patterns: run_agent/],
      [["run", "run_agent", "--input", "{oops"], /not a JSON object/],
      [["run", "run_agent", "--input", "@nowhere.json"], /ENOENT/],
      [["run", "run_agent", "--task", "t"], /`agent` is missing[\s\S]*A right call/],
      [["run", "run_agent", "--task", "t", "--agent", "writr"], /writer/],
      [["rnu"], /unknown command/],
      [["runs", "--statsu", "x"], /unknown option[\s\S]*--status/],
      [["trace", "r_none"], /r_none/],
      [["export", "r_none"], /r_none/],
      [["serve", "--http", "--port", "x"], /--port/],
      [["runs", "--config", "nowhere.yaml"], /nowhere\.yaml/],
    ];
    for (const [args, words] of wrong) {
      const { code, stdout, stderr } = await baton(args, home);
      expect(stderr, args.join(" ")).toMatch(words);
      expect(stderr).not.toMatch(/^\s+at /m);
      expect([stdout, code], args.join(" ")).toEqual(["", 2]);
    }
  });
});

describe("baton runs, trace and export", () => {
  it("tell of the runs in this home, and start nothing", async () => {
    const own = temporaryHome();
    const { stderr } = await baton(["run", "run_agent", "--agent", "critic", "--task", "Look."], own.home);
    const id = /run (r_\w+) started/.exec(stderr)?.[1] ?? "";
    const runs = await baton(["runs"], own.home);
    expect(runs.stdout).toMatch(new RegExp(`1 succeeded[\\s\\S]*${id} · succeeded · run_agent`));
    const trace = await baton(["trace", id], own.home);
    expect(trace.stdout).toMatch(/critic \[success\] · critic@\w+ · rehearsal\/default/);
    expect((await baton(["trace", id, "--view", "graph"], own.home)).stdout).toContain("flowchart TD");
    expect((await baton(["trace", id, "--step", "critic"], own.home)).stdout).toContain("asked (user):\nLook.");
    own.remove();
  });

  it("export every call with the fields of the minimum viable record, one object a line", async () => {
    const own = temporaryHome();
    const steps = [{ agent: "writer", name: "draft" }, { agent: "critic" }];
    const input = JSON.stringify({ task: "t", steps });
    await baton(["run", "run_pipeline", "--input", input], own.home);
    const { stdout } = await baton(["export", "--jsonl"], own.home);
    const rows = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(rows.map(({ step }) => step)).toEqual(["draft", "critic"]);
    for (const row of rows)
      expect(row).toMatchObject({
        run_id: expect.stringMatching(/^r_/),
        agent: expect.any(String),
        agent_version: expect.any(String),
        model: "rehearsal/default",
        input_tokens: expect.any(Number),
        output_tokens: expect.any(Number),
        usd: 0,
        latency_ms: expect.any(Number),
        exit_status: "success",
      });
    own.remove();
  });
});

describe("the settings of a server", () => {
  it("say what it offers, not what a command may do", async () => {
    const env = { BATON_TOOLSETS: "admin", BATON_READ_ONLY: "true" };
    expect((await baton(["runs", "--limit", "1"], home, env)).code).toBe(0);
    expect((await baton(["run", "run_agent", "--agent", "writer", "--task", "t"], home, env)).code).toBe(0);
  });
});

describe("baton --version", () => {
  it("prints the version of the package", async () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8"));
    expect(await baton(["--version"], home)).toMatchObject({ code: 0, stdout: `${version}\n` });
  });
});

describe("an old Node", () => {
  it("is told what it lacks, whatever it was asked to do", async () => {
    const fake =
      'data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"20.19.0"}})';
    const child = spawn(process.execPath, ["--import", fake, CLI, "serve"], { env: environment(home) });
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk;
    });
    const code = await new Promise((resolve) => child.once("close", resolve));
    expect(stderr).toMatch(/Baton needs Node 22\.19 or newer, and this is 20\.19\.0/);
    expect(code).toBe(2);
  });

  it("can read the file that tells it: nothing of ours is imported before", () => {
    expect(readFileSync(CLI, "utf8")).not.toMatch(/^import [^"]*"(?!node:)/m);
  });
});
