import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { baton, temporaryHome } from "./server-process.ts";

const { home, folder, remove } = temporaryHome();
afterAll(remove);

/** Every command is a process of its own. */
vi.setConfig({ testTimeout: 120_000 });

function write(path: string, text: string): string {
  const whole = join(folder, path);
  mkdirSync(dirname(whole), { recursive: true });
  writeFileSync(whole, text);
  return whole;
}

/** A path as it is told from where the command is run. */
const told = (path: string): string => relative(tmpdir(), path);

const config = write("baton.yaml", "agents: [agents]\nworkflows: [workflows]\n");
const poet = write("agents/poet.md", "---\nname: poet\ndescription: It writes poems.\n---\nYou write poems.\n");
const good = write(
  "workflows/good.yaml",
  "description: A poem, and a title for it.\nnodes:\n  a: {agent: poet, task: A poem}\n  b: {agent: writer, task: 'A title for {{ nodes.a.output }}', on_error: human}\n",
);
const check = (...args: string[]) => baton(["check", "--config", config, ...args], home, { BATON_REHEARSAL: "" });

describe("baton check", () => {
  it("has nothing to say of files that are right, and needs neither key nor home", async () => {
    expect(await check()).toEqual({ code: 0, stdout: "0 errors, 0 warnings in 2 files\n", stderr: "" });
    expect(existsSync(home)).toBe(false);
  });

  it("tells each mistake and each warning in one line with its place, and ends with 1 where there is a mistake", async () => {
    const bad = write("other/bad.yaml", "nodes:\n  a: {agent: poett, task: x}\n  b: {workflow: god}\n");
    const silent = write("other/silent.json", '{"nodes": {"a": {"template": "x"},\n  "b": {"workflow": "good"}}}');
    const broken = write("other/broken.md", "---\nname: 5\n---\nx\n");
    const tools = write("other/tools.md", "---\nname: t\ndescription: d\ntools: Read, Bash\n---\nx\n");
    const { code, stdout } = await check(bad, silent, broken, tools, join(folder, "none.yaml"));
    expect(stdout.split("\n")).toEqual([
      `${told(bad)}:2:14 error \`nodes.a.agent\`: there is no agent \`poett\`; did you mean \`poet\`?`,
      `${told(bad)}:3:17 error \`nodes.b.workflow\`: there is no workflow \`god\`; did you mean \`good\`?`,
      `${told(silent)}:1:1 warning it has no \`description\`, so that nobody can tell when to choose it`,
      `${told(join(folder, "none.yaml"))} error it cannot be read (ENOENT)`,
      `${told(broken)}:2:7 error \`name\`: expected string, but this is number`,
      expect.stringMatching(/tools\.md:4:1 warning it asks for Bash, and without that/),
      "4 errors, 2 warnings in 5 files",
      "",
    ]);
    expect(code).toBe(1);
  });

  it("ends with 0 where there are warnings only", async () => {
    const { code, stdout } = await check(
      write("other/quiet.yaml", "description: d\ninputs: {x: {type: string}}\nnodes: {a: {template: y}}\n"),
    );
    expect(stdout).toMatch(
      /quiet\.yaml:2:10 warning `inputs\.x`: the input `x` is read by nobody;.*\n0 errors, 1 warning in 1 file\n$/,
    );
    expect(code).toBe(0);
  });

  it("gives all of it as data", async () => {
    const bad = write("other/data.yaml", "description: d\nnodes: {a: {template: '{{ inputs.x }}'}}\n");
    const { code, stdout } = await check("--json", bad, poet, good);
    expect(JSON.parse(stdout)).toEqual({
      files: 3,
      errors: 1,
      warnings: 0,
      remarks: [
        {
          file: told(bad),
          line: 2,
          column: 23,
          severity: "error",
          message: "`nodes.a.template`: there is no input `x`; declare it: `inputs: {x: {type: string}}`",
        },
      ],
    });
    expect(code).toBe(1);
  });
});
