import { z } from "zod";
import type { JsonSchema } from "../core/provider.ts";
import { WAITS } from "./check/form.ts";
import { Definition, KINDS, type NodeKind } from "./definition.ts";

/** What a model must know beside the schema to write a workflow that is right at once. */
const GUIDE = `A workflow is a graph of named nodes. Each node has exactly one word for what it does: ${Object.keys(KINDS).join(", ")}.
Texts are Liquid templates: {{ inputs.topic }}. A text that begins with = is CEL and gives the value itself: "= nodes.plan.output.items". CEL always: when, until, where, over, value, writes, and output of map and loop.
Read: inputs.NAME; nodes.NAME.output, .status ("succeeded", "skipped", "failed"), .error; state.KEY. In a map also item and index; in a loop round (from 1) and last.NAME (what that node gave in the round before; null at first: ask with {% if last.NAME %}). In writes: output, what the node gave.
A node follows the nodes it reads and those in after; all others go on at once. There is no way back: what is repeated stands in a loop with until and max_rounds.
An agent gives a text, unless output_schema says what it gives: to read nodes.NAME.output.field, give it one. A map gives a list. A block (map, loop, race) gives what its last nodes give, or its output; from outside, read the block, not the nodes in it.
A switch takes the first case that holds; the nodes it names run only if chosen. A node is skipped where when is false, or all that it follows was skipped.
State keys are declared with a type; a node sees what the nodes before it wrote. Two nodes that may write one key at once need merge on the key.`;

const EXAMPLE = {
  name: "article",
  description: "An article that is written, judged and mended until it is good, then approved by a person",
  inputs: { topic: { type: "string" }, words: { type: "integer", default: 500 } },
  nodes: {
    outline: {
      agent: "writer",
      task: "Outline an article about {{ inputs.topic }}",
      output_schema: {
        type: "object",
        properties: { sections: { type: "array", items: { type: "string" } } },
        required: ["sections"],
      },
    },
    sections: {
      map: {
        over: "nodes.outline.output.sections",
        nodes: { section: { agent: "writer", task: "Write this section in {{ inputs.words }} words: {{ item }}" } },
      },
    },
    polish: {
      loop: {
        nodes: {
          draft: {
            agent: "writer",
            task: "Make one article of these parts.\n{{ nodes.sections.output | json }}\n{% if last.review %}Mend this: {{ last.review.problems }}{% endif %}",
          },
          review: {
            agent: "critic",
            task: "Score this article from 0 to 10.\n{{ nodes.draft.output }}",
            output_schema: {
              type: "object",
              properties: { score: { type: "number" }, problems: { type: "string" } },
              required: ["score", "problems"],
            },
          },
        },
        until: "nodes.review.output.score >= 8",
        max_rounds: 3,
        output: "nodes.draft.output",
      },
    },
    approve: { wait: { approval: "Publish this?\n{{ nodes.polish.output }}", within_seconds: 86_400 } },
  },
  output: { article: "= nodes.polish.output" },
};

const cache: { schema?: JsonSchema } = {};

/** The JSON Schema of a workflow, with all that its author must know in it. */
export function workflowSchema(): JsonSchema {
  cache.schema ??= build();
  return cache.schema;
}

function build(): JsonSchema {
  const { $schema, $defs = {}, ...top } = withoutNoise(z.toJSONSchema(Definition, { io: "input" })) as Tree;
  const [[lazy = "", nodes = {}] = []] = Object.entries($defs as Record<string, Tree>);
  const { additionalProperties, ...named } = nodes;
  const node = additionalProperties as { readonly properties: Tree };
  const wait = { ...(node.properties["wait"] as Tree), oneOf: WAITS.map((word) => needs(word)) };
  const whole = {
    $schema,
    title: "A workflow of Baton",
    description: GUIDE,
    examples: [EXAMPLE],
    ...top,
    $defs: {
      nodes: { ...named, minProperties: 1, additionalProperties: { $ref: "#/$defs/node" } },
      node: { ...node, properties: { ...node.properties, wait }, ...RULES },
    },
  };
  return JSON.parse(JSON.stringify(whole).replaceAll(`#/$defs/${lazy}`, "#/$defs/nodes"));
}

type Tree = { [name: string]: unknown };

/** Without the bounds that only say what a number can be in JavaScript. */
const withoutNoise = (schema: object): unknown =>
  JSON.parse(
    JSON.stringify(schema, (key, value) =>
      key === "maximum" && value === Number.MAX_SAFE_INTEGER ? undefined : value,
    ),
  );

const needs = (...words: readonly string[]): object =>
  words.length === 1 ? { required: words } : { anyOf: words.map((word) => ({ required: [word] })) };

/** Which words go with which: what the shapes of the words alone do not say. */
const RULES = {
  oneOf: (Object.keys(KINDS) as NodeKind[]).map((kind) => ({
    required: kind === "agent" ? ["agent", "task"] : [kind],
  })),
  dependentSchemas: {
    ...Object.fromEntries(
      [...new Set(Object.values(KINDS).flat())].map((word) => [
        word,
        needs(
          ...(Object.keys(KINDS) as NodeKind[]).filter((kind) => (KINDS[kind] as readonly string[]).includes(word)),
        ),
      ]),
    ),
    effect: needs("http", "control"),
    compensate: needs("effect"),
    verify: { required: ["effect", "http"] },
  },
};
