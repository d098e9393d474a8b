import type { AgentSpec } from "../../src/core/agent.ts";
import { DEFAULT_LIMITS } from "../../src/core/settings.ts";
import { patterns } from "../../src/patterns/index.ts";
import type { Definition } from "../../src/workflows/definition.ts";
import { parseWorkflow } from "../../src/workflows/read.ts";
import { knownAgents, type World } from "../../src/workflows/world.ts";

const spec = (name: string, system: string): AgentSpec => ({
  name,
  version: "1",
  description: `It is a ${name}`,
  system,
  models: ["a/b"],
  max_output_tokens: 100,
  source: "test",
});

const AGENTS: Readonly<Record<string, string>> = {
  writer: "You write clear and short texts for people who have little time.",
  critic: "You find what is wrong in a text and say how it can be mended.",
  judge: "You decide between two answers by the rules that you are given and by nothing else.",
  scribe: "You write clear and short texts for people who have very little time.",
};

/** A world with a few agents, all patterns, and these saved workflows. */
export function worldOf(saved: Readonly<Record<string, string>> = {}): World {
  const workflows = new Map(Object.entries(saved).map(([name, text]) => [name, definitionOf(text)]));
  return {
    patterns: new Map(patterns.map((pattern) => [pattern.name, pattern])),
    limits: DEFAULT_LIMITS,
    agents: knownAgents(new Map(Object.entries(AGENTS).map(([name, system]) => [name, spec(name, system)]))),
    workflows: { names: () => workflows.keys(), definition: (name) => workflows.get(name) },
  };
}

/** A definition whose form is right. */
function definitionOf(text: string): Definition {
  const { definition, problems } = parseWorkflow(text);
  if (!definition) throw new Error(JSON.stringify(problems));
  return definition;
}

/** A text without its mark `«`, and the line and column where that stood. */
export function marked(text: string): { text: string; at: string } {
  const before = text.slice(0, text.indexOf("«")).split("\n");
  return { text: text.replace("«", ""), at: `${before.length}:${(before.at(-1) ?? "").length + 1}` };
}
