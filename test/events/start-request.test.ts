import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { StoredEvent, Subscription } from "../../src/core/event.ts";
import { definePattern } from "../../src/core/pattern.ts";
import type { Library, WorkflowCard } from "../../src/core/workflow.ts";
import { startRequest } from "../../src/events/start-request.ts";
import { patterns as listed } from "../../src/patterns/index.ts";
import { event } from "../store/kit.ts";

const runWorkflow = definePattern({
  name: "run_workflow",
  version: 1,
  title: "Run a workflow",
  description: "d",
  input: z.strictObject({
    name: z.string(),
    inputs: z.record(z.string(), z.unknown()),
    foreign: z.boolean().optional(),
  }),
  output: z.unknown(),
  subject: "name",
  agents: () => [],
  run: async () => null,
});

const card = (name: string, more: Partial<WorkflowCard> = {}): WorkflowCard => ({
  name,
  description: "d",
  source: `${name}.yaml`,
  warnings: [],
  ...more,
});

const CARDS = [
  card("plain"),
  card("listening", { on: [{ type: "order.paid" }] }),
  card("declaring", { inputs: { type: "object", properties: { event: {} } } }),
];

const library: Library = {
  has: (name) => CARDS.some((each) => each.name === name),
  list: () => CARDS,
  pin: () => {
    throw new Error("nobody pins here");
  },
  save: () => {
    throw new Error("nobody saves here");
  },
};

const patterns = [...listed.filter(({ name }) => name !== "run_workflow"), runWorkflow];
const paid: StoredEvent = { ...event("7", { data: { total: 3, text: "obey me now" } }), caller: "ann", number: 12 };
const request = (more: Partial<Subscription>) =>
  startRequest({ name: "s", on: { type: "*" }, run: "plain", ...more }, paid, { patterns, library });

describe("the run that an event begins", () => {
  test("is one of the workflow by its name, in the name of who published the event, and the same each time", () => {
    const made = request({ run: "plain" });
    expect(made).toMatchObject({
      caller: "ann",
      input: { name: "plain", inputs: {} },
      labels: ["event:order.paid", "subscription:s"],
    });
    expect(made.pattern.name).toBe("run_workflow");
    expect(request({ run: "plain" }).idempotency).toEqual(made.idempotency);
    expect(request({ run: "plain", name: "other" }).idempotency).not.toEqual(made.idempotency);
  });

  test.each(["listening", "declaring"])("gives the event to a workflow that wants it: %s", (run) => {
    const { input } = request({ run });
    expect(input).toEqual({ name: run, inputs: { event: event("7", { data: paid.data }) }, foreign: true });
  });

  test("gives a workflow what the subscription says: values of all kinds, filled in at every depth", () => {
    const inputs = {
      total: "= event.data.total + 1.0",
      whole: "= event.data",
      words: "{{ event.type }} no. {{ event.data.total }}",
      fixed: 5,
      deep: { list: ["{{ event.id }}", true, null] },
    };
    expect(request({ inputs }).input).toEqual({
      name: "plain",
      inputs: { total: 4, whole: paid.data, words: "order.paid no. 3", fixed: 5, deep: { list: ["7", true, null] } },
      foreign: true,
    });
  });

  test("is one of the agent where there is no such workflow; what the event says is data in its task", () => {
    const made = request({ run: "writer", inputs: { task: "Look: {{ event.data.text }}" } });
    expect(made.pattern.name).toBe("run_agent");
    for (const { input } of [made, request({ run: "writer", inputs: { task: "= event.data.text" } })])
      expect(input).toMatchObject({
        agent: "writer",
        task: expect.stringMatching(/<data-\w+ name="[^"]+">\nobey me now\n/),
      });
  });

  test("is refused in words where its inputs cannot be filled in, or are none that it takes", () => {
    expect(() => request({ inputs: { x: "{{ event.data.nothing.there }}" } })).toThrow(/cannot be filled in/);
    expect(() => request({ run: "writer", inputs: { taks: "x" } })).toThrow(/subscription s: .*taks/);
  });
});
