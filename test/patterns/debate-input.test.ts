import { describe, expect, test } from "vitest";
import { type AgentRef, type AgentSpec, refName } from "../../src/core/agent.ts";
import { Failure } from "../../src/core/errors.ts";
import { DEFAULT_LIMITS } from "../../src/core/settings.ts";
import { debate } from "../../src/patterns/debate.ts";
import { openStand } from "./stand.ts";

const given = (more: object = {}) => debate.input.parse({ task: "t", participants: ["a", "b", "c"], ...more });

/** Why a debate is refused before a run exists. */
function refusal(more: object, limits = DEFAULT_LIMITS): Failure | undefined {
  try {
    debate.check?.(given(more), limits);
    return undefined;
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

describe("a debate is refused", () => {
  test.each([
    [{ rounds: 6 }, /limits.rounds \(5\)/, /from 1 to 5/],
    [{ stop_when: { rounds: 6 } }, /limits.rounds \(5\)/, /from 1 to 5/],
    [{ rounds: 2, stop_when: { rounds: 3 } }, /`rounds` is 2 and `stop_when.rounds` is 3/, /"rounds": 2/],
    [{ rounds: 2, stop_when: { stall: 2 } }, /2 rounds never come to/, /Give 1 to 1/],
    [{ speaker_selection: {} }, /either `moderator` or `rule`/, /"rule": "name != last/],
    [{ speaker_selection: { moderator: "x", rule: "true" } }, /either `moderator` or `rule`/, /"moderator": "judge"/],
    [{ speaker_selection: { rule: "nmae == 'a'" } }, /nmae/, /name, last, round, spoke, text/],
    [{ speaker_selection: { rule: "spoke" } }, /not true or false/, /spoke/],
    [
      { speaker_selection: { rule: "spoke > 0" } },
      /nobody may speak first; there are "a", "b" and "c"/,
      /`spoke` is 0/,
    ],
  ])("that could not go as it is asked for: %j", (more, message, hint) => {
    const failure = refusal(more);
    expect(failure?.message).toMatch(message);
    expect(failure?.options.hint).toMatch(hint);
  });

  test("that has more participants than the limit of width", () => {
    const participants = Array.from({ length: 33 }, (_, n) => `agent-${n}`);
    expect(refusal({ participants })?.code).toBe("WIDTH_EXCEEDED");
    expect(refusal({ participants: participants.slice(1) })).toBeUndefined();
  });

  test("that one alone would hold, or that says a key nobody knows", () => {
    for (const wrong of [{ participants: ["a"] }, { stop_when: { money: 1 } }, { transcript: { window: 0 } }])
      expect(debate.input.safeParse({ task: "t", participants: ["a", "b"], ...wrong }).success).toBe(false);
  });
});

test("a debate keeps to fewer rounds than three where the limit is lower and nothing is said", () => {
  const limits = { ...DEFAULT_LIMITS, rounds: 2 };
  expect(refusal({}, limits)).toBeUndefined();
  expect(debate.outline?.(given(), limits).steps.map(({ name }) => name)).toEqual(["a", "b", "c", "a.2", "b.2", "c.2"]);
});

test("a debate names everybody it may ask, and the built-in judge only where one is needed", () => {
  const asked = (more: object) => debate.agents(given(more)).map(refName);
  expect(asked({})).toEqual(["a", "b", "c"]);
  expect(asked({ judge: "owl", transcript: { summary_by: "sum" } })).toEqual(["a", "b", "c", "sum", "owl"]);
  expect(asked({ speaker_selection: "moderator" })).toEqual(["a", "b", "c", "judge"]);
  expect(asked({ speaker_selection: { moderator: "m" }, stop_when: { judge: true } })).toEqual([
    "a",
    "b",
    "c",
    "m",
    "judge",
  ]);
});

describe("the outline of a debate", () => {
  const outline = (more: object) => debate.outline?.(given(more), DEFAULT_LIMITS).steps ?? [];

  test("has a turn for everybody in every round; if all goes well the first round is all", () => {
    const steps = outline({ judge: "owl", rounds: 2 });
    expect(steps.map(({ name, least, most }) => [name, least, most])).toEqual([
      ["a", 1, 1],
      ["b", 1, 1],
      ["c", 1, 1],
      ["a.2", 0, 1],
      ["b.2", 0, 1],
      ["c.2", 0, 1],
      ["decision", 1, 1],
    ]);
    expect(steps[4]).toMatchObject({ after: ["a.2"], reads: ["a", "b", "c", "a.2"] });
  });

  test("has a moderator, a judge of rounds and a summary where they are asked for", () => {
    const more = { speaker_selection: "moderator", stop_when: { judge: true }, transcript: { summary_by: "sum" } };
    const others = outline(more).filter(({ name }) => !/^[abc]/.test(name));
    expect(others.map(({ name, least, most }) => [name, least, most])).toEqual([
      ["moderator", 2, 9],
      ["summary", 0, 2],
      ["enough", 0, 2],
    ]);
  });

  test("gives no two steps one name, whatever the participants are called", () => {
    const names = outline({ participants: ["a", "a", "a.2", "decision", "moderator"], judge: "a" }).map(
      ({ name }) => name,
    );
    expect(new Set(names).size).toBe(names.length);
  });
});

test("a careful reader is told of a judge who takes part, and of participants who say the same", () => {
  const who = (ref: AgentRef): AgentSpec => ({
    name: refName(ref),
    version: refName(ref),
    description: "d",
    system: refName(ref) === "c" ? "" : "Weigh every claim against its grounds before you answer anybody here",
    models: ["oa/m"],
    max_output_tokens: 100,
    source: "built in",
  });
  const apart = { participants: ["a", "c"] };
  expect(debate.advice?.(given({ ...apart, judge: "a" }), who).join()).toContain('the judge "a" judges its own work');
  expect(debate.advice?.(given({ participants: ["a", "b"] }), who).join()).toContain(
    '"a" and "b" are told nearly the same',
  );
  expect(debate.advice?.(given({ ...apart, judge: "owl" }), who)).toEqual([]);
});

describe("without any key, on the built-in agents and the rehearsal model", () => {
  test.each([
    {},
    { judge: "judge", stop_when: { judge: true, stall: 2, text: "nothing of this kind" } },
    { speaker_selection: "moderator", transcript: { window: 1, summary_by: "synthesiser" } },
    { speaker_selection: { rule: "name != last" }, stop_when: { agreement: false } },
  ])("a debate comes to an end that fits what it promises: %j", async (more) => {
    await using stand = await openStand([], { model: "rehearsal/default" });
    const run = await stand.play("debate", {
      task: "Describe a baton.",
      participants: ["writer", "critic", "judge"],
      ...more,
    });
    expect(run.error).toBeUndefined();
    expect(run).toMatchObject({ status: "succeeded", usage: { usd: 0 } });
    expect(debate.output.safeParse(run.output).success).toBe(true);
  });
});
