import { describe, expect, test } from "vitest";
import type { z } from "zod";
import type { refine } from "../../src/patterns/refine.ts";
import type { Reply } from "../stub/script.ts";
import { byModel, openStand } from "./stand.ts";

type Output = z.output<typeof refine.output>;

const texts = (...all: string[]): Reply[] => all.map((text) => ({ text }));
/** Scores for each criterion, with reasons that name the first score. */
const scored = (...scores: number[]): Reply => ({
  json: Object.fromEntries(
    scores.map((score, index) => [`criterion_${index + 1}`, { reason: `fault ${score}`, score }]),
  ),
});
const down: Reply = { status: 400, body: { error: { message: "bad request", type: "invalid_request_error" } } };
const base = { task: "Write a haiku", maker: "oa/a", critic: "oa/owl", criteria: ["form"] };

async function refined(answers: Parameters<typeof byModel>[0], input: object = {}, more: object = {}) {
  const stand = await openStand(byModel(answers));
  const run = await stand.play("refine", { ...base, ...input }, more);
  return {
    stand,
    run,
    output: run.output as Output,
    prompts: (model: string) => stand.asked().flatMap((asked) => (asked.model === model ? [asked.user] : [])),
    [Symbol.asyncDispose]: () => stand[Symbol.asyncDispose](),
  };
}

describe("a refinement", () => {
  test("stops at the threshold, with the scores, their reasons and its history", async () => {
    await using held = await refined({ a: texts("ONE", "TWO"), owl: [scored(0.5), scored(0.9)] });
    expect(held.output).toEqual({
      output: "TWO",
      score: 0.9,
      met: true,
      rounds: 2,
      best_round: 2,
      stopped_by: "threshold",
      scores: [{ criterion: "form", score: 0.9, reason: "fault 0.9" }],
      history: [
        { round: 1, score: 0.5 },
        { round: 2, score: 0.9 },
      ],
    });
    expect(held.stand.models()).toEqual(["a", "owl", "a", "owl"]);
    expect(held.run.degraded).toEqual([]);
  });

  test("tells the maker what was wrong, and the critic nothing but task, criteria and draft", async () => {
    const criteria = ["form", { name: "mood", description: "calm", weight: 3 }];
    await using held = await refined(
      { a: texts("ONE", "TWO"), owl: [scored(0.25, 1), scored(1, 1)] },
      { criteria, threshold: 0.9 },
    );
    expect(held.prompts("a")[0]).toContain("- criterion_2: mood. calm");
    expect(held.prompts("a")[1]).toMatch(/<data-\w+ name="draft">\nONE\n/);
    expect(held.prompts("a")[1]).toContain("form: 0.25. fault 0.25");
    expect(held.prompts("a")[1]).not.toContain("fault 1");
    expect(held.prompts("owl")[1]).not.toContain("ONE");
    expect(held.stand.vendor.requests[1]?.system).toContain("never an instruction");
  });

  test("weighs criteria where it is told to, and holds scores within 0 and 1", async () => {
    const criteria = ["form", { name: "mood", weight: 3 }];
    await using held = await refined({ a: texts("ONE"), owl: scored(-4, 7) }, { criteria, threshold: 0.75 });
    expect(held.output).toMatchObject({ score: 0.75, met: true });
    expect(held.output.scores.map(({ score }) => score)).toEqual([0, 1]);
  });

  test("keeps the best draft, not the last, and goes on from it", async () => {
    const owl = [scored(0.6), scored(0.2), scored(0.7), scored(0.4)];
    await using held = await refined({ a: texts("ONE", "TWO", "THREE", "FOUR"), owl }, { max_rounds: 4 });
    expect(held.output).toMatchObject({
      output: "THREE",
      score: 0.7,
      met: false,
      best_round: 3,
      rounds: 4,
      stopped_by: "max_rounds",
    });
    const third = held.prompts("a")[2] ?? "";
    expect(third).toContain("\nONE\n");
    expect(third).not.toContain("\nTWO\n");
    expect(third).toContain("fault 0.2");
    expect(held.run.degraded).toEqual(["the best draft scored 0.7; 0.8 is needed (4 rounds)"]);
  });

  test("stops when two rounds in a row are no better than the best", async () => {
    const owl = [scored(0.6), scored(0.6), scored(0.5), scored(1)];
    await using held = await refined({ a: texts("ONE", "TWO", "THREE"), owl });
    expect(held.output).toMatchObject({ output: "ONE", stopped_by: "no_improvement", rounds: 3, best_round: 1 });
  });

  test("takes five rounds where nothing is said", async () => {
    const owl = [0.1, 0.2, 0.3, 0.4, 0.5].map((score) => scored(score));
    await using held = await refined({ a: texts("1", "2", "3", "4", "5"), owl });
    expect(held.output).toMatchObject({ stopped_by: "max_rounds", rounds: 5 });
  });

  test("never takes an answer from the cache", async () => {
    const stand = await openStand(byModel({ a: texts("ONE"), owl: scored(1) }), { cache: { ttl: 3600 } });
    await using _ = stand;
    for (let n = 0; n < 2; n++) await stand.play("refine", base);
    expect(stand.vendor.requests).toHaveLength(4);
  });
});

describe("a draft that is plainly wrong", () => {
  test("costs no critic, and the maker is told why", async () => {
    const check = { when: "size(output) > 3" };
    await using held = await refined({ a: texts("x", "long enough"), owl: scored(0.9) }, { check });
    expect(held.stand.models()).toEqual(["a", "a", "owl"]);
    expect(held.prompts("a")[1]).toContain("the condition `size(output) > 3` does not hold");
    expect(held.output).toMatchObject({
      output: "long enough",
      met: true,
      history: [
        { round: 1, score: null, problem: expect.stringContaining("does not hold") },
        { round: 2, score: 0.9 },
      ],
    });
  });

  test("is one that does not fit its schema, whatever fence it stands in", async () => {
    const check = { schema: { type: "object", required: ["title"] }, when: "size(output.title) > 2" };
    const a = texts("no json", '{"title": "x"}', '```json\n{"title": "long"}\n```');
    await using held = await refined({ a, owl: scored(0.9) }, { check });
    expect(held.stand.models()).toEqual(["a", "a", "a", "owl"]);
    expect(held.output.history.map(({ problem }) => problem)).toEqual([
      expect.stringContaining("does not fit its schema"),
      expect.stringContaining("does not hold"),
      undefined,
    ]);
  });

  test("is reported as such where none was worth scoring", async () => {
    await using held = await refined({ a: texts("x", "y", "z") }, { check: { when: "size(output) > 3" } });
    expect(held.output).toMatchObject({
      output: "x",
      score: null,
      met: false,
      scores: [],
      stopped_by: "no_improvement",
    });
    expect(held.run.degraded.join()).toContain("no draft was worth scoring");
  });
});

describe("a refinement that goes round", () => {
  const rising = [0.1, 0.2, 0.3, 0.4, 0.5].map((score) => scored(score));

  test("with the same draft each time is warned, then stops with the evidence, and keeps the best", async () => {
    await using held = await refined({ a: texts("ONE"), owl: rising });
    expect(held.run.status).toBe("succeeded");
    expect(held.output).toMatchObject({ output: "ONE", score: 0.3, met: false, rounds: 3, stopped_by: "stall" });
    expect(held.run.degraded).toEqual([
      'the best draft scored 0.3; 0.8 is needed (3 rounds); STALLED, nothing new came: the draft "ONE" (3 times)',
    ]);
    const [, second, third] = held.prompts("a");
    expect(second).not.toContain("What came again");
    expect(third).toMatch(/# What came again\n<data-\w+ name="note">\nIt brought .*: the draft "ONE" \(2 times\)\./);
    expect(held.stand.models()).toEqual(["a", "owl", "a", "owl", "a", "owl"]);
  });

  test("between two drafts is stopped as well, however the scores rise", async () => {
    await using held = await refined({ a: texts("ONE", "TWO", "ONE", "TWO", "THREE"), owl: rising });
    expect(held.output).toMatchObject({ output: "TWO", best_round: 4, rounds: 4, stopped_by: "stall" });
    expect(held.run.degraded.join()).toContain('the draft "ONE" (2 times); the draft "TWO" (2 times)');
  });

  test("since the critic says the same of each draft is warned, and stops with what it says", async () => {
    const owl = scored(0.5);
    await using held = await refined({ a: texts("ONE", "TWO", "THREE", "FOUR"), owl });
    expect(held.output).toMatchObject({ output: "ONE", rounds: 3, stopped_by: "stall" });
    expect(held.prompts("a")[2]).toContain('the criticism "form: 0.5. fault 0.5" (2 times)');
    expect(held.run.degraded.join()).toContain('the criticism "form: 0.5. fault 0.5" (3 times)');
  });

  test("gets on again with something new after the warning, and a space may be what is new", async () => {
    const owl = [0.1, 0.2, 0.3, 0.9].map((score) => scored(score));
    await using held = await refined({ a: texts("ONE", "ONE", "TWO", "ONE"), owl });
    expect(held.output).toMatchObject({ output: "ONE", met: true, rounds: 4, stopped_by: "threshold" });
    const lines = texts("if x:\ny", "if x:\n y", "If x:\n  y", "if x:\n  y");
    await using mended = await refined({ a: lines, owl });
    expect(mended.output).toMatchObject({ met: true, rounds: 4 });
    expect(mended.prompts("a").join()).not.toContain("What came again");
  });

  test("fails as stalled where an unmet draft is to fail, and is shown to a person as such", async () => {
    await using held = await refined({ a: texts("ONE"), owl: rising }, { on_unmet: "fail" });
    expect(held.run).toMatchObject({ status: "failed", error: { code: "STALLED", kind: "semantic" } });
    expect(held.run.error?.message).toContain('the draft "ONE" (3 times)');
    const human = { on_unmet: "human" };
    await using asked = await refined({ a: texts("ONE"), owl: rising }, human);
    const [wait] = (await asked.stand.store.progress(asked.run.id)).waiting;
    expect(wait?.show).toMatchObject({ draft: "ONE", problem: expect.stringContaining("STALLED") });
    const run = await asked.stand.decide(asked.run.id, "approved");
    expect(run.output).toMatchObject({ output: "ONE", stopped_by: "stall", human: "approved" });
  });
});

describe("a draft that stays below the threshold", () => {
  const once = { a: texts("ONE"), owl: scored(0.5) };

  test("fails the run where that is asked for", async () => {
    await using held = await refined(once, { max_rounds: 1, on_unmet: "fail" });
    expect(held.run).toMatchObject({ status: "failed", error: { code: "GATE_FAILED" } });
    expect(held.run.error?.message).toBe("the best draft scored 0.5; 0.8 is needed (1 round)");
    expect(held.run.error?.hint).toContain("on_unmet");
  });

  const human = { max_rounds: 1, on_unmet: "human" };

  test("is shown to a person with what it lacks, who may take it", async () => {
    await using held = await refined(once, human);
    expect(held.run.status).toBe("waiting");
    const [wait] = (await held.stand.store.progress(held.run.id)).waiting;
    expect(wait).toMatchObject({
      place: "decision",
      kind: "approval",
      show: {
        draft: "ONE",
        score: 0.5,
        threshold: 0.8,
        missing: [{ criterion: "form", score: 0.5, reason: "fault 0.5" }],
      },
    });
    const run = await held.stand.decide(held.run.id, "approved");
    expect(run).toMatchObject({ status: "succeeded", output: { output: "ONE", met: false, human: "approved" } });
    expect(run.degraded).toEqual([]);
  });

  test("may be replaced by a person, and then has no score", async () => {
    await using held = await refined(once, human);
    const run = await held.stand.decide(held.run.id, "approved", "BY HAND");
    expect(run.output).toMatchObject({ output: "BY HAND", score: null, scores: [], human: "replaced" });
    await using other = await refined(once, human);
    const answered = await other.stand.decide(other.run.id, "answered", "AN ANSWER");
    expect(answered.output).toMatchObject({ output: "AN ANSWER", human: "replaced" });
  });

  test("may be rejected, and the run fails with that", async () => {
    await using held = await refined(once, human);
    const run = await held.stand.decide(held.run.id, "rejected");
    expect(run).toMatchObject({ status: "failed", error: { code: "REJECTED" } });
  });
});

describe("a refinement that is broken off", () => {
  test("keeps the best draft so far, and says why it stopped", async () => {
    await using held = await refined({ a: [...texts("ONE"), down], owl: scored(0.5) });
    expect(held.output).toMatchObject({ output: "ONE", stopped_by: "failure", met: false });
    expect(held.run.degraded.join()).toContain("stopped in round 2: BAD_REQUEST");
  });

  test("fails where its only draft could not be judged, and is judged by a retry without a new draft", async () => {
    await using held = await refined({ a: texts("ONE"), owl: [down, scored(0.9)] });
    expect(held.run).toMatchObject({ status: "failed", error: { code: "BAD_REQUEST" } });
    const run = await held.stand.retry(held.run.id);
    expect(run.output).toMatchObject({ output: "ONE", met: true });
    expect(held.stand.models()).toEqual(["a", "owl", "owl"]);
  });

  test("for want of money has the best so far as its result, degraded", async () => {
    const answers = () => ({ a: texts("ONE", "TWO"), owl: scored(0.5) });
    await using partial = await refined(
      answers(),
      { on_unmet: "fail" },
      { budget: { calls: 3 }, on_budget: "partial" },
    );
    expect(partial.run.status).toBe("succeeded");
    expect(partial.output).toMatchObject({ output: "ONE", score: 0.5, stopped_by: "limit", rounds: 2 });
    expect(partial.run.degraded.join()).toContain("stopped in round 2: BUDGET_EXCEEDED");
    await using failed = await refined(answers(), {}, { budget: { calls: 3 } });
    expect(failed.run).toMatchObject({
      status: "failed",
      error: { code: "BUDGET_EXCEEDED", kind: "limit" },
      output: { output: "ONE" },
    });
  });

  test("for want of money gives even a draft that nobody could judge any more", async () => {
    await using held = await refined({ a: texts("ONE") }, {}, { budget: { calls: 1 }, on_budget: "partial" });
    expect(held.run.status).toBe("succeeded");
    expect(held.output).toMatchObject({ output: "ONE", score: null, met: false, stopped_by: "limit" });
  });
});
