import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Listening } from "../../src/http/listen.ts";
import { serving } from "../http/serving.ts";
import { rooms } from "./rooms.ts";

const house = rooms();
const folder = join(house.folder, "workflows");
let http: Listening;

const REPORT = `
description: A report on a topic, judged before it is given out. Not for news.
inputs:
  topic: { type: string, description: What it is about }
  tone: { type: string, enum: [plain, formal, playful], default: plain }
  words: { type: integer, default: 300 }
  cite: { type: boolean, default: false }
nodes:
  draft:
    agent: writer
    task: "Write {{ inputs.words }} words about {{ inputs.topic }}, {{ inputs.tone }}. Sources: {{ inputs.cite }}"
  review:
    agent: critic
    task: "Judge it: {{ nodes.draft.output }}"
`;
const BROKEN = "description: It is broken.\nnodes:\n  a:\n    agent: writer\n    tsak: Write.\n";

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "report.yaml"), REPORT);
  writeFileSync(join(folder, "broken.yaml"), BROKEN);
  http = await serving(house);
});

afterAll(async () => {
  await http.close();
  await house.close();
});

async function connected(mode: "auto" | "legacy") {
  const client = new Client({ name: "test", version: "1.0.0" }, { versionNegotiation: { mode } });
  await client.connect(new StreamableHTTPClientTransport(new URL(`${http.url}/mcp`)));
  return client;
}

type Connected = Awaited<ReturnType<typeof connected>>;

const read = async (client: Connected, uri: string): Promise<unknown> => {
  const [content] = (await client.readResource({ uri })).contents;
  return JSON.parse(content && "text" in content ? String(content.text) : "null");
};

const said = (message: { content: unknown } | undefined): string =>
  (message?.content as { text?: string } | undefined)?.text ?? "";

describe.each(["auto", "legacy"] as const)("a saved workflow, to a client that speaks %s", (mode) => {
  let client: Connected;

  beforeAll(async () => {
    client = await connected(mode);
  });

  afterAll(() => client.close());

  it("is a prompt whose arguments are its inputs, the required ones marked; one that is broken is none", async () => {
    const { prompts } = await client.listPrompts();
    expect(prompts.map(({ name }) => name)).toEqual(["report"]);
    expect(prompts[0]?.description).toContain("A report on a topic");
    expect(prompts[0]?.arguments).toEqual([
      { name: "topic", description: "What it is about (string)", required: true },
      { name: "tone", description: '"plain" / "formal" / "playful", default "plain"', required: false },
      { name: "words", description: "integer, default 300", required: false },
      { name: "cite", description: "boolean, default false", required: false },
    ]);
  });

  it("asks, as a prompt, for exactly the call that runs it, and shows what it does", async () => {
    const args = { topic: 'Batons "of oak"', words: "120", cite: "true" };
    const { messages } = await client.getPrompt({ name: "report", arguments: args });
    expect(messages).toHaveLength(1);
    const text = said(messages[0]);
    const [, written = ""] = /^run_workflow (.*)$/m.exec(text) ?? [];
    const call = JSON.parse(written) as Record<string, unknown>;
    expect(call).toEqual({ name: "report", inputs: { topic: 'Batons "of oak"', words: 120, cite: true } });
    expect(text).toContain("flowchart TD");
    const result = await client.callTool({ name: "run_workflow", arguments: call });
    expect(result.structuredContent).toMatchObject({ status: "succeeded" });
  });

  it("is no prompt without its required inputs, nor under a wrong name, and says what is missing", async () => {
    const prompt = (name: string, args: Record<string, string>) => client.getPrompt({ name, arguments: args });
    await expect(prompt("report", {})).rejects.toThrow("report needs `topic`");
    await expect(prompt("report", { topic: "t", tonne: "plain" })).rejects.toThrow("did you mean `tone`?");
    await expect(prompt("report", { topic: "t", words: "many" })).rejects.toThrow("`words` must be integer");
    await expect(prompt("raport", {})).rejects.toThrow('did you mean "report"?');
    await expect(prompt("broken", {})).rejects.toThrow("cannot be used");
  });

  it("is a resource with its definition, its inputs, a drawing, and what is wrong with it", async () => {
    const { resources } = await client.listResources();
    const uris = resources.map(({ uri }) => uri);
    expect(uris).toEqual(expect.arrayContaining(["baton://workflows/report", "baton://agents/critic"]));
    const report = await read(client, "baton://workflows/report");
    expect(report).toMatchObject({
      name: "report",
      version: expect.any(String),
      inputs: { required: ["topic"] },
      definition: { nodes: { draft: { agent: "writer" } } },
      mermaid: expect.stringMatching(/^flowchart TD\n[\s\S]*draft/),
      warnings: expect.any(Array),
    });
    expect(await read(client, "baton://workflows/broken")).toMatchObject({ refused: expect.stringContaining("tsak") });
    await expect(client.readResource({ uri: "baton://workflows/nobody" })).rejects.toThrow();
  });

  it("is written in a format whose schema is a resource, beside the agents", async () => {
    expect(await read(client, "baton://schemas/workflow")).toMatchObject({ type: "object" });
    expect(await read(client, "baton://agents/critic")).toMatchObject({ name: "critic", kind: "agent" });
    const { resourceTemplates } = await client.listResourceTemplates();
    expect(resourceTemplates.map(({ uriTemplate }) => uriTemplate)).toEqual(
      expect.arrayContaining(["baton://agents/{name}", "baton://workflows/{name}"]),
    );
  });

  it("completes names, choices and defaults", async () => {
    const complete = async (ref: Parameters<typeof client.complete>[0]["ref"], name: string, value: string) =>
      (await client.complete({ ref, argument: { name, value } })).completion.values;
    const prompt = { type: "ref/prompt", name: "report" } as const;
    expect(await complete(prompt, "tone", "p")).toEqual(["plain", "playful"]);
    expect(await complete(prompt, "cite", "")).toEqual(["true", "false"]);
    expect(await complete(prompt, "words", "")).toEqual(["300"]);
    expect(await complete(prompt, "topic", "")).toEqual([]);
    const resource = (kind: string) => ({ type: "ref/resource", uri: `baton://${kind}/{name}` }) as const;
    expect(await complete(resource("workflows"), "name", "re")).toEqual(["report"]);
    expect(await complete(resource("agents"), "name", "cri")).toEqual(["critic"]);
  });
});

describe("saved workflows", () => {
  it("stand in list_agents with what they take, their version, and why one cannot be used", async () => {
    const { data, text } = await house.call("list_agents", { kind: "workflow" });
    const { agents } = data as unknown as { agents: object[] };
    expect(agents).toEqual([
      expect.objectContaining({ name: "broken", kind: "workflow", refused: expect.stringMatching(/:5:\d+/) }),
      expect.objectContaining({
        name: "report",
        version: expect.any(String),
        inputs: ["topic", "tone?", "words?", "cite?"],
      }),
    ]);
    expect(text).toContain("report@");
    const found = await house.call("list_agents", { query: "report topic" });
    expect(found.text).toContain("inputs {topic, tone?, words?, cite?}");
  });

  it("are foreseen whole, under their own name and where they stand as an agent", async () => {
    const inputs = { topic: "batons" };
    const { data } = await house.call("run_workflow", { name: "report", inputs, dry_run: true });
    expect(data).toMatchObject({ calls: { likely: 2 }, basis: "outline", graph: expect.stringContaining("draft") });
    const team = await house.call("fan_out", { task: "batons", agents: ["report", "writer"], dry_run: true });
    expect(team.data).toMatchObject({ calls: { likely: 3 } });
  });

  it("are looked at anew when their files change", async () => {
    const path = join(folder, "late.yaml");
    writeFileSync(path, "description: Late.\nnodes:\n  a: { agent: writer, task: Write. }\n");
    const client = await connected("auto");
    try {
      expect((await client.listPrompts()).prompts.map(({ name }) => name)).toContain("late");
      rmSync(path);
      expect((await client.listPrompts()).prompts.map(({ name }) => name)).not.toContain("late");
    } finally {
      await client.close();
    }
  });

  it("warn whoever starts them of what a careful reader would change", async () => {
    const { data } = await house.call("run_workflow", { name: "report", inputs: { topic: "t" } });
    expect(data.status).toBe("succeeded");
    const card = (await house.baton.open()).library?.list().find(({ name }) => name === "report");
    expect(data.warnings ?? []).toHaveLength(Math.min(5, card?.warnings.length ?? 0));
  });
});

describe("a server that starts nothing", () => {
  const reading = rooms({ BATON_READ_ONLY: "true" });
  afterAll(() => reading.close());

  it("offers no prompts", async () => {
    const served = await serving(reading);
    const client = new Client({ name: "test", version: "1.0.0" }, { versionNegotiation: { mode: "auto" } });
    try {
      await client.connect(new StreamableHTTPClientTransport(new URL(`${served.url}/mcp`)));
      expect(client.getServerCapabilities()?.prompts).toBeUndefined();
    } finally {
      await client.close();
      await served.close();
    }
  });
});
