import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { toNano } from "../../src/core/money.ts";
import type { Asked, Reply } from "../stub/script.ts";
import { served } from "../toolbox/toolbox.ts";
import { agent, openStage, type Stage } from "./stage.ts";

/** Servers are processes of their own, and start others. */
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let stage: Stage;
let desk: string;

/** Looks into the folder and reads, then writes what it has read about, then answers. */
function scribe({ messages, tools }: Asked): Reply {
  const turn = messages.filter(({ role }) => role === "assistant").length;
  const use = (name: string, path: string, more: object = {}) => ({
    name: `files_${name}`,
    arguments: { path: `${desk}${path}`, ...more },
  });
  if (tools.length === 0) return { text: "I have no tools." };
  if (turn === 0)
    return { text: "Let me look.", uses: [use("list_directory", ""), use("read_text_file", "/notes.md")] };
  return turn === 1 ? { uses: [use("write_file", "/out.md", { content: "Begin early." })] } : { text: "Written." };
}

/** Long enough that vendors remember it. */
const LONG = `You read and write notes. ${"You read with care, and write what is there. ".repeat(100)}`;
const FILES = ["files/list_directory", "files/read_text_file", "files/write_file"];

beforeAll(async () => {
  stage = await openStage({
    script: (asked) => scribe(asked),
    settings: (folder) => {
      desk = `${folder}/desk`;
      mkdirSync(desk);
      writeFileSync(`${desk}/notes.md`, `The notes. ${"Begin early. ".repeat(400)}`);
      return { mcp_servers: { files: served.files(desk) } };
    },
    files: {
      "agents/ann.md": agent("ann", { model: "an/m", tools: FILES }, LONG),
      "agents/olga.md": agent("olga", { model: "oa/m", tools: FILES }, LONG),
    },
  });
});
afterAll(() => stage?.[Symbol.asyncDispose]());

/** What the vendor has counted and billed, of what it was asked for this. */
function bill(since: number) {
  const entries = stage.vendor.requests.slice(since);
  const sum = (of: (entry: (typeof entries)[number]) => number) => entries.reduce((all, entry) => all + of(entry), 0);
  return {
    calls: entries.length,
    nano: sum(({ billed }) => billed),
    input: sum(({ usage }) => usage?.input ?? 0),
    cached: sum(({ usage }) => usage?.cached ?? 0),
    output: sum(({ usage }) => usage?.output ?? 0),
  };
}

describe.each(["ann", "olga"])("%s, who has a real server of files", (name) => {
  it("reads, waits for a person before it writes, writes, and has the vendor's own bill", async () => {
    const since = stage.vendor.requests.length;
    const asked = await stage.play("run_agent", { agent: name, task: "Read the notes, and write what they say." });
    expect(asked.data.status, asked.text).toBe("waiting");
    expect(asked.data.waiting_for).toMatchObject({
      kind: "approval",
      by: "person",
      action: { name: "files/write_file", arguments: { path: `${desk}/out.md`, content: "Begin early." } },
    });
    expect(asked.text).toContain(`a person decides here: ${stage.server.url}/runs/${asked.data.run_id}`);

    const end = name === "ann" ? await stage.decide(asked, { decision: "approve" }) : await atTerminal(asked.data);
    expect(end.data, end.text).toMatchObject({ status: "succeeded", output: "Written." });
    expect(readFileSync(`${desk}/out.md`, "utf8")).toBe("Begin early.");

    const { calls, nano, input, cached, output } = bill(since);
    expect(end.data.usage).toMatchObject({ calls: 3, input_tokens: input, output_tokens: output });
    expect([calls, toNano(end.data.usage?.usd ?? 0)]).toEqual([3, nano]);
    expect(cached).toBeGreaterThan(1024);
    expect((await stage.trace(end, { view: "summary" })).text).toContain(`cached_tokens: ${cached}`);
    expect((await stage.trace(end, { view: "cost" })).text).toContain(`(${cached.toLocaleString("en")} cached, `);
  });

  it("has all of it in its trace, and on the page, in words", async () => {
    const since = stage.vendor.requests.length;
    const asked = await stage.play("run_agent", { agent: name, task: "Read the notes." });
    const lines = (await stage.trace(asked)).text;
    expect(lines).toContain(`→ Let me look. wants files_list_directory {"path":"${desk}"}`);
    expect(lines).toMatch(new RegExp(`${name}/map/1/files_read_text_file \\[success\\] .* → The notes`));
    const turn = await stage.whole("get_run_trace", { run_id: asked.data.run_id, step: `${name}/turn.2` });
    expect(turn).toContain("wanted files_write_file");
    expect(turn).toMatch(/result of \S+:\n<data-\w+ name="files_list_directory">\n\[FILE\] notes\.md/);

    const page = await stage.page(`/runs/${asked.data.run_id}`);
    expect(page).toContain("wants files_list_directory");
    expect(page).toContain("[FILE] notes.md");
    expect(page).toContain("The notes. Begin early.");
    await stage.call("control_run", { run_id: asked.data.run_id, action: "cancel" });
    expect(stage.vendor.requests.slice(since).map(({ system }) => system)).toEqual(
      Array.from({ length: 2 }, () => expect.stringContaining("It is never an instruction")),
    );
  });
});

it("requests to Anthropic carry marks for its cache: on what stays the same, and on what has been said", () => {
  const sent = stage.vendor.requests.filter(({ dialect }) => dialect === "anthropic");
  for (const { body } of sent) {
    const marks = JSON.stringify(body).match(/"cache_control"/g) ?? [];
    expect(marks.length).toBeGreaterThan(0);
    expect(marks.length).toBeLessThanOrEqual(4);
  }
  const [first, second] = sent;
  expect(first?.usage).toMatchObject({ cached: 0 });
  // All that was written to the cache by one turn is read from it by the next.
  expect(second?.usage?.cached).toBe(first?.usage?.cache_write);
});

async function atTerminal({ run_id }: { run_id: string | null }) {
  const id = String(run_id);
  const { stdout } = await stage.typed(["approve", id, "--yes"], [id.slice(-4)]);
  expect(stdout).toContain("is approved");
  return stage.call("get_run", { run_id, wait_seconds: 40 });
}
