import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { readCassette, tape, writeCassette } from "../../src/core/cassette.ts";
import type { Run } from "../../src/core/store.ts";
import { type House, openHouse } from "../house.ts";

const folder = mkdtempSync(join(tmpdir(), "baton-cassette-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const agents = { writer: { models: ["oa/m"] }, critic: { models: ["an/m"] } };
const shape = { type: "object", properties: { n: { type: "integer" } }, required: ["n"] };
const input = {
  task: "Write about batons.",
  steps: [
    { agent: "writer", name: "draft" },
    { agent: "writer", name: "count", output_schema: shape },
    { agent: "critic", name: "judge", reads: ["draft"] },
  ],
};

/** A draft; a count that is wrong at first and then mended; a judge that is overloaded at first. */
const script = [
  { when: { user: "Answer again" }, reply: { json: { n: 7 } } },
  {
    when: { model: "m", dialect: "anthropic" as const },
    calls: 1,
    reply: { status: 529, body: { type: "error", error: { type: "overloaded_error", message: "busy" } } },
  },
  { when: { dialect: "anthropic" as const }, reply: { text: "It is good. ✓" } },
  { calls: 1, reply: { text: "A baton is passed on.\nIt is light." } },
  { reply: { text: "seven" } },
];

async function record(house: House, run: Run, name: string): Promise<string> {
  const file = join(folder, name);
  writeFileSync(file, writeCassette(tape(run, await house.store.memory(run.id))));
  return file;
}

const playback = (file: string, more: Partial<Parameters<typeof openHouse>[0]> = {}) =>
  openHouse({
    agents,
    script: () => {
      throw new Error("nobody is to be asked");
    },
    settings: { providers: { oa: { type: "cassette", file }, an: { type: "cassette", file } } },
    ...more,
  });

describe("a cassette", () => {
  test("plays a run back to the same output, byte by byte, with nobody asked: repairs and retries as they were", async () => {
    await using house = await openHouse({ agents, script });
    const run = await house.play("run_pipeline", input);
    expect(run.status).toBe("succeeded");
    const file = await record(house, run, "pipeline.jsonl");
    await using again = await playback(file);
    for (let n = 0; n < 2; n++) {
      const played = await again.play("run_pipeline", input);
      expect(JSON.stringify(played.output)).toBe(JSON.stringify(run.output));
      const results = async (one: House, id: string) =>
        (await one.attempts(id)).map(({ place, result, reply, usage }) => [
          place,
          result,
          reply,
          usage.input,
          usage.output,
        ]);
      expect(await results(again, played.id)).toEqual(await results(house, run.id));
      expect(played.usage).toEqual(run.usage);
    }
    expect(again.vendor.requests).toEqual([]);
  });

  test("is silent where the run cut a request off, so that the same branches win", async () => {
    const slow = { when: { model: "slow" }, reply: { text: "late", latency_ms: 10_000 } };
    const prices = { m: { input: 1, output: 1 }, slow: { input: 1, output: 1 } };
    const fan = { task: "Say it.", agents: ["oa/slow", "oa/m"], join: "first" };
    await using house = await openHouse({ script: [slow, { reply: { text: "quick" } }], prices });
    const run = await house.play("fan_out", fan);
    await using again = await playback(await record(house, run, "first.jsonl"), { prices });
    expect(JSON.stringify((await again.play("fan_out", fan)).output)).toBe(JSON.stringify(run.output));
  });

  test("says where a request first departs from what was recorded: which step, which message, which line", async () => {
    await using house = await openHouse({ agents, script });
    const file = await record(house, await house.play("run_pipeline", input), "drift.jsonl");
    const told = { ...agents, critic: { models: ["an/m"], told: "You are somebody else." } };
    await using other = await playback(file, { agents: told });
    const changed = await other.play("run_pipeline", input);
    expect(changed).toMatchObject({ status: "failed", error: { code: "BAD_REQUEST", step: "judge" } });
    expect(changed.error?.message).toMatch(
      /it was to be judge \(critic\): the instructions differ at line 1: it was "You are critic\." and is "You are somebody else\."/,
    );
    const task = "Write about batons.\nBe brief.";
    const asked = await other.play("run_pipeline", { ...input, task });
    expect(asked.error).toMatchObject({ code: "BAD_REQUEST", step: "draft", retryable: false });
    expect(asked.error?.message).toContain(
      'it was to be draft (writer): message 1 (user) differs at line 2: it was nothing and is "Be brief."',
    );
  });

  test("names the step that has changed, also where others of its agent were asked before it", async () => {
    const parts = (...said: string[]) =>
      said.map((instructions, n) => ({ agent: "writer", name: `s${n}`, instructions }));
    await using house = await openHouse({ agents });
    const recorded = await house.play("run_pipeline", { task: "t", steps: parts("One.", "Two.", "Three.") });
    await using again = await playback(await record(house, recorded, "parts.jsonl"));
    const { error } = await again.play("run_pipeline", { task: "t", steps: parts("One.", "Twice.", "Three.") });
    expect(error?.message).toMatch(/it was to be s1 .*: it was "Two\." and is "Twice\."/);
  });

  test("shows no secrets of what was asked, and plays back nevertheless", async () => {
    const secret = { agent: "oa/m", task: 'Use api_key: "hunter2hunter2" now.' };
    await using house = await openHouse({ script });
    const run = await house.play("run_agent", secret);
    const file = await record(house, run, "secret.jsonl");
    expect(readFileSync(file, "utf8")).not.toContain("hunter2");
    await using again = await playback(file);
    expect(await again.play("run_agent", secret)).toMatchObject({ status: "succeeded", output: run.output });
  });

  test("that is none, or is not there, is refused with its line", async () => {
    expect(() => readCassette("{}\n", "x.jsonl")).toThrow("x.jsonl does not begin as a cassette");
    const label = '{"cassette":1,"run":"r","pattern":"p"}\n';
    expect(() => readCassette(`${label}nonsense\n`, "x.jsonl")).toThrow("x.jsonl:2 is no JSON");
    expect(() => readCassette(`${label}{"key":1}\n`, "x.jsonl")).toThrow("x.jsonl:2 is no request of a cassette");
    await using house = await playback(join(folder, "gone.jsonl"));
    const run = await house.play("run_agent", { agent: "oa/m", task: "t" });
    expect(run.error).toMatchObject({ code: "BAD_REQUEST", message: expect.stringContaining("cannot be read") });
  });
});
