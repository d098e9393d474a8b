import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { refName } from "../../src/core/agent.ts";
import { Failure } from "../../src/core/errors.ts";
import { DEFAULT_LIMITS } from "../../src/core/settings.ts";
import { refine } from "../../src/patterns/refine.ts";
import { byModel, openStand } from "./stand.ts";

const given = (more: object = {}) =>
  refine.input.parse({ task: "t", maker: "writer", critic: "critic", criteria: ["form"], ...more });

/** Why a refinement is refused before a run exists. */
function refusal(more: object, limits = DEFAULT_LIMITS): Failure | undefined {
  try {
    refine.check?.(given(more), limits);
    return undefined;
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

describe("a refinement is refused", () => {
  test.each([
    [{ max_rounds: 6 }, /limits.rounds \(5\)/],
    [{ criteria: ["form", { name: "Form." }] }, /two criteria say "form"/],
    [{ check: {} }, /`check` asks for nothing/],
    [{ check: { schema: { type: "nope" } } }, /no usable JSON Schema/],
    [{ check: { when: "outptu == 1" } }, /outptu/],
  ])("that could not go as it is asked for: %j", (more, message) => {
    const failure = refusal(more);
    expect(failure?.code).toBe("INVALID_INPUT");
    expect(failure?.message).toMatch(message);
    expect(failure?.options.hint).toBeTruthy();
  });

  test("without a criterion, or with a weight of nought", () => {
    for (const criteria of [[], [{ name: "form", weight: 0 }]])
      expect(refine.input.safeParse({ ...given(), criteria }).success).toBe(false);
  });
});

test("a refinement keeps to fewer rounds than five where the limit is lower and nothing is said", () => {
  const limits = { ...DEFAULT_LIMITS, rounds: 2 };
  expect(refusal({}, limits)).toBeUndefined();
  const steps = refine.outline?.(given({ on_unmet: "human" }), limits).steps ?? [];
  expect(steps.map(({ name, kind, least, most }) => [name, kind, least, most])).toEqual([
    ["draft", "call", 1, 2],
    ["review", "call", 1, 2],
    ["decision", "wait", 0, 1],
  ]);
  expect(steps[1]).toMatchObject({ after: ["draft"], back: "draft" });
});

test("a refinement asks its maker and its critic, and a careful reader is told where they are the same", () => {
  expect(refine.agents(given()).map(refName)).toEqual(["writer", "critic"]);
  const who = () => undefined;
  expect(refine.advice?.(given({ critic: "writer" }), who).join()).toContain("judges its own work");
  expect(refine.advice?.(given(), who)).toEqual([]);
});

test("whatever the critic says, the draft that is kept is the earliest of those that scored most", async () => {
  await using stand = await openStand([]);
  const rounds = fc.array(fc.tuple(fc.nat(10), fc.nat(10)), { minLength: 5, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(rounds, fc.nat(10), async (scores, threshold) => {
      let round = 0;
      stand.vendor.follow(
        byModel({
          a: () => ({ text: `draft ${++round}` }),
          owl: () => {
            const [one = 0, two = 0] = scores[round - 1] ?? [];
            const score = (n: number) => ({ score: n / 10, reason: "so" });
            return { json: { criterion_1: score(one), criterion_2: score(two) } };
          },
        }),
      );
      const criteria = ["form", "mood"];
      const input = { task: "t", maker: "oa/a", critic: "oa/owl", criteria, threshold: threshold / 10 };
      const run = await stand.play("refine", input);
      const output = refine.output.parse(run.output);
      const all = output.history.map(({ score }) => score ?? -1);
      const most = Math.max(...all);
      expect(output.score).toBe(most);
      expect(output.best_round).toBe(all.indexOf(most) + 1);
      expect(output.output).toBe(`draft ${output.best_round}`);
      expect(output.met).toBe(most >= threshold / 10);
      expect(output.rounds - output.best_round).toBeLessThanOrEqual(2);
    }),
    { numRuns: 20 },
  );
});

test("without any key, on the built-in agents and the rehearsal model, it comes to an end that fits what it promises", async () => {
  await using stand = await openStand([], { model: "rehearsal/default" });
  const run = await stand.play("refine", { ...given(), max_rounds: 2 });
  expect(run.error).toBeUndefined();
  expect(run).toMatchObject({ status: "succeeded", usage: { usd: 0 } });
  expect(refine.output.safeParse(run.output).success).toBe(true);
});
