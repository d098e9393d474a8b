import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { attachmentMark, attachmentOf, kindOf } from "../../src/core/material.ts";
import type { Pattern } from "../../src/core/pattern.ts";
import type { NewRun } from "../../src/core/store.ts";
import { summaryMark } from "../../src/core/summary.ts";
import { step } from "../../src/tools/trace-views.ts";
import { CATALOGUE } from "./cast.ts";
import { patternOf, Scene } from "./scene.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await Scene.open();
});
afterEach(() => scene.close());

const PNG = Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), Buffer.alloc(500, 7)]);
const PDF = Buffer.from(`%PDF-1.7\n${"a page ".repeat(100)}`);
const picture = attachmentOf("plan.png", "image/png", PNG);
const paper = attachmentOf('the "paper".pdf', "application/pdf", PDF);
const both = [picture, paper];

/** Puts its task to one agent, then something else to another. */
const asks = (first = "dan"): Pattern =>
  patternOf("asks", async (ctx, input) => {
    const { task } = input as { task: string };
    const answer = await ctx.call(first, { prompt: `# Task\n${task}`, name: "first" });
    const other = await ctx.call("ann", { prompt: `What of ${answer.output}?`, name: "second" });
    return [answer.output, other.output];
  });

const withBoth = (more: Partial<NewRun> = {}): Partial<NewRun> => ({
  input: { task: ["Look.", ...both.map(({ file }) => attachmentMark(file))].join("\n\n") },
  material: { files: both.map(({ file }) => file) },
  bodies: new Map(both.map(({ file, body }) => [file.text, body])),
  ...more,
});

const mediaOf = (nth: number) => scene.asked[nth]?.request.messages.flatMap(({ media = [] }) => media);

describe("files of a run", () => {
  test("reach the models that see their marks, as parts, and no others; the journal keeps the marks alone", async () => {
    scene.sees.add("oak");
    const id = await scene.start(asks(), withBoth());
    await scene.serve();
    expect(await scene.ended(id)).toMatchObject({ status: "succeeded" });
    expect(mediaOf(0)).toEqual([
      { type: "image/png", name: "plan.png", data: PNG.toString("base64") },
      { type: "application/pdf", name: "the _paper_.pdf", data: PDF.toString("base64") },
    ]);
    expect(mediaOf(1)).toEqual([]);
    const { attempts } = await scene.store.memory(id);
    expect(JSON.stringify(attempts)).not.toContain(PNG.toString("base64").slice(0, 40));
    expect(attempts[0]?.input.messages[0]?.content).toContain(attachmentMark(picture.file));
    expect(await scene.faults(id)).toEqual([]);
  });

  test("are held for with the request that carries them", async () => {
    scene.sees.add("oak");
    const bare = await scene.start(asks("cyd"), { input: { task: "Look." } });
    const id = await scene.start(asks("cyd"), withBoth());
    await scene.serve();
    await scene.ended(bare);
    await scene.ended(id);
    const reserve = async (run: string) => (await scene.store.memory(run)).attempts[0]?.reserve.tokens ?? 0;
    expect((await reserve(id)) - (await reserve(bare))).toBeGreaterThan(PNG.length + PDF.length);
  });

  test("are still there after the server has died before it asked", async () => {
    scene.sees.add("oak");
    const id = await scene.start(asks("cyd"), withBoth());
    const first = await scene.serve((server, count) => count === 2 && server.die());
    await scene.until(() => first.dead);
    await scene.serve();
    expect(await scene.ended(id)).toMatchObject({ status: "succeeded" });
    expect(mediaOf(0)).toHaveLength(2);
  });

  test("pass a model over whose vendor takes none", async () => {
    scene.sees.add("tin");
    const id = await scene.start(asks("dan"), withBoth());
    await scene.serve();
    await scene.ended(id);
    expect(scene.asked[0]).toMatchObject({ agent: "dan", model: "tin/small" });
    expect(mediaOf(0)).toHaveLength(2);
  });

  test("with no model left that takes them are a failure that says which could", async () => {
    scene.sees.add("oak");
    const id = await scene.start(asks("ann"), withBoth());
    await scene.serve();
    const { status, error } = await scene.ended(id);
    expect(status).toBe("failed");
    expect(error).toMatchObject({ code: "BAD_REQUEST", kind: "permanent", step: "first" });
    expect(error?.message).toContain('tin/small takes no files, and "plan.png" is given');
    expect(error?.hint).toContain("oak/large");
    expect(scene.asked).toEqual([]);
  });

  test("of another run are nothing but text", async () => {
    const id = await scene.start(asks("ann"), { input: withBoth().input });
    await scene.serve();
    expect(await scene.ended(id)).toMatchObject({ status: "succeeded" });
    expect(mediaOf(0)).toEqual([]);
    expect(scene.prompts()[0]).toContain(picture.file.sha256);
  });

  test("are kept once, also for a run that is made from this one", async () => {
    scene.sees.add("oak");
    const first = await scene.start(asks("cyd"), withBoth());
    await scene.serve();
    const { material } = await scene.ended(first);
    expect(material?.files?.map(({ name, size }) => [name, size])).toEqual([
      ["plan.png", PNG.length],
      ["the _paper_.pdf", PDF.length],
    ]);
    expect(JSON.stringify(material)).not.toContain(PNG.toString("base64").slice(0, 40));
    const { bodies: _, ...again } = withBoth();
    const second = await scene.start(asks("cyd"), again);
    await scene.ended(second);
    expect(mediaOf(2)).toHaveLength(2);
  });

  test.each([
    ["\x89PNG\r\n\x1a\n…", "image/png"],
    ["\xff\xd8\xff\xe0…", "image/jpeg"],
    ["GIF89a…", "image/gif"],
    ["RIFF\0\0\0\0WEBPVP8 ", "image/webp"],
    ["%PDF-1.4", "application/pdf"],
    ["RIFF\0\0\0\0WAVE", undefined],
    ["PK\x03\x04", undefined],
    ["", undefined],
  ])("%j is %s by its bytes", (bytes, kind) => {
    expect(kindOf(Buffer.from(bytes, "latin1"))).toBe(kind);
  });
});

const LONG = "A long report. ".repeat(400);
const wanted = (name: string, by = "bob", words = 50, text = LONG) => ({ name, by, words, text });
const summed = (...each: ReturnType<typeof wanted>[]): Partial<NewRun> => ({
  input: { task: ["Work.", ...each.map(summaryMark)].join("\n\n") },
  material: { summaries: each },
});

describe("summaries of a run's material", () => {
  beforeEach(() => {
    scene.say = ({ prompt }) => (prompt.includes("Summarise this text") ? `short ${prompt.length}` : "done");
  });

  test("are made before its pattern begins, each once, and stand in the task as data", async () => {
    const id = await scene.start(asks("ann"), summed(wanted("a.md"), wanted("b.md"), wanted("c.md", "bob", 60)));
    await scene.serve();
    expect(await scene.ended(id)).toMatchObject({ status: "succeeded" });
    const [one = "", two = "", task = ""] = scene.prompts();
    expect([one, two].map((prompt) => /at most (\d+) words/.exec(prompt)?.[1])).toEqual(["50", "60"]);
    expect(task).toMatch(
      /^# Task\nWork\.\n\n<data-(\w+) name="a\.md">\n\[summary by "bob" of 6,000 characters\]\nshort \d+\n/,
    );
    expect(task).toMatch(/<data-\w+ name="b\.md">[\s\S]*<data-\w+ name="c\.md">/);
    expect(scene.asked).toHaveLength(4);
    const { lines } = await scene.store.memory(id);
    expect(lines.map(({ place }) => place)).toEqual([
      "context/map/0/bob",
      "context/map/1/bob",
      "context",
      "first",
      "second",
    ]);
    expect(await scene.faults(id)).toEqual([]);
  });

  test("are on its bill, and are not made again after a crash", async () => {
    const id = await scene.start(asks("ann"), summed(wanted("a.md")));
    const first = await scene.serve((server) => scene.asked.length === 2 && server.die());
    await scene.until(() => first.dead);
    await scene.serve();
    expect(await scene.ended(id)).toMatchObject({ status: "succeeded", usage: { calls: expect.any(Number) } });
    expect(scene.prompts().filter((prompt) => prompt.includes("Summarise"))).toHaveLength(1);
    expect(await scene.faults(id)).toEqual([]);
  });

  test("that cannot be paid for end the run before its pattern asks anything", async () => {
    const id = await scene.start(asks("ann"), { ...summed(wanted("a.md")), caps: { calls: 0, explicit: true } });
    await scene.serve();
    expect(await scene.ended(id)).toMatchObject({ status: "failed", error: { code: "BUDGET_EXCEEDED" } });
    expect(scene.asked).toEqual([]);
  });

  test("that make the task too large end the run, and it says what helps", async () => {
    scene.say = () => "long ".repeat(1000);
    const catalogue = { ...CATALOGUE, limits: { ...CATALOGUE.limits, input_bytes: 4000 } };
    const id = await scene.start(asks("ann"), { ...summed(wanted("a.md")), catalogue });
    await scene.serve();
    const { error } = await scene.ended(id);
    expect(error).toMatchObject({ code: "TOO_LARGE", hint: expect.stringContaining("fewer words") });
  });
});

describe("a question that a model cannot read", () => {
  const narrow = (window: number) => ({
    ...CATALOGUE,
    prices: { ...CATALOGUE.prices, "tin/small": { ...(CATALOGUE.prices["tin/small"] ?? FAIL()), window } },
  });
  const FAIL = (): never => {
    throw new Error("no price");
  };

  test("is refused before it is sent, and it says how large it is and what helps", async () => {
    const id = await scene.start(asks("ann"), { input: { task: LONG }, catalogue: narrow(900) });
    await scene.serve();
    const { error } = await scene.ended(id);
    expect(error).toMatchObject({ code: "TOO_LARGE", kind: "permanent", hint: expect.stringContaining("summary") });
    expect(error?.message).toMatch(/has 6,\d\d\d characters, and tin\/small reads at most 900 tokens/);
    expect(scene.asked).toEqual([]);
  });

  test("goes to the agent's next model that can", async () => {
    const id = await scene.start(asks("bob"), { input: { task: LONG }, catalogue: narrow(900) });
    await scene.serve();
    await scene.ended(id);
    expect(scene.asked[0]?.model).toBe("oak/large");
  });
});

test("the trace of a step tells which files were given with it, and how large they are", async () => {
  scene.sees.add("oak");
  const id = await scene.start(asks("cyd"), withBoth());
  await scene.serve();
  const run = await scene.ended(id);
  const memory = await scene.store.memory(id);
  const { text } = step({ run, memory, step: "first" });
  expect(text).toContain(`given with it: plan.png (image/png, ${PNG.length} bytes)`);
  expect(step({ run, memory, step: "second" }).text).not.toContain("given with it");
});
