import { describe, expect, test } from "vitest";
import { openStandIn, type StandIn } from "../../examples/stand-in.ts";
import type { StepRecord } from "../../src/core/record.ts";
import { type Heard, inputOf, openStage, type Stage } from "./stage.ts";

type Output = Readonly<Record<string, unknown>>;

/** Plays an example as its `input.json` says, but for these inputs and these words of the start. */
function play(stage: Stage, example: string, inputs: object = {}, more: object = {}): Promise<Heard> {
  const { name, inputs: said } = inputOf(example);
  return stage.play({ name, inputs: { ...said, ...inputs }, ...more });
}

/** The examples' settings, with the stand-in in the place of the systems that they write to. */
const openWith = (example: string, { origin }: StandIn): Promise<Stage> =>
  openStage(example, { BATON_HOSTS: JSON.stringify([new URL(origin).host]) });

const nodeOf = ({ place }: StepRecord): string => place.split("/").at(-1) ?? "";
const calls = (steps: readonly StepRecord[], node: string): StepRecord[] =>
  steps.filter((step) => step.kind === "call" && nodeOf(step) === node);
/** What a model was asked at a node by an agent that may use tools: the turns of its dialogues. */
const turns = (steps: readonly StepRecord[], node: string): StepRecord[] =>
  steps.filter(({ kind, place }) => kind === "call" && place.endsWith(`/${node}/turn`));
const promptOf = (step: StepRecord | undefined): string =>
  (step?.attempts[0]?.input.messages ?? []).map(({ content }) => content).join("\n");
const said = (stage: StandIn): string[] => stage.asked.map(({ what }) => what);

describe("code review", () => {
  const SLOW = { faults: [{ calls: 1, late_ms: 500 }] };

  test("three reviewers read the diff at the same time, and only then is it put together", async () => {
    await using stage = await openStage("code-review");
    const heard = await play(stage, "code-review", {}, { rehearsal: SLOW });
    const steps = await stage.steps(heard);
    const began = ["security", "logic", "style"].map((node) => calls(steps, node)[0]?.attempts[0]?.at ?? 0);
    const ended = began.map((at) => at + 500);
    expect(Math.max(...began)).toBeLessThan(Math.min(...ended));
    expect(calls(steps, "synthesis")[0]?.attempts[0]?.at).toBeGreaterThanOrEqual(Math.max(...ended));
  });

  test("findings are typed, the same one is told once, and the gravest comes first", async () => {
    await using stage = await openStage("code-review");
    const heard = await play(stage, "code-review");
    const steps = await stage.steps(heard);
    expect(promptOf(calls(steps, "synthesis")[0]).match(/src\/orders\.ts:12/g)).toHaveLength(1);
    const findings = (await stage.output(heard))["findings"] as Output[];
    expect(findings.map(({ severity }) => severity)).toEqual(["critical", "high", "medium", "low"]);
    for (const finding of findings)
      expect(Object.keys(finding)).toEqual(["severity", "location", "problem", "recommendation"]);
    expect(await stage.output(heard)).toMatchObject({ verdict: "changes needed", comment: /^- \*\*critical/ });
  });

  test("a reviewer who fails is left out, and the comment says so of itself", async () => {
    await using stage = await openStage("code-review");
    const rehearsal = { faults: [{ agent: "style-reviewer", calls: "1-9", code: "refused" }] };
    const { data } = await play(stage, "code-review", {}, { rehearsal });
    expect(data).toMatchObject({
      status: "succeeded",
      degraded: [expect.stringContaining('went on without node "style"')],
    });
  });
});

describe("competitive research", () => {
  test("the sections that cannot be compared go back with what to mend, and no others", async () => {
    await using stage = await openStage("competitive-research");
    const heard = await play(stage, "competitive-research");
    const steps = await stage.steps(heard);
    const profiles = turns(steps, "profile");
    const again = profiles.filter(({ place }) => place.includes("map.2"));
    expect([profiles.length, again.length, calls(steps, "check").length]).toEqual([6, 2, 2]);
    const [contoso = "", fabrikam = ""] = again
      .map(promptOf)
      .toSorted((a) => (a.includes("Contoso Jobs costs") ? -1 : 1));
    expect(contoso).toContain("give the price of a month, for five seats");
    expect(fabrikam).toMatch(/Fabrikam Tasks is 20 dollars.+starter plan for one seat/s);
    expect(contoso).not.toContain("starter plan for one seat");
  });

  test("what was right stays word for word, in the order of the competitors", async () => {
    await using stage = await openStage("competitive-research");
    const heard = await play(stage, "competitive-research");
    const steps = await stage.steps(heard);
    const turn = turns(steps, "profile").find((step) => promptOf(step).includes("Northwind Queue, team plan"));
    const first = steps.find(({ place }) => `${place}/turn` === turn?.place);
    const sections = (await stage.output(heard))["sections"] as Output[];
    expect(sections.map(({ competitor }) => competitor)).toEqual([
      "Northwind Queue",
      "Contoso Jobs",
      "Fabrikam Tasks",
      "Tailspin Runner",
    ]);
    expect(sections[0]?.["profile"]).toEqual(first?.value);
    expect((await stage.output(heard))["page"]).toMatch(/\| Tailspin Runner \| .* \| \$[\d.]+ a (month|year) \|/);
  });

  test("the page is published where somebody says where to", async () => {
    await using wiki = await openStandIn();
    await using stage = await openWith("competitive-research", wiki);
    const heard = await play(stage, "competitive-research", { publish_to: `${wiki.origin}/pages` });
    expect(await stage.output(heard)).toMatchObject({ published: true });
    expect(wiki.asked).toMatchObject([{ what: "POST /pages", body: { title: "queues for background jobs" } }]);
  });
});

describe("the content pipeline", () => {
  test("the draft goes back to its writer with the editor's remarks until it is accepted", async () => {
    await using blog = await openStandIn();
    await using stage = await openWith("content-pipeline", blog);
    const heard = await play(stage, "content-pipeline", {
      publish_to: `${blog.origin}/posts`,
      keywords: ["idempotency key"],
    });
    const steps = await stage.steps(heard);
    const [first, second, ...more] = calls(steps, "draft");
    expect([more.length, calls(steps, "edit").length]).toEqual([0, 2]);
    expect(promptOf(first)).not.toContain("does not say who makes the key");
    expect(promptOf(second)).toContain("does not say who makes the key");
    expect((await stage.output(heard))["text"]).toBe(second?.value);
    expect(said(blog)).toEqual(["POST /posts"]);
  });

  test("where a keyword is missing, nothing is published before a person has seen the text; theirs is published", async () => {
    await using blog = await openStandIn();
    await using stage = await openWith("content-pipeline", blog);
    const waiting = await play(stage, "content-pipeline", { publish_to: `${blog.origin}/posts` });
    expect(waiting.data).toMatchObject({ status: "waiting", waiting_for: { kind: "approval" } });
    expect([waiting.text.includes('"missing":["exactly once delivery"]'), said(blog)]).toEqual([true, []]);
    const heard = await stage.decide(waiting, "edit", { missing: [], text: "Exactly once delivery, by hand." });
    expect(heard.data).toMatchObject({ status: "succeeded" });
    expect(blog.asked).toMatchObject([{ what: "POST /posts", body: { markdown: "Exactly once delivery, by hand." } }]);
  });
});

describe("support routing", () => {
  const triaged = (topic: string) => ({
    agent: "classifier",
    calls: 1,
    answer: { topic, urgency: "normal", confidence: 0.9, reason: "." },
  });

  test.each(["billing", "technical", "returns"])("a ticket about %s is seen by that desk alone", async (topic) => {
    await using stage = await openStage("support-routing");
    const heard = await play(stage, "support-routing", {}, { rehearsal: { faults: [triaged(topic)] } });
    expect(heard.data).toMatchObject({ status: "succeeded", output: { desk: topic, escalated: false } });
    const asked = (await stage.steps(heard)).filter(({ kind }) => kind === "call").map(nodeOf);
    expect(asked).toEqual(["triage", topic, "policy"]);
  });

  test("a reply that breaks the policy waits for a person, who sends another", async () => {
    await using stage = await openStage("support-routing");
    const waiting = await play(stage, "support-routing");
    expect(waiting.text).toContain("it promises Friday, and no article gives a date");
    const heard = await stage.decide(waiting, "edit", { reply: "You will have the second 59 euros back." });
    expect(await stage.output(heard)).toMatchObject({
      escalated: true,
      reply: "You will have the second 59 euros back.",
    });
  });
});

describe("the car loan", () => {
  const PAID = [
    "GET /customers/c-17/loans/car",
    "GET /customers/c-17/accounts/savings",
    "POST /accounts/sav-3/withdrawals",
    "POST /loans/loan-7/payments",
  ];

  test("nothing is moved before a person approves, and then exactly what was approved", async () => {
    await using bank = await openStandIn();
    await using stage = await openWith("car-loan", bank);
    const waiting = await play(stage, "car-loan", { bank: bank.origin });
    expect(waiting.text).toContain('"pay":8200,"loan":"loan-7","from":"sav-3","left":3800');
    expect(said(bank).filter((what) => what.startsWith("POST"))).toEqual([]);
    const heard = await stage.decide(waiting, "approve");
    expect(await stage.output(heard)).toMatchObject({ paid: true, told: expect.stringContaining("3800 are left") });
    expect(said(bank).toSorted()).toEqual(PAID.toSorted());
    expect(bank.savings()).toBe(3800);
  });

  test("where the payment fails, the money goes back to the savings", async () => {
    await using bank = await openStandIn({ refuse: ["payments"] });
    await using stage = await openWith("car-loan", bank);
    const heard = await stage.decide(await play(stage, "car-loan", { bank: bank.origin }), "approve");
    expect(heard.data).toMatchObject({
      status: "failed",
      error: { message: expect.stringContaining("undone: withdraw") },
    });
    expect(bank.asked.at(-1)).toMatchObject({ what: "POST /accounts/sav-3/deposits", body: { amount: 8200 } });
    expect(bank.savings()).toBe(12_000);
  });

  test("where a person says no, nothing is moved", async () => {
    await using bank = await openStandIn();
    await using stage = await openWith("car-loan", bank);
    const heard = await stage.decide(await play(stage, "car-loan", { bank: bank.origin }), "reject");
    expect(heard.data).toMatchObject({ status: "failed", error: { code: "REJECTED" } });
    expect(said(bank).filter((what) => what.startsWith("POST"))).toEqual([]);
  });

  test.each([
    ["the savings do not suffice", { keep: 5000 }, {}, "do not cover the loan of 8200"],
    ["something else is wished", {}, { rehearsal: { faults: [] } }, "This is not about paying off a car loan"],
  ])("where %s, the customer is told, and nobody is asked", async (_, inputs, more, words) => {
    await using bank = await openStandIn();
    await using stage = await openWith("car-loan", bank);
    const wish = {
      faults: [{ agent: "extractor", calls: 1, answer: { action: "other", loan: "house", from: "other" } }],
    };
    const rehearsal = "rehearsal" in more ? { rehearsal: wish } : {};
    const heard = await play(stage, "car-loan", { bank: bank.origin, ...inputs }, rehearsal);
    expect(await stage.output(heard)).toMatchObject({ paid: false, told: expect.stringContaining(words) });
    expect(said(bank).filter((what) => what.startsWith("POST"))).toEqual([]);
  });
});
