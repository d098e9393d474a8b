import { describe, expect, it } from "vitest";
import { z } from "zod";
import { exampleOf } from "../../src/agents/providers/pattern-text.ts";
import { RehearsalProvider } from "../../src/agents/providers/rehearsal.ts";
import { Failure } from "../../src/core/errors.ts";
import type {
  JsonSchema,
  Media,
  Message,
  ModelReply,
  ModelRequest,
  RehearsalPlan,
  ToolSpec,
} from "../../src/core/provider.ts";
import { misfit } from "../../src/core/shape.ts";
import { hooks, request } from "./asking.ts";

const rehearsal = new RehearsalProvider();
const PLAN = `The migration moves all users in one night. Nobody has tested the rollback of the migration.
The rollback needs the old schema. The team likes coffee.`;
const asking = { messages: [{ role: "user" as const, content: PLAN }] };

describe("plain answers", () => {
  it("it says that it rehearses, and answers from the text it was given", async () => {
    const { text, usd, stop } = await rehearsal.complete(request(asking), hooks());
    expect(text).toMatch(/^Rehearsal/);
    expect(text).toContain("Nobody has tested the rollback of the migration.");
    expect({ usd, stop }).toEqual({ usd: 0, stop: "end" });
  });

  it("the same question has the same answer and the same count of tokens", async () => {
    const [a, b] = await Promise.all([1, 2].map(() => rehearsal.complete(request(asking), hooks())));
    expect(a).toEqual(b);
    expect(a!.tokens.input).toBeGreaterThan(20);
    expect(a!.tokens.input).toBeLessThan(rehearsal.bound(request(asking)));
  });

  it("it keeps to the most output it may make, and says that it was cut", async () => {
    const reply = await rehearsal.complete(request({ ...asking, max_output_tokens: 5 }), hooks());
    expect(reply.tokens.output).toBeLessThanOrEqual(5);
    expect(reply.stop).toBe("length");
  });

  it("an empty question and one of only signs have an answer too", async () => {
    for (const content of ["", "?!… ///", "\u0000\ud800"]) {
      const reply = await rehearsal.complete(request({ messages: [{ role: "user", content }] }), hooks());
      expect(reply.text).toMatch(/^Rehearsal/);
    }
  });
});

const SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  vote: z.toJSONSchema(
    z.strictObject({ choice: z.enum(["ship", "wait"]), confidence: z.number().min(0).max(1), reason: z.string() }),
  ),
  "nested lists": z.toJSONSchema(
    z.object({ items: z.array(z.object({ name: z.string().min(3).max(8), tags: z.array(z.string()).min(3) })).min(2) }),
  ),
  "a union": z.toJSONSchema(
    z.discriminatedUnion("kind", [
      z.strictObject({ kind: z.literal("text"), text: z.string() }),
      z.strictObject({ kind: z.literal("none") }),
    ]),
  ),
  optional: z.toJSONSchema(
    z.strictObject({ a: z.string().optional(), b: z.int().nullable(), c: z.boolean().default(false) }),
  ),
  recursive: {
    $ref: "#/$defs/node",
    $defs: {
      node: {
        type: "object",
        properties: { name: { type: "string" }, children: { type: "array", items: { $ref: "#/$defs/node" } } },
        required: ["name", "children"],
      },
    },
  },
  "linked list": {
    type: "object",
    properties: { value: { type: "integer" }, next: { anyOf: [{ $ref: "#" }, { type: "null" }] } },
    required: ["value", "next"],
  },
  "all of": {
    allOf: [
      { type: "object", properties: { a: { type: "string" } }, required: ["a"] },
      { type: "object", properties: { b: { type: "number" } }, required: ["b"] },
    ],
  },
  numbers: {
    type: "object",
    properties: {
      n: { type: "integer", minimum: -5, maximum: -3 },
      m: { type: "number", exclusiveMinimum: 2, exclusiveMaximum: 2.5 },
      s: { type: "integer", multipleOf: 7, minimum: 10, maximum: 20 },
      t: { type: "number", minimum: 100 },
      u: { type: "number", maximum: -100 },
    },
    required: ["n", "m", "s", "t", "u"],
  },
  formats: {
    type: "object",
    properties: Object.fromEntries(
      ["date", "time", "date-time", "email", "uri", "uuid", "ipv4", "ipv6", "hostname", "duration"].map((format) => [
        format,
        { type: "string", format },
      ]),
    ),
    required: ["date", "uuid"],
  },
  "unique, contained, and tuples": {
    type: "object",
    properties: {
      u: { type: "array", items: { enum: ["a", "b", "c"] }, uniqueItems: true, minItems: 3 },
      c: { type: "array", contains: { const: 7 } },
      t: { type: "array", prefixItems: [{ type: "integer" }, { type: "string" }], items: false, minItems: 2 },
    },
    required: ["u", "c", "t"],
  },
  "names that are not listed": { type: "object", minProperties: 3, additionalProperties: { type: "integer" } },
  "required without a property": { type: "object", required: ["x"] },
  "a list at the root": { type: "array", items: { type: "string", maxLength: 5 }, minItems: 4 },
  "a number at the root": { type: "number" },
  patterns: { type: "object", properties: { id: { type: "string", pattern: "^[A-Z]{3}-\\d{4}$" } }, required: ["id"] },
  anything: {},
  "types in a list": { type: "object", properties: { a: { type: ["null", "string"] } }, required: ["a"] },
};

describe("answers in a shape", () => {
  it.each(Object.entries(SCHEMAS))("%s: the answer fits", async (_, shape) => {
    const { text, mode } = await rehearsal.complete(request({ ...asking, shape, max_output_tokens: 10_000 }), hooks());
    expect(misfit(JSON.parse(text), shape)).toBeUndefined();
    expect(mode).toBe("schema");
  });

  it("its strings say that it is a rehearsal", async () => {
    const { text } = await rehearsal.complete(request({ ...asking, shape: SCHEMAS["vote"]! }), hooks());
    expect(JSON.parse(text)).toMatchObject({ reason: expect.stringMatching(/^Rehearsal/) });
  });

  it("votes differ between voters and stay what they are for each", async () => {
    const vote = async (system: string) => {
      const { text } = await rehearsal.complete(request({ ...asking, system, shape: SCHEMAS["vote"]! }), hooks());
      return (JSON.parse(text) as { choice: string }).choice;
    };
    const voters = Array.from({ length: 20 }, (_, i) => `You are voter ${i}.`);
    const votes = await Promise.all(voters.map(vote));
    expect(new Set(votes)).toEqual(new Set(["ship", "wait"]));
    expect(await Promise.all(voters.map(vote))).toEqual(votes);
  });

  it.each([
    "^[a-z0-9-]+$",
    "^\\d{4}-\\d{2}$",
    "^(yes|no)$",
    "^v\\d+\\.\\d+$",
    "^[^@]+@[^@]+$",
    "^#[0-9a-f]{6}$",
    "^.{5}$",
  ])("a text is found for the pattern %s", (pattern) => expect(exampleOf(pattern)).toMatch(new RegExp(pattern, "u")));
});

describe("tools", () => {
  const READ: ToolSpec = {
    name: "files_read",
    description: "Reads one file of the migration.",
    input: {
      type: "object",
      properties: { path: { type: "string", maxLength: 20 }, lines: { type: "integer", minimum: 1, maximum: 5 } },
      required: ["path", "lines"],
    },
  };
  const tools: ToolSpec[] = [{ name: "mail_send", description: "Sends.", input: { type: "object" } }, READ];
  const ask = (more: Partial<ModelRequest> = {}) => rehearsal.complete(request({ ...asking, tools, ...more }), hooks());
  const followed = (reply: ModelReply): Message[] => [
    ...asking.messages,
    { role: "assistant", content: reply.text, ...(reply.uses && { uses: reply.uses }) },
    {
      role: "user",
      content: "",
      results: (reply.uses ?? []).map(({ id }) => ({ id, content: "The rollback was tested on Monday. All is well." })),
    },
  ];

  it("it calls the tool that has most to do with the task, once, with arguments of its schema, and says so", async () => {
    const reply = await ask();
    expect(reply).toMatchObject({ stop: "tools", uses: [{ name: "files_read" }] });
    expect(misfit(reply.uses![0]!.arguments, READ.input)).toBeUndefined();
    expect(reply.text).toMatch(/^Rehearsal, no model was asked\. It would call "files_read"/);
    expect(await ask()).toEqual(reply);
  });

  it("it answers from what the tool gave", async () => {
    const reply = await ask({ messages: followed(await ask()) });
    expect(reply).toMatchObject({ stop: "end" });
    expect(reply.text).toContain("From what its tools gave: The rollback was tested on Monday.");
    const shaped = await ask({ messages: followed(await ask()), shape: SCHEMAS["vote"]! });
    expect(misfit(JSON.parse(shaped.text), SCHEMAS["vote"]!)).toBeUndefined();
  });

  it("where an answer is due it answers, whatever the plan wants called", async () => {
    expect((await ask({ must_answer: true })).stop).toBe("end");
    const rehearsed = { faults: [{ calls: 1, uses: [{ name: "files_read" }] }] };
    expect((await ask({ must_answer: true, rehearsal: rehearsed })).stop).toBe("end");
  });

  it("the plan says what is wanted called, turn by turn, and also how that is broken", async () => {
    const uses = [{ name: "mail_send", arguments: { to: "a" } }, { name: "no_such" }];
    const faults: RehearsalPlan["faults"] = [
      { calls: 2, uses },
      { calls: 3, uses: [{ name: "mail_send" }], malformed: true },
      { calls: 4, uses, truncated: true },
    ];
    const messages = followed(await ask());
    const turn = (nth: number) => ask({ messages, nth, rehearsal: { faults } });
    expect((await turn(2)).uses).toMatchObject([
      { name: "mail_send", arguments: { to: "a" } },
      { name: "no_such", arguments: {} },
    ]);
    expect((await turn(3)).uses).toMatchObject([{ name: "mail_send", arguments: '{"broken": [' }]);
    expect(await turn(4)).toMatchObject({ stop: "length" });
    expect((await turn(5)).stop).toBe("end");
    const answer = { rehearsal: { faults: [{ calls: 1, answer: "No." }] } };
    expect(await ask(answer)).toMatchObject({ stop: "end", text: expect.stringContaining("No.") });
  });

  it("a picture is taken, and it says that it has not looked", async () => {
    const media: Media[] = [{ type: "image/png", data: "AAAA" }];
    const messages = [{ ...asking.messages[0]!, media }];
    const { text } = await rehearsal.complete(request({ messages }), hooks());
    expect(text).toContain("1 picture or document was given and not looked at.");
  });

  it("what it counts is less than its bound", async () => {
    const messages = followed(await ask());
    const whole = request({ messages, tools });
    expect((await rehearsal.complete(whole, hooks())).tokens.input).toBeLessThan(rehearsal.bound(whole));
  });
});

describe("failing on purpose", () => {
  const plan = (fault: RehearsalPlan["faults"][number]) => ({ ...asking, rehearsal: { faults: [fault] } });

  it("an answer of the plan is given instead, in the form asked for, and a plain one says where it is from", async () => {
    const scripted = plan({ agent: "critic", calls: 1, answer: { score: 0.2, reason: "no rollback" } });
    const shape = { type: "object", properties: { score: { type: "number" } } };
    const first = await rehearsal.complete(request({ ...scripted, shape }), hooks());
    expect(JSON.parse(first.text)).toEqual({ score: 0.2, reason: "no rollback" });
    const second = await rehearsal.complete(request({ ...scripted, shape, nth: 2 }), hooks());
    expect(JSON.parse(second.text).score).not.toBe(0.2);
    const { text } = await rehearsal.complete(request(plan({ calls: 1, answer: "No." })), hooks());
    expect(text).toBe("Rehearsal, no model was asked. As the rehearsal plan says: No.");
  });

  it("the counted calls of the named agent fail, and no others", async () => {
    const faulty = plan({ agent: "critic", calls: "2-3", code: "overloaded" });
    const outcome = async (agent: string, nth: number) =>
      rehearsal.complete(request({ ...faulty, agent, nth }), hooks()).then(
        () => "ok",
        (failure: Failure) => failure.code,
      );
    const critic = await Promise.all([1, 2, 3, 4].map((nth) => outcome("critic", nth)));
    expect(critic).toEqual(["ok", "OVERLOADED", "OVERLOADED", "ok"]);
    expect(await outcome("writer", 2)).toBe("ok");
  });

  it.each(["rate_limited", "timeout", "network", "unauthorized", "quota_exhausted"] as const)("%s", async (code) => {
    const call = rehearsal.complete(request(plan({ calls: 1, code })), hooks());
    await expect(call).rejects.toMatchObject({ code: code.toUpperCase(), options: { billed: "nothing" } });
  });

  it("a refusal is an answer", async () => {
    const reply = await rehearsal.complete(request(plan({ calls: 1, code: "refused" })), hooks());
    expect(reply.stop).toBe("refusal");
  });

  it("a malformed answer is no JSON, and a truncated one says that it was cut", async () => {
    const shape = SCHEMAS["vote"]!;
    const malformed = await rehearsal.complete(request({ ...plan({ calls: 1, malformed: true }), shape }), hooks());
    expect(() => JSON.parse(malformed.text)).toThrow();
    const truncated = await rehearsal.complete(request({ ...plan({ calls: 1, truncated: true }), shape }), hooks());
    expect(truncated.stop).toBe("length");
    expect(() => JSON.parse(truncated.text)).toThrow();
  });

  it("a late answer can be aborted, and says why it was", async () => {
    const controller = new AbortController();
    const late = request(plan({ calls: 1, late_ms: 3_600_000 }));
    const call = rehearsal.complete(late, { signal: controller.signal, beat() {} });
    controller.abort(new Failure("DEADLINE_EXCEEDED", "the step's time is over"));
    await expect(call).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
  });
});
