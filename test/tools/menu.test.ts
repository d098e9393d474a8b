import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { afterAll, describe, expect, it } from "vitest";
import { INSTRUCTIONS } from "../../src/tools/instructions.ts";
import { rooms } from "./rooms.ts";

const whole = rooms();
const reading = rooms({ BATON_READ_ONLY: "true" });
const admin = rooms({ BATON_TOOLSETS: "[default, admin]" });
const { tools } = whole.baton;
const MANAGING = ["manage_agents", "manage_workflows", "manage_memory"];
const only = rooms({ BATON_TOOLSETS: "[admin]" });
const managing = only.baton.tools;
const LOOKING = ["get_run", "get_run_trace", "list_runs", "list_agents"];

afterAll(() => Promise.all([whole, reading, admin, only].map((one) => one.close())));

const tokens = (thing: unknown): number => encode(JSON.stringify(thing)).length;

describe("the menu of tools", () => {
  it("holds the tools of this version, always in the same order", () => {
    expect(tools.map(({ name }) => name)).toEqual([
      "run_agent",
      "run_pipeline",
      "fan_out",
      "consensus_vote",
      "debate",
      "refine",
      "supervise",
      "hand_off",
      "plan_and_execute",
      "run_workflow",
      "publish_event",
      "get_run",
      "get_run_trace",
      "list_runs",
      "control_run",
      "decide",
      "replay_run",
      "list_agents",
    ]);
  });

  it("costs a client under 5,500 tokens", () => {
    const menu = tools.map(({ name, description, inputSchema }) => tokens({ name, description, inputSchema }));
    expect(menu.reduce((sum, count) => sum + count, 0)).toBeLessThan(5500);
  });

  it("is at most 10,000 tokens with all that tools/list says", () => {
    const cards = tools.map(({ call: _, ...card }) => card);
    expect(tokens(cards)).toBeLessThanOrEqual(10_000);
  });

  it("tells a caller of every tool that starts something what every start takes", () => {
    const tail = ["context", "budget", "on_budget", "wait_seconds", "idempotency_key", "priority", "labels", "dry_run"];
    for (const { name } of whole.baton.patterns) {
      const { inputSchema } = tools.find((tool) => tool.name === name) ?? {};
      expect(Object.keys(inputSchema?.["properties"] as object), name).toEqual(expect.arrayContaining(tail));
    }
  });

  it("says of every tool when it is not the right one", () => {
    for (const { name, description } of tools) expect(description, name).toMatch(/\b(not|never)\b/i);
  });

  it("has no key in an input that is not described as an own type", () => {
    for (const { name, inputSchema } of tools) {
      expect(inputSchema, name).toMatchObject({ type: "object", additionalProperties: false });
      expect(Object.keys(inputSchema["properties"] as object).length, name).toBeGreaterThan(0);
    }
  });

  it("offers only tools that start and change nothing where it is read-only", () => {
    expect(reading.baton.tools.map(({ name }) => name)).toEqual(LOOKING);
    for (const { name, hints } of tools) expect(hints.readOnlyHint, name).toBe(LOOKING.includes(name));
  });

  it("offers the admin set to those who ask for it, and it alone where nothing else is asked for", () => {
    const names = admin.baton.tools.map(({ name }) => name);
    expect(names).toEqual([...tools.map(({ name }) => name), ...MANAGING]);
    expect(managing.map(({ name }) => name)).toEqual(MANAGING);
  });

  it("says of every tool of the admin set when it is not the right one, what it answers, and that it changes things", () => {
    for (const { name, description, hints, outputSchema } of managing) {
      expect(description, name).toMatch(/\b(not|never)\b/i);
      expect(hints.readOnlyHint, name).toBe(false);
      expect(Object.keys(outputSchema["properties"] as object), name).toContain("error");
    }
  });

  it("costs a client under 1,500 tokens more with the admin set", () => {
    const menu = managing.map(({ name, description, inputSchema }) => tokens({ name, description, inputSchema }));
    expect(menu.reduce((sum, count) => sum + count, 0)).toBeLessThan(1500);
  });
});

describe("the instructions", () => {
  it("are under 2 KB, since some clients cut the rest", () => {
    expect(Buffer.byteLength(INSTRUCTIONS)).toBeLessThan(2048);
  });

  it("name no tool that is not offered", () => {
    const named = INSTRUCTIONS.match(/\b[a-z]+_[a-z_]+\b/g) ?? [];
    const known = ["idempotency_key", "wait_seconds", "run_id", "on_budget", "dry_run"];
    for (const word of named.filter((word) => !known.includes(word)))
      expect(
        tools.map(({ name }) => name),
        word,
      ).toContain(word);
  });
});
