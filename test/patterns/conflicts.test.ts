import { describe, expect, test } from "vitest";
import type { z } from "zod";
import type { fanOut } from "../../src/patterns/fan-out.ts";
import type { Asked } from "../stub/script.ts";
import { openStand } from "./stand.ts";

type Output = z.output<typeof fanOut.output>;

const price = {
  type: "object",
  properties: { price: { type: "number" }, currency: { type: "string" } },
  required: ["price", "currency"],
};
const same = "answers.all(a, a.output.currency == answers[0].output.currency)";
const input = { task: "What does it cost?", agents: ["oa/a", "oa/b"], output_schema: price };

/** `b` thinks in pounds until it is told what does not hold. */
const prices =
  (mends: boolean) =>
  ({ model, user }: Asked) => {
    if (model === "sum") return { text: "The sum." };
    if (model === "a") return { json: { price: 1, currency: "EUR" } };
    return { json: { price: 2, currency: mends && user.includes("What does not hold") ? "EUR" : "GBP" } };
  };

describe("answers that break a rule", () => {
  test("are clarified by those concerned, who see each other's answers and the rule", async () => {
    await using stand = await openStand(prices(true));
    const rules = [{ must: same, say: "all prices are in one currency" }];
    const run = await stand.play("fan_out", { ...input, rules, aggregator: "oa/sum" });
    const { branches, conflicts } = run.output as Output;
    expect(run).toMatchObject({ status: "succeeded", degraded: [] });
    expect(branches.map(({ output }) => (output as { currency: string }).currency)).toEqual(["EUR", "EUR"]);
    expect(conflicts).toEqual([
      {
        rule: "all prices are in one currency",
        critical: false,
        agents: ["oa/a", "oa/b"],
        settled_by: "clarification",
      },
    ]);
    const again = stand.asked().filter(({ user }) => user.includes("What does not hold"));
    expect(again.map(({ model }) => model).sort()).toEqual(["a", "b"]);
    const toB = again.find(({ model }) => model === "b")?.user;
    expect(toB).toContain("all prices are in one currency");
    expect(toB).toMatch(/# The answer of "oa\/a"\n<data-/);
    expect(stand.asked().at(-1)?.user).toContain("settled by clarification");
  });

  test("stay as they are where clarifying does not help, and the run says so", async () => {
    await using stand = await openStand(prices(false));
    const run = await stand.play("fan_out", { ...input, rules: [{ must: same }] });
    expect(run.status).toBe("succeeded");
    expect(run.degraded.join()).toContain("1 conflict between the answers stayed");
    expect((run.output as Output).conflicts).toMatchObject([{ settled_by: null }]);
    expect(stand.asked()).toHaveLength(4);
  });

  test("are only reported where that is asked for", async () => {
    await using stand = await openStand(prices(true));
    const run = await stand.play("fan_out", { ...input, rules: [{ must: same }], on_conflict: "report" });
    expect((run.output as Output).conflicts).toMatchObject([{ settled_by: null }]);
    expect(stand.asked()).toHaveLength(2);
  });

  test("of one answer alone concern its agent alone", async () => {
    await using stand = await openStand(prices(true));
    const run = await stand.play("fan_out", { ...input, rules: [{ each: 'answer.output.currency == "EUR"' }] });
    expect((run.output as Output).conflicts).toMatchObject([{ agents: ["oa/b"], settled_by: "clarification" }]);
    const again = stand.asked().filter(({ user }) => user.includes("What does not hold"));
    expect(again.map(({ model }) => model)).toEqual(["b"]);
    expect(again[0]?.user).not.toContain("The answer of");
  });

  test("go to a person where they are critical and stay, and what the person says reaches whoever merges", async () => {
    await using stand = await openStand(prices(false));
    const wish = { ...input, rules: [{ must: same, critical: true }], on_conflict: "human", aggregator: "oa/sum" };
    const run = await stand.play("fan_out", wish);
    expect(run.status).toBe("waiting");
    const ended = await stand.decide(run.id, "answered", "take the euros");
    expect(ended.status).toBe("succeeded");
    expect((ended.output as Output).conflicts).toMatchObject([{ settled_by: "human", note: "take the euros" }]);
    expect(stand.asked().at(-1)?.user).toContain("take the euros");
  });

  test("and rules that can never be told are refused before anybody is asked", async () => {
    await using stand = await openStand(prices(true));
    const refused = (rule: object) => stand.play("fan_out", { ...input, rules: [rule] });
    await expect(refused({ must: "answer.x" })).rejects.toMatchObject({ code: "INVALID_INPUT" });
    await expect(refused({ say: "be good" })).rejects.toMatchObject({ code: "INVALID_INPUT" });
    expect(stand.asked()).toEqual([]);
  });
});

describe("findings", () => {
  const findings = (...list: object[]) => ({ json: { findings: list } });
  const schema = { type: "object", properties: { findings: { type: "array" } }, required: ["findings"] };

  test("are told once each, the gravest first, with everybody who found them", async () => {
    const leak = { severity: "high", location: "a.ts:3", title: "Leaks a key" };
    await using stand = await openStand(({ model }: Asked) =>
      model === "sum"
        ? { text: "Merged." }
        : model === "a"
          ? findings({ severity: "low", location: "b.ts:9", title: "Long name" }, leak)
          : findings({ severity: "odd", title: "Something" }, { ...leak, severity: "critical", title: "leaks a KEY." }),
    );
    const wish = { task: "Review.", agents: ["oa/a", "oa/b"], output_schema: schema, aggregator: "oa/sum" };
    const run = await stand.play("fan_out", wish);
    expect((run.output as Output).findings).toMatchObject([
      { severity: "critical", location: "a.ts:3", found_by: ["oa/a", "oa/b"] },
      { severity: "low", found_by: ["oa/a"] },
      { severity: "odd", found_by: ["oa/b"] },
    ]);
    expect(stand.asked().at(-1)?.user).toContain("# All findings, each once, the gravest first");
  });

  test("are not looked for in answers of another form", async () => {
    await using stand = await openStand([{ reply: { text: '[{"severity":"high"}]' } }]);
    const run = await stand.play("fan_out", { task: "Review.", agents: ["oa/a", "oa/b"] });
    expect((run.output as Output).findings).toBeUndefined();
  });
});
