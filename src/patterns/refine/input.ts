import { z } from "zod";
import { AgentRef } from "../../core/agent.ts";
import { type Condition, compileCondition } from "../../core/condition.ts";
import { Failure } from "../../core/errors.ts";
import type { Limits } from "../../core/limits.ts";
import type { Outline } from "../../core/outline.ts";
import { checkShape } from "../../core/shape.ts";
import { listed, normalised } from "../../core/texts.ts";
import { JsonObject } from "../parts.ts";

/** A refinement as it is asked for. */
export const RefineInput = z.strictObject({
  task: z.string().min(1),
  maker: AgentRef,
  critic: AgentRef,
  criteria: z
    .array(
      z.union([
        z.string().min(1).max(1000),
        z.strictObject({
          name: z.string().min(1).max(1000),
          weight: z.number().min(0.000_001).max(1_000_000).optional(),
          description: z.string().min(1).optional(),
        }),
      ]),
    )
    .min(1)
    .max(50)
    .describe("Each scored 0-1"),
  threshold: z.number().min(0).max(1).default(0.8).describe("For the weighted mean"),
  max_rounds: z.int().min(1).max(100).optional().describe("Default 5"),
  check: z
    .strictObject({
      schema: JsonObject.optional(),
      when: z.string().min(1).optional().describe("CEL over output, task"),
    })
    .optional()
    .describe("Must hold before the critic is asked"),
  on_unmet: z.enum(["report", "fail", "human"]).default("report"),
});
export type RefineInput = z.output<typeof RefineInput>;

/** What a draft is measured by. */
export interface Criterion {
  readonly name: string;
  readonly weight: number;
  readonly description?: string;
}

const ROUNDS = 5;
const VARIABLES = ["output", "task"];

export const criteriaOf = ({ criteria }: RefineInput): Criterion[] =>
  criteria.map((criterion) => {
    if (typeof criterion === "string") return { name: criterion, weight: 1 };
    const { name, weight = 1, description } = criterion;
    return { name, weight, ...(description !== undefined && { description }) };
  });

export const roundsOf = ({ max_rounds }: RefineInput, limits: Limits): number =>
  max_rounds ?? Math.min(ROUNDS, limits.rounds);

export const conditionOf = ({ check }: RefineInput): Condition | undefined =>
  check?.when === undefined ? undefined : compileCondition(check.when, VARIABLES);

/** Throws where a refinement could not go as it is asked for. */
export function checkRefine(input: RefineInput, limits: Limits): void {
  const { max_rounds = 1, check } = input;
  if (max_rounds > limits.rounds) {
    throw wrong(
      `${max_rounds} rounds are more than limits.rounds (${limits.rounds})`,
      `Give max_rounds from 1 to ${limits.rounds}, or raise limits.rounds in the settings.`,
    );
  }
  const names = criteriaOf(input).map(({ name }) => normalised(name));
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined)
    throw wrong(`two criteria say ${listed([twice])}`, "Give each criterion once, with a weight.");
  if (check && check.schema === undefined && check.when === undefined) {
    throw wrong("`check` asks for nothing", 'Give it `schema` or `when`: {"when": "size(output) < 2000"}.');
  }
  if (check?.schema) checkShape(check.schema);
  conditionOf(input);
}

const wrong = (message: string, hint: string): Failure => new Failure("INVALID_INPUT", message, { hint });

/** What a refinement is going to ask: if all goes well the first draft passes. */
export function refineOutline(input: RefineInput, limits: Limits): Outline {
  const rounds = roundsOf(input, limits);
  const bytes = Buffer.byteLength(JSON.stringify([input.task, input.criteria]));
  const loop = { kind: "call", least: 1, most: rounds, bytes } as const;
  return {
    steps: [
      { ...loop, name: "draft", agent: input.maker, after: [], reads: rounds > 1 ? ["draft", "review"] : [] },
      {
        ...loop,
        name: "review",
        agent: input.critic,
        after: ["draft"],
        reads: ["draft"],
        ...(rounds > 1 && { back: "draft" }),
      },
      ...(input.on_unmet === "human" ? [decision] : []),
    ],
  };
}

const decision = {
  name: "decision",
  kind: "wait",
  after: ["review"],
  least: 0,
  most: 1,
  bytes: 0,
  reads: ["draft", "review"],
} as const;
