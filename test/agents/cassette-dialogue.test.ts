import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openProviders } from "../../src/agents/providers/index.ts";
import { tape, writeCassette } from "../../src/core/cassette.ts";
import type { Media, Message, ModelReply, Provider, ToolSpec } from "../../src/core/provider.ts";
import type { Attempt, Run } from "../../src/core/store.ts";
import { openHouse } from "../house.ts";
import { startVendor } from "../stub/vendor.ts";
import { hooks, quiet, request } from "./asking.ts";

const folder = mkdtempSync(join(tmpdir(), "baton-cassette-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const tools: ToolSpec[] = [{ name: "files_read", description: "Reads.", input: { type: "object" } }];
const png: Media = { type: "image/png", data: Buffer.from("a picture").toString("base64") };
const START: Message = { role: "user", content: "What is in a.md?", media: [png] };

const RUN = { id: "r_1", pattern: "run_agent", pattern_version: 1, input: {}, output: "42" } as unknown as Run;

/** A settled turn of a dialogue, as a store remembers it: only what was new in it. */
function attemptOf(id: number, messages: readonly Message[], { text, tokens, uses }: ModelReply): Attempt {
  return {
    ...{
      id,
      generation: 1,
      epoch: 1,
      rung: 0,
      turn: 0,
      agent: "critic@1",
      model: "an/m",
      state: "settled",
      result: "ok",
    },
    ...{ reserve: { usd: 0, tokens: 0 }, max_output_tokens: 9, clamped: false, estimated: false, overrun: false },
    ...{ cached_answer: false, at: 0, place: `turn.${id}`, reply: text, usage: { ...tokens, usd: 7, calls: 1 } },
    ...(uses && { uses }),
    input: { system: request().system, messages, tools, ...(id > 1 && { after: `turn.${id - 1}` }) },
  } as Attempt;
}

/** Two turns: a call, and what is said once its result has come. */
async function talk(provider: Provider, result = "It says 42.", start = START) {
  const ask = (nth: number, messages: readonly Message[]) =>
    provider.complete(request({ model: "m", tools, messages, nth }), hooks());
  const first = await ask(1, [start]);
  const wanted: Message = { role: "assistant", content: first.text, uses: first.uses ?? [] };
  const results = (first.uses ?? []).map(({ id }) => ({ id, content: result }));
  const fresh: Message[] = [wanted, { role: "user", content: "", results }];
  return { first, fresh, second: await ask(2, [start, ...fresh]) };
}

test("a dialogue with tools plays back as it was, known by its tools, its results and the hashes of its media", async () => {
  const uses = [{ name: "files_read", arguments: { path: "a.md", api_key: "sk-verysecretkey123456" } }];
  const script = [{ when: { result: "42" }, reply: { text: "42. ✓" } }, { reply: { text: "Reading.", uses } }];
  const vendor = await startVendor({ script });
  const settings = { an: { type: "anthropic", base_url: vendor.origin, media: true } } as const;
  const { first, fresh, second } = await talk(openProviders(settings, {}, quiet).get("an")!);
  await vendor.close();
  const file = join(folder, "talk.jsonl");
  const attempts = [attemptOf(1, [START], first), attemptOf(2, fresh, second)];
  writeFileSync(file, writeCassette(tape(RUN, { attempts })));
  expect(readFileSync(file, "utf8")).not.toContain(png.data);
  const player = openProviders({ an: { type: "cassette", file } }, {}, quiet).get("an")!;
  const again = await talk(player);
  const shown = ({ text, uses: wanted, stop, tokens }: ModelReply) => ({ text, wanted, stop, tokens });
  expect(shown(again.first)).toEqual(shown(first));
  expect(shown(again.second)).toEqual(shown(second));
  await expect(talk(player, "It says 43.")).rejects.toThrow(/message 3 \(user\) tells other results of tools/);
  const other = { ...START, media: [{ ...png, data: Buffer.from("another").toString("base64") }] };
  await expect(talk(player, "It says 42.", other)).rejects.toThrow(/message 1 \(user\) has other media/);
});

test.each(["oa", "an"])(
  "a run with tools of %s plays back to the same output and the same bill, with nobody asked",
  async (id) => {
    const own = { scratchpad: { read: ["*"], write: ["*"] } };
    const agents = { clerk: { models: [`${id}/m`], own } };
    const write = { name: "notes_write", arguments: { key: "plan", value: "a baton is light" } };
    const script = [
      { calls: 1, reply: { thought: "First I write.", uses: [write] } },
      { calls: 1, reply: { text: "Reading.", uses: [{ name: "notes_read", arguments: { key: "plan" } }] } },
      { when: { result: "a baton is light" }, reply: { text: "Noted, and read again. ✓" } },
    ];
    await using house = await openHouse({ agents, script });
    const run = await house.ask("clerk");
    expect(run).toMatchObject({ status: "succeeded", output: expect.stringContaining("read again") });
    expect(house.vendor.requests).toHaveLength(3);
    const file = join(folder, `${id}.jsonl`);
    writeFileSync(file, writeCassette(tape(run, await house.store.memory(run.id))));
    const settings = { providers: { [id]: { type: "cassette" as const, file } } };
    await using again = await openHouse({ agents, script: [], settings });
    const played = await again.ask("clerk");
    expect(JSON.stringify(played.output)).toBe(JSON.stringify(run.output));
    expect(played.usage).toEqual(run.usage);
    expect(again.vendor.requests).toEqual([]);
  },
);

test("a rehearsed run calls what its agent may use, answers from what came of it, and says what it is", async () => {
  const own = { scratchpad: { read: ["*"], write: ["*"] } };
  await using house = await openHouse({ agents: { clerk: { models: ["rehearsal/default"], own } } });
  const uses = [{ name: "notes_write", arguments: { key: "plan", value: "a baton is light" } }];
  const run = await house.ask("clerk", { rehearsal: { faults: [{ agent: "clerk", calls: 1, uses }] } });
  expect(run).toMatchObject({
    status: "succeeded",
    output: expect.stringMatching(/^Rehearsal.*From what its tools gave/s),
  });
  const plain = await house.ask("clerk");
  expect(plain).toMatchObject({ status: "succeeded", output: expect.stringMatching(/^Rehearsal/) });
});
