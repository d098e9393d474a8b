import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import type { Run } from "../../src/core/store.ts";
import { compileTemplate } from "../../src/core/template.ts";
import { readYaml, writeYaml } from "../../src/core/yaml-text.ts";
import { savedWorkflow } from "../../src/tools/saved.ts";
import { parseWorkflow } from "../../src/workflows/read.ts";
import { rooms } from "./rooms.ts";

const house = rooms();
afterAll(() => house.close());

/** Plays a run, saves it, and reads what was saved as a file would be read. */
async function saved(tool: string, args: object): Promise<{ text: string; definition: object; output: unknown }> {
  const { data } = await house.call(tool, args);
  const { store } = await house.baton.open();
  const run = (await store.get(String(data.run_id))) as Run;
  const catalogue = await store.catalogue(run.catalogue);
  const pattern = house.baton.patterns.find(({ name }) => name === run.pattern);
  if (!catalogue || !pattern) throw new Error("gone");
  const text = writeYaml(savedWorkflow(run, catalogue, pattern, "again"));
  expect(parseWorkflow(text).problems).toEqual([]);
  return { text, definition: readYaml(text).value as object, output: run.output };
}

const replay = async (definition: object, task: string) =>
  (await house.call("run_workflow", { definition, inputs: { task } })).data;

describe("a run that is saved", () => {
  it.each([
    ["run_agent", { agent: "writer", task: "Say it." }],
    [
      "run_pipeline",
      {
        task: "Say it.",
        steps: [
          { agent: "writer", name: "a" },
          { agent: "critic", reads: ["a"] },
        ],
      },
    ],
    ["fan_out", { task: "Say it.", agents: ["writer", { agent: "critic", instructions: "Be brief." }] }],
    ["consensus_vote", { question: "Say it.", voters: ["writer", "critic", "judge"], options: ["yes", "no"] }],
  ])("gives the same again: %s", async (tool, args) => {
    const { definition, output } = await saved(tool, args);
    const again = await replay(definition, "Say it.");
    expect(again.status).toBe("succeeded");
    expect(withoutBills(again.output)).toEqual(withoutBills(output));
  });

  it("of a plan is a graph of agents that follow what they read", async () => {
    const plan = {
      tasks: [
        { id: "find out", task: "Find {{ facts }}", worker: "writer" },
        { id: "2", task: "= Judge them", worker: "critic", after: ["find out"], reads: ["find out"] },
        { id: "tell", task: "Tell it", worker: "writer", after: ["2"] },
      ],
    };
    const { definition } = await saved("plan_and_execute", { goal: "Know it.", workers: ["writer", "critic"], plan });
    const { nodes } = definition as { nodes: Record<string, { agent: string; task: string; after?: string[] }> };
    expect(Object.keys(nodes)).toEqual(["find_out", "t_2", "tell", "synthesis"]);
    expect(nodes["t_2"]?.task).toContain("{{ nodes.find_out.output }}");
    expect(nodes["tell"]?.after).toEqual(["t_2"]);
    const again = await replay(definition, "Know it.");
    expect(again.status).toBe("succeeded");
    const { text } = await house.call("get_run_trace", { run_id: again.run_id, view: "steps" });
    expect(text).toContain("find_out");
  });

  it("of a workflow is the workflow, under its new name", async () => {
    const definition = {
      name: "old",
      inputs: { task: { type: "string" } },
      nodes: { a: { agent: "writer", task: "{{ inputs.task }}" } },
    };
    const { definition: again } = await saved("run_workflow", { definition, inputs: { task: "Say it." } });
    expect(again).toEqual({ ...definition, name: "again" });
  });

  it("keeps every text as it was, whatever templates would make of it", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom("{{", "}}", "{%", "%}", "=", " ", "x", '"', "{", "endraw", "\n"), {
          minLength: 1,
          maxLength: 9,
        }),
        async (parts) => {
          const text = parts.join("");
          const run = { id: "r", pattern: "p", input: { task: "t", more: [text] } } as unknown as Run;
          const pattern = { name: "p", subject: "task" } as never;
          const { nodes } = savedWorkflow(run, {} as never, pattern, "n") as {
            nodes: { p: { with: { more: string[] } } };
          };
          const [written = ""] = nodes.p.with.more;
          expect(written).not.toMatch(/^\s*=/);
          expect(compileTemplate(written, []).render({})).toBe(text);
        },
      ),
    );
  });
});

/** What a call has cost depends on where it stands; what it has given does not. */
const withoutBills = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (key, inner) => (key === "usage" ? undefined : inner)));
