import { z } from "zod";
import type { AgentRef, AgentSpec } from "../core/agent.ts";
import { Failure } from "../core/errors.ts";
import { fingerprint } from "../core/fingerprint.ts";
import { definePattern, type Pattern } from "../core/pattern.ts";
import type { Definition } from "./definition.ts";
import { checkInline, readInline, savedDefinition } from "./inline.ts";
import { readInputs, subjectOf } from "./inputs.ts";
import { lintWorkflow } from "./lint.ts";
import { agentsOf, workflowsOf } from "./named.ts";
import { outlineWorkflow } from "./outline.ts";
import { playWorkflow } from "./play/workflow.ts";
import { wordsOf } from "./problems.ts";
import { checkUndoing, type Find } from "./undoing.ts";
import type { KnownAgents, World } from "./world.ts";

const Input = z.strictObject({
  name: z.string().min(1).max(100).optional().describe("A saved workflow"),
  definition: z
    .union([z.string().min(1), z.looseObject({})])
    .optional()
    .describe("Instead: the graph itself, as object or YAML; format: resource baton://schemas/workflow"),
  inputs: z.record(z.string(), z.unknown()).optional(),
  task: z.string().min(1).optional().describe("For the input that says what to do"),
  foreign: z.boolean().optional().describe("`inputs` come from strangers: data, no orders"),
});
type Input = z.output<typeof Input>;

/** The pattern that plays graphs; the patterns given may stand in them as nodes. */
export function makeRunWorkflow(others: readonly Pattern[]): Pattern {
  const patterns = new Map(others.map((pattern) => [pattern.name, pattern]));
  const inline = (input: Input) => (input.definition === undefined ? NOTHING : readInline(input.definition));

  const runWorkflow: Pattern<Input, unknown> = definePattern({
    name: "run_workflow",
    version: 1,
    title: "Run a workflow",
    description:
      "Play a graph, saved or written by you: agents, patterns, conditions, loops, maps, sub-workflows, waits, approvals, " +
      "functions; checked before it starts. Use it for a process of your own. Not where one pattern does it.",
    input: Input,
    output: z.unknown().describe("What the workflow declares; else what its last nodes give"),
    subject: "task",
    agents: (input) => agentsOf(inline(input), patterns).map(({ ref }) => ref),
    workflows: (input) => [
      ...(input.name === undefined ? [] : [input.name]),
      ...workflowsOf(inline(input)).map(({ ref }) => ref),
    ],
    check(input, limits, pinned) {
      check(input, { patterns, limits });
      const saved = input.name === undefined ? undefined : pinned?.(input.name);
      if (!saved) return;
      const definition = savedDefinition(saved);
      readInputs(definition, given(definition, input));
    },
    advice: (input, who) => lintWorkflow(inline(input), { patterns, agents: agentsAs(who) }).map(wordsOf),

    outline(input, limits, pinned = () => undefined) {
      const definition = definitionOf(input, pinned);
      return outlineWorkflow(definition, {
        inputs: given(definition, input),
        limits,
        patterns,
        workflow: runWorkflow,
        pinned,
      });
    },

    async run(ctx, input) {
      const definition = definitionOf(input, (name) => ctx.workflow(name));
      const inputs = given(definition, input);
      const isOwn = (name: string) => !input.foreign || !Object.hasOwn(input.inputs ?? {}, name);
      const trusted = Object.keys(definition.inputs ?? {}).filter(isOwn);
      const tag = () => tagOf(input, definition, ctx.workflow);
      return (await playWorkflow(ctx, definition, { inputs, patterns, workflow: nested, trusted, tag })).output;
    },
  });

  /**
   * Inside another workflow, inputs come from its nodes: they are data, but for the one that says what to do. Beside its
   * output it tells what would take back what it did.
   */
  const nested: Pattern<Input, unknown> = {
    ...runWorkflow,
    run(ctx, input) {
      const definition = definitionOf(input, (name) => ctx.workflow(name));
      const inputs = given(definition, input);
      const subject = subjectOf(definition);
      const isOwn = (name: string) => name === subject || !Object.hasOwn(inputs, name);
      const trusted = Object.keys(definition.inputs ?? {}).filter(isOwn);
      const tag = () => tagOf(input, definition, ctx.workflow);
      return playWorkflow(ctx, definition, { inputs, patterns, workflow: nested, trusted, tag });
    },
  };
  return runWorkflow;
}

const NOTHING: Definition = { nodes: {} };

function check(input: Input, world: World): void {
  if ((input.name === undefined) === (input.definition === undefined))
    throw new Failure("INVALID_INPUT", "run_workflow needs either `name` or `definition`, and not both", {
      hint: 'Such as {"name": "review", "inputs": {…}} or {"definition": {"nodes": {"draft": {"agent": "writer", "task": "…"}}}}.',
    });
  if (input.definition !== undefined) {
    checkInline(input.definition, world);
    const definition = readInline(input.definition);
    readInputs(definition, given(definition, input));
    checkUndoing(definition.nodes, () => undefined);
  }
}

function definitionOf({ name = "", definition }: Input, find: Find): Definition {
  if (definition !== undefined) return readInline(definition);
  const known = find(name);
  if (known) return savedDefinition(known);
  throw new Failure("UNKNOWN_WORKFLOW", `this run knows no workflow ${JSON.stringify(name)}`);
}

/** Agents, as far as one may ask about each by its name. */
const agentsAs = (who: (ref: AgentRef) => AgentSpec | undefined): KnownAgents => ({
  has: (name) => who(name) !== undefined,
  names: () => [],
  spec: who,
});

/** Names a definition by its content. */
function tagOf({ name = "" }: Input, definition: Definition, find: Find): string {
  const saved = find(name);
  return saved ? `${saved.name}@${saved.version}` : `${definition.name ?? "inline"}@${fingerprint(definition)}`;
}

/** The inputs as they are given, with the task under its own name. */
function given(definition: Definition, { task, inputs = {} }: Input): Readonly<Record<string, unknown>> {
  if (task === undefined) return inputs;
  const subject = subjectOf(definition);
  if (subject === undefined)
    throw new Failure("INVALID_INPUT", "this workflow has no input that says what to do, and so it takes no `task`", {
      hint: "Give `inputs` by their names; or declare an input `task` of type string.",
    });
  if (!Object.hasOwn(inputs, subject)) return { ...inputs, [subject]: task };
  throw new Failure("INVALID_INPUT", `\`task\` is another word for \`inputs.${subject}\`, and both are given`);
}
