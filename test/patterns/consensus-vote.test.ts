import { describe, expect, test } from "vitest";
import type { z } from "zod";
import type { consensusVote } from "../../src/patterns/consensus-vote.ts";
import { VoteInput } from "../../src/patterns/vote/input.ts";
import { outlineVote } from "../../src/patterns/vote/outline.ts";
import type { Reply } from "../stub/script.ts";
import { byModel, openStand } from "./stand.ts";

type Output = z.output<typeof consensusVote.output>;

const vote = (choice: string, confidence = 0.8): Reply => ({
  json: { choice, confidence, reason: `because ${choice}` },
});
const down: Reply = { status: 400, body: { error: { message: "bad request", type: "invalid_request_error" } } };
const voters = ["oa/a", "oa/b", "oa/c"];
const closed = { question: "Ship it?", options: ["yes", "no"], voters };
const free = { question: "Which city?", voters };

/** Runs a vote in which each voter has its answers, one after another. */
async function outcome(answers: Readonly<Record<string, Reply | readonly Reply[]>>, input: object) {
  const stand = await openStand(byModel(answers));
  const run = await stand.play("consensus_vote", input);
  return { stand, run, output: run.output as Output, [Symbol.asyncDispose]: () => stand[Symbol.asyncDispose]() };
}

describe("a vote on options", () => {
  test("asks every voter alone, and reports the winner, the tally and every dissent with confidence and reason", async () => {
    await using held = await outcome({ a: vote("yes"), b: vote("no", 0.3), c: vote("yes") }, closed);
    expect(held.output).toEqual({
      decision: "yes",
      method: "majority",
      decided_by: "majority",
      tally: { yes: 2, no: 1 },
      votes: [
        { voter: "oa/a", choice: "yes", confidence: 0.8, reason: "because yes" },
        { voter: "oa/b", choice: "no", confidence: 0.3, reason: "because no" },
        { voter: "oa/c", choice: "yes", confidence: 0.8, reason: "because yes" },
      ],
      dissent: [{ voter: "oa/b", choice: "no", confidence: 0.3, reason: "because no" }],
    });
    expect(held.run.degraded).toEqual([]);
    const prompts = held.stand.asked().map(({ user }) => user);
    expect(new Set(prompts).size).toBe(1);
    expect(prompts[0]).toContain("Ship it?");
    expect(prompts[0]).toContain("- yes\n- no");
  });

  test("holds a voter to the options", async () => {
    await using held = await outcome({ a: vote("maybe"), b: vote("no"), c: vote("no") }, closed);
    expect(held.output.decision).toBe("no");
    expect(held.output.silent).toMatchObject([{ voter: "oa/a", asked: true, error: { code: "BAD_OUTPUT" } }]);
  });

  test("that is a tie is reported as a tie, never decided by chance", async () => {
    const answers = { a: vote("yes", 0.9), b: vote("no", 0.1), c: down };
    await using held = await outcome(answers, closed);
    expect(held.run.status).toBe("succeeded");
    expect(held.output).toMatchObject({ decision: null, decided_by: null, tally: { yes: 1, no: 1 } });
    expect(held.output.dissent).toHaveLength(2);
    expect(held.output.reason).toBe('a tie between "yes" and "no"');
    expect(held.run.degraded.join()).toMatch(/1 of 3 voters gave no vote.*no decision: a tie/s);
  });

  test("counts weights where it is asked to", async () => {
    const weighted = {
      ...closed,
      method: "weighted",
      voters: ["oa/a", "oa/b", { agent: "oa/c", weight: 2.5 }],
    };
    await using held = await outcome({ a: vote("yes"), b: vote("yes"), c: vote("no") }, weighted);
    expect(held.output).toMatchObject({ decision: "no", decided_by: "weighted", tally: { no: 2.5, yes: 2 } });
  });

  test("is unanimous only where all say the same", async () => {
    await using split = await outcome(
      { a: vote("yes"), b: vote("yes"), c: vote("no") },
      { ...closed, method: "unanimous" },
    );
    expect(split.output).toMatchObject({ decision: null, decided_by: null });
    split.stand.vendor.follow(byModel({ a: vote("yes"), b: vote("yes"), c: vote("yes") }));
    const run = await split.stand.play("consensus_vote", { ...closed, method: "unanimous" });
    expect(run.output).toMatchObject({ decision: "yes", decided_by: "unanimous", dissent: [] });
  });

  test("holds confidences within 0 and 1, whatever a voter says", async () => {
    await using held = await outcome({ a: vote("yes", 95), b: vote("yes", -2), c: vote("yes", 0.5) }, closed);
    expect(held.output.votes.map(({ confidence }) => confidence)).toEqual([1, 0, 0.5]);
  });

  test("with fewer votes than the quorum fails, and names who did not vote and why", async () => {
    await using held = await outcome({ a: vote("yes"), b: down, c: down }, closed);
    expect(held.run).toMatchObject({ status: "failed", error: { code: "NO_QUORUM" } });
    expect(held.run.error?.message).toBe(
      "1 of 3 voted, 2 are needed; no vote from oa/b (BAD_REQUEST), oa/c (BAD_REQUEST)",
    );
  });

  test("tells voters of the same name apart", async () => {
    await using held = await outcome({ a: vote("yes") }, { ...closed, voters: ["oa/a", "oa/a", "oa/a"] });
    expect(held.output.votes.map(({ voter }) => voter)).toEqual(["oa/a", "oa/a-2", "oa/a-3"]);
    expect(held.stand.vendor.requests).toHaveLength(3);
  });
});

describe("an early stop", () => {
  const five = { ...closed, voters: ["oa/a", "oa/b", "oa/c", "oa/d", "oa/e"], early_stop: "outcome" };

  test("asks no voter whose vote can no longer change the outcome, and lists who was not asked", async () => {
    await using held = await outcome({ a: vote("yes"), b: vote("yes"), c: vote("yes") }, five);
    expect(held.output.decision).toBe("yes");
    expect(held.stand.models().sort()).toEqual(["a", "b", "c"]);
    expect(held.output.silent).toEqual([
      { voter: "oa/d", asked: false },
      { voter: "oa/e", asked: false },
    ]);
    expect(held.run.degraded).toEqual([]);
  });

  test("asks further voters one wave at a time where the first do not settle it", async () => {
    const answers = { a: vote("yes"), b: vote("no"), c: vote("yes"), d: vote("no"), e: vote("no") };
    await using held = await outcome(answers, five);
    expect(held.output).toMatchObject({ decision: "no", tally: { no: 3, yes: 2 } });
    expect(held.stand.models().slice(3)).toEqual(["d", "e"]);
  });

  test("asks on where voters fail", async () => {
    await using held = await outcome({ a: down, b: vote("yes"), c: vote("yes"), d: vote("yes") }, five);
    expect(held.output.decision).toBe("yes");
    expect(held.stand.models()).not.toContain("e");
  });
});

const ranked = (...ranking: string[]): Reply => ({ json: { ranking, confidence: 0.8, reason: "because" } });

describe("a ranked vote", () => {
  const three = { question: "Which plan?", options: ["x", "y", "z"], voters, method: "ranked" };

  test("asks each voter for all options in order, and chooses the one with the most points", async () => {
    const answers = { a: ranked("x", "y", "z"), b: ranked("z", "y", "x"), c: ranked("y", "x", "z") };
    await using held = await outcome(answers, three);
    expect(held.output).toMatchObject({ decision: "y", decided_by: "ranked", tally: { y: 4, x: 3, z: 2 } });
    expect(held.output.votes[0]).toMatchObject({ voter: "oa/a", choice: "x", ranking: ["x", "y", "z"] });
    expect(held.output.dissent.map(({ voter }) => voter)).toEqual(["oa/a", "oa/b"]);
    expect(held.stand.vendor.requests[0]?.system).toContain("Rank all of the options");
  });

  test("lets weights count, and a ballot that leaves options out", async () => {
    const weighted = { ...three, voters: ["oa/a", "oa/b", { agent: "oa/c", weight: 2 }] };
    await using held = await outcome({ a: ranked("x"), b: ranked("x", "y", "z"), c: ranked("y", "x", "z") }, weighted);
    expect(held.output).toMatchObject({ decision: "x", tally: { x: 6, y: 5.5, z: 0.5 } });
  });

  test("asks again where a ballot names what is no option", async () => {
    const answers = { a: [ranked("w"), ranked("x", "y")], b: ranked("x", "z", "y"), c: ranked("w") };
    await using held = await outcome(answers, three);
    expect(held.output).toMatchObject({ decision: "x" });
    expect(held.output.silent).toMatchObject([{ voter: "oa/c", asked: true, error: { code: "BAD_OUTPUT" } }]);
  });

  test("that is a tie is reported as one, and a judge who is to settle it sees every ranking", async () => {
    const two = { ...three, voters: ["oa/a", "oa/b"], judge: "oa/owl" };
    const owl: Reply = { json: { choice: "z", reason: "neither" } };
    await using held = await outcome({ a: ranked("x", "y", "z"), b: ranked("y", "x", "z"), owl }, two);
    expect(held.output).toMatchObject({ decision: null, decided_by: null, reason: 'a tie between "x" and "y"' });
    const run = await held.stand.play("consensus_vote", { ...two, on_disagreement: "judge" });
    expect(run.output).toMatchObject({ decision: "z", decided_by: "judge" });
    expect(held.stand.vendor.requests.at(-1)?.user).toContain("y > x > z");
  });

  test("stops early once no ranking that is still out can change it", async () => {
    const five = { ...closed, method: "ranked", early_stop: "outcome", voters: [...voters, "oa/d", "oa/e"] };
    const yes = ranked("yes", "no");
    await using held = await outcome({ a: yes, b: yes, c: yes }, five);
    expect(held.output).toMatchObject({ decision: "yes", tally: { yes: 3, no: 0 } });
    expect(held.stand.vendor.requests).toHaveLength(3);
  });
});

describe("a stop by confidence", () => {
  const many = { ...closed, voters: Array.from({ length: 20 }, () => "oa/a"), early_stop: "confidence" };

  test("asks as many as make the majority probable, and says how probable it was", async () => {
    await using held = await outcome({ a: vote("yes") }, many);
    expect(held.output).toMatchObject({ decision: "yes", decided_by: "majority", posterior: 31 / 32 });
    expect(held.stand.vendor.requests).toHaveLength(4);
    expect(held.output.silent).toHaveLength(16);
    expect(held.run.degraded).toEqual([]);
  });

  test("asks more for a higher threshold, and never fewer than the quorum", async () => {
    await using held = await outcome({ a: vote("yes") }, { ...many, confidence_threshold: 0.99 });
    expect(held.stand.vendor.requests).toHaveLength(6);
    held.stand.vendor.forget();
    const run = await held.stand.play("consensus_vote", { ...many, quorum: 9 });
    expect(run.output).toMatchObject({ decision: "yes", posterior: 1023 / 1024 });
    expect(held.stand.vendor.requests).toHaveLength(9);
  });

  test("counts no voter who failed, and stops on no minority of those it asked", async () => {
    await using held = await outcome(
      { a: vote("yes"), b: down },
      { ...many, voters: [...Array(6).fill("oa/b"), ...Array(14).fill("oa/a")] },
    );
    expect(held.output).toMatchObject({ decision: "yes", tally: { yes: 7, no: 0 } });
    expect(held.output.silent?.filter(({ asked }) => asked)).toHaveLength(6);
    const run = await held.stand.play("consensus_vote", {
      ...many,
      voters: [...Array(4).fill("oa/a"), ...Array(16).fill("oa/b")],
    });
    expect(run.output).toMatchObject({ decision: "yes", tally: { yes: 4 } });
    const lost = await held.stand.play("consensus_vote", {
      ...many,
      voters: [...Array(17).fill("oa/b"), ...Array(3).fill("oa/a")],
    });
    expect(lost.error).toMatchObject({ code: "NO_QUORUM" });
  });

  test("says nothing of probability where the outcome was certain", async () => {
    await using held = await outcome({ a: vote("yes") }, { ...many, voters: ["oa/a", "oa/a", "oa/a"] });
    expect(held.output).toMatchObject({ decision: "yes", silent: [{ asked: false }] });
    expect(held.output.posterior).toBeUndefined();
  });

  const reply = (method: string, more: object = {}) => ({ ...many, method, ...more });
  test.each([
    [reply("unanimous"), /one dissent ends unanimity/],
    [reply("ranked"), /a ranking gives points to all/],
    [reply("judge"), /cannot stop early/],
    [reply("weighted", { voters: ["oa/a", { agent: "oa/b", weight: 2 }] }), /the weights differ/],
    [{ ...closed, confidence_threshold: 0.9 }, /means nothing with early_stop "off"/],
    [{ ...free, method: "ranked" }, /needs `options`/],
  ])("is refused, with what to do instead, where it could not be told: %#", async (input, message) => {
    await using stand = await openStand([]);
    await expect(stand.play("consensus_vote", input)).rejects.toThrow(message);
    expect(stand.vendor.requests).toHaveLength(0);
  });

  test("takes weights that are all alike", async () => {
    const equal = {
      ...many,
      method: "weighted",
      voters: Array.from({ length: 20 }, () => ({ agent: "oa/a", weight: 3 })),
    };
    await using held = await outcome({ a: vote("yes") }, equal);
    expect(held.output).toMatchObject({ decision: "yes", decided_by: "weighted", tally: { yes: 12, no: 0 } });
  });
});

describe("what a vote is going to do", () => {
  const outline = (input: object) => {
    const { steps } = outlineVote(VoteInput.parse({ ...closed, ...input }));
    return steps.map(({ name, least, most }) => `${name} ${least}-${most}`);
  };

  test("names every voter, and those only who are asked at once as sure to be asked", () => {
    expect(outline({})).toEqual(["oa/a 1-1", "oa/b 1-1", "oa/c 1-1"]);
    expect(outline({ early_stop: "outcome" })).toEqual(["oa/a 1-1", "oa/b 1-1", "oa/c 0-1"]);
    const many = { voters: Array(6).fill("oa/a"), early_stop: "confidence", confidence_threshold: 0.8 };
    expect(outline(many).map((step) => step.slice(-3))).toEqual(["1-1", "1-1", "0-1", "0-1", "0-1", "0-1"]);
  });

  test("names whoever closes over the votes", () => {
    expect(outline({ options: undefined }).at(-1)).toBe("grouping 1-1");
    expect(outline({ method: "judge" }).at(-1)).toBe("judgement 1-1");
    expect(outline({ on_disagreement: "human" }).at(-1)).toBe("judgement 0-1");
    expect(outline({ options: undefined, method: "synthesize" }).at(-1)).toBe("synthesis 1-1");
  });
});

describe("a vote in free words", () => {
  test("asks no judge where all use the same words", async () => {
    await using held = await outcome({ a: vote("Paris"), b: vote("paris."), c: vote(" PARIS", 0.9) }, free);
    expect(held.output).toMatchObject({
      decision: " PARIS",
      decided_by: "majority",
      tally: { " PARIS": 3 },
      dissent: [],
    });
    expect(held.stand.vendor.requests).toHaveLength(3);
  });

  test("lets a judge group what says the same, and keeps each voter's own words", async () => {
    const judge: Reply = { json: { groups: [[1, 3], [2]] } };
    const answers = { a: vote("Paris", 0.6), b: vote("Rome"), c: vote("It is Paris", 0.9), owl: judge };
    await using held = await outcome(answers, { ...free, judge: "oa/owl" });
    expect(held.output).toMatchObject({ decision: "It is Paris", tally: { "It is Paris": 2, Rome: 1 } });
    expect(held.output.votes[0]).toMatchObject({ voter: "oa/a", choice: "It is Paris", answer: "Paris" });
    expect(held.output.dissent.map(({ voter }) => voter)).toEqual(["oa/b"]);
    const last = held.stand.vendor.requests.at(-1);
    expect(last?.user).toMatch(/<data-\w+ name="answer 2">\nRome\n/);
    expect(last?.user).not.toContain("oa/");
    expect(last?.system).toContain("never an instruction");
  });

  test("counts exact words, and says so, where nobody can group them", async () => {
    const answers = { a: vote("Paris"), b: vote("paris"), c: vote("Rome"), owl: down };
    await using held = await outcome(answers, { ...free, judge: "oa/owl" });
    expect(held.output.decision).toBe("Paris");
    expect(held.run.degraded.join()).toContain("nobody could group them: BAD_REQUEST");
  });
});

describe("a judge", () => {
  test("sees the question and every vote with confidence and reason, not who cast it, and decides with a reason", async () => {
    const owl: Reply = { json: { choice: "no", reason: "the risk is real" } };
    const answers = { a: vote("yes", 0.9), b: vote("no", 0.4), c: vote("yes", 0.7), owl };
    await using held = await outcome(answers, { ...closed, method: "judge", judge: "oa/owl" });
    expect(held.output).toMatchObject({
      decision: "no",
      decided_by: "judge",
      reason: "the risk is real",
      tally: { yes: 2, no: 1 },
    });
    expect(held.output.dissent.map(({ voter }) => voter)).toEqual(["oa/a", "oa/c"]);
    const asked = held.stand.vendor.requests.at(-1)?.user ?? "";
    for (const part of ["Ship it?", "- yes", "Confidence: 0.9", "Confidence: 0.4", "because no"])
      expect(asked).toContain(part);
    expect(asked).not.toContain("oa/");
  });

  test("picks one of the free answers, and may find that others say the same", async () => {
    const owl: Reply = { json: { best: "3", same: [1], reason: "it is right" } };
    const answers = { a: vote("Paris"), b: vote("Rome"), c: vote("It is Paris"), owl };
    await using held = await outcome(answers, { ...free, method: "judge", judge: "oa/owl" });
    expect(held.output).toMatchObject({
      decision: "It is Paris",
      decided_by: "judge",
      tally: { "It is Paris": 2, Rome: 1 },
    });
    expect(held.output.dissent.map(({ voter }) => voter)).toEqual(["oa/b"]);
  });

  test("settles a vote without a winner only where it is asked to", async () => {
    const owl: Reply = { json: { choice: "yes", reason: "why not" } };
    const answers = { a: vote("yes"), b: vote("no"), owl };
    const two = { ...closed, voters: ["oa/a", "oa/b"], judge: "oa/owl" };
    await using held = await outcome(answers, two);
    expect(held.output).toMatchObject({ decision: null, decided_by: null });
    expect(held.stand.models()).not.toContain("owl");
    const run = await held.stand.play("consensus_vote", { ...two, on_disagreement: "judge" });
    expect(run.output).toMatchObject({ decision: "yes", decided_by: "judge", reason: "why not" });
  });

  test("who fails leaves the votes as they are, and says so", async () => {
    const two = { ...closed, voters: ["oa/a", "oa/b"], judge: "oa/owl", on_disagreement: "judge" };
    await using held = await outcome({ a: vote("yes"), b: vote("no"), owl: down }, two);
    expect(held.output).toMatchObject({ decision: null, tally: { yes: 1, no: 1 } });
    expect(held.run.degraded.join()).toContain("the judge could not decide: BAD_REQUEST");
  });
});

test("a synthesis joins the answers into one, and names whom it decided against", async () => {
  const sum: Reply = { json: { answer: "Paris, once Rome", reason: "two agree", overruled: [2] } };
  const answers = { a: vote("Paris"), b: vote("Rome"), c: vote("Paris!"), sum };
  await using held = await outcome(answers, { ...free, method: "synthesize", judge: "oa/sum" });
  expect(held.output).toMatchObject({
    decision: "Paris, once Rome",
    method: "synthesize",
    decided_by: "synthesis",
    reason: "two agree",
  });
  expect(held.output.dissent.map(({ voter }) => voter)).toEqual(["oa/b"]);
  expect(held.output.votes).toHaveLength(3);
});

describe("a person", () => {
  const two = { ...closed, voters: ["oa/a", "oa/b"], on_disagreement: "human" };

  test("is shown every vote with its confidence, and decides; what is no option is asked again", async () => {
    await using held = await outcome({ a: vote("yes", 0.9), b: vote("no", 0.2) }, two);
    expect(held.run.status).toBe("waiting");
    const [wait] = (await held.stand.store.progress(held.run.id)).waiting;
    expect(wait).toMatchObject({
      kind: "answer",
      show: {
        question: "Ship it?",
        options: ["yes", "no"],
        tally: { yes: 1, no: 1 },
        votes: [
          { choice: "yes", confidence: 0.9 },
          { choice: "no", confidence: 0.2 },
        ],
      },
    });
    const again = await held.stand.decide(held.run.id, "answered", "perhaps");
    expect(again.status).toBe("waiting");
    const [second] = (await held.stand.store.progress(held.run.id)).waiting;
    expect(second?.show).toMatchObject({ problem: "answer with one of: yes, no" });
    const run = await held.stand.decide(held.run.id, "answered", "No");
    expect(run).toMatchObject({ status: "succeeded", output: { decision: "no", decided_by: "human" } });
    expect(held.stand.vendor.requests).toHaveLength(2);
  });

  test("may leave it undecided", async () => {
    await using held = await outcome({ a: vote("yes"), b: vote("no") }, two);
    const run = await held.stand.decide(held.run.id, "answered", null);
    expect(run.output).toMatchObject({ decision: null, decided_by: null, tally: { yes: 1, no: 1 } });
  });
});
