import { describe, expect, test } from "vitest";
import type { Reply } from "../stub/script.ts";
import { byModel, openStand } from "./stand.ts";

const text = (...texts: string[]): Reply[] => texts.map((each) => ({ text: each }));
const LINES = Array.from({ length: 40 }, (_, n) => `finding ${n + 1}`).join("\n");
const DATA = JSON.stringify({
  findings: [
    { name: "one", why: "long" },
    { name: "two", why: "longer" },
  ],
});

async function piped(answers: Parameters<typeof byModel>[0], steps: readonly unknown[]) {
  const stand = await openStand(byModel(answers));
  const run = await stand.play("run_pipeline", { task: "Write about batons.", steps });
  return {
    stand,
    run,
    prompts: (model: string) => stand.asked().flatMap((each) => (each.model === model ? [each.user] : [])),
    [Symbol.asyncDispose]: () => stand[Symbol.asyncDispose](),
  };
}

describe("what a step reads of another", () => {
  test("may be a part of it, by path or by lines, and what is left out is marked", async () => {
    await using held = await piped({ a: text(DATA), b: text(LINES), c: text("CCC") }, [
      { agent: "oa/a", name: "data" },
      { agent: "oa/b", name: "list" },
      {
        agent: "oa/c",
        reads: [
          { step: "data", path: "findings[*].name" },
          { step: "list", head: 1, tail: 1 },
        ],
      },
    ]);
    expect(held.run.status).toBe("succeeded");
    const [seen = ""] = held.prompts("c");
    expect(seen).toMatch(
      /# From the step "data", at findings\[\*\]\.name\n<data-\w+ name="data">\n\[\n {2}"one",\n {2}"two"\n\]/,
    );
    expect(seen).not.toContain("longer");
    expect(seen).toMatch(
      /# The work so far\n<data-\w+ name="list">\nfinding 1\n\[cut: \d+ of 430 characters left out\]\nfinding 40\n/,
    );
    expect(seen).not.toContain("finding 20");
    expect(held.prompts("b")[0]).toContain("longer");
  });

  test("may be a summary by an agent, which is a call of its own and is made once of the same text", async () => {
    await using held = await piped({ a: text(LINES), b: text("BBB"), c: text("CCC"), sum: text("in short") }, [
      { agent: "oa/a", name: "list" },
      { agent: "oa/b", name: "mid", reads: [{ step: "list", summary: { by: "oa/sum", words: 30 } }] },
      { agent: "oa/c", reads: [{ step: "list", summary: { by: "oa/sum", words: 30 } }] },
    ]);
    expect(held.run.status).toBe("succeeded");
    expect(held.stand.models()).toEqual(["a", "sum", "b", "c"]);
    expect(held.prompts("sum")[0]).toMatch(/^# Text\n[\s\S]*at most 30 words/);
    for (const model of ["b", "c"]) {
      expect(held.prompts(model)[0]).toContain('[summary by "oa/sum" of 430 characters]\nin short\n');
      expect(held.prompts(model)[0]).not.toContain("finding 2\n");
    }
    const { lines } = await held.stand.store.memory(held.run.id);
    expect(lines.map(({ place }) => place)).toEqual(["list", "list-summary", "mid", "oa\\/c"]);
  });

  test("counts on the step's own budget", async () => {
    await using held = await piped({ a: text(LINES), b: text("BBB"), sum: text("in short") }, [
      { agent: "oa/a", name: "list" },
      { agent: "oa/b", reads: [{ step: "list", summary: { by: "oa/sum" } }], budget: { calls: 1 } },
    ]);
    expect(held.stand.models()).toEqual(["a", "sum"]);
    expect(held.run).toMatchObject({ status: "failed", error: { code: "BUDGET_EXCEEDED" } });
  });

  test("that is not there fails the step, and says what is; its on_error says what happens then", async () => {
    const steps = (on_error?: string) => [
      { agent: "oa/a", name: "data" },
      { agent: "oa/b", name: "next", reads: [{ step: "data", path: "findings[7]" }], ...(on_error && { on_error }) },
    ];
    await using held = await piped({ a: text(DATA), b: text("BBB") }, steps());
    expect(held.run).toMatchObject({ status: "failed", error: { code: "NOT_FOUND" } });
    expect(held.run.error?.message).toContain(
      'of step "data": the path "findings[7]" leads to nothing: there is a list of 2',
    );
    await using skipping = await piped({ a: text(DATA), b: text("BBB") }, steps("skip"));
    expect(skipping.run).toMatchObject({ status: "succeeded", output: { output: DATA } });
    expect(skipping.stand.models()).toEqual(["a"]);
  });

  test.each([
    [{ step: "nowhere", head: 1 }, "INVALID_INPUT", 'names "nowhere"'],
    [{ step: "data", path: "a..b" }, "INVALID_INPUT", "cannot be read at"],
    [{ step: "data", summary: { by: "nobody-at-all" } }, "UNKNOWN_AGENT", "nobody-at-all"],
  ])("is refused before the run begins where it can never be: %j", async (read, code, words) => {
    await expect(
      piped({ a: text(DATA), b: text("BBB") }, [
        { agent: "oa/a", name: "data" },
        { agent: "oa/b", reads: [read] },
      ]),
    ).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
  });
});
