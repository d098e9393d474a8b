import { z } from "zod";
import { AgentRef, refName } from "../../core/agent.ts";
import { type Condition, compileCondition } from "../../core/condition.ts";
import { Failure } from "../../core/errors.ts";
import { Budget, type Limits, RetryPolicy } from "../../core/limits.ts";
import { nearest } from "../../core/nearest.ts";
import { checkShape } from "../../core/shape.ts";
import { listed } from "../../core/texts.ts";
import { freeName, instructed, JsonObject } from "../parts.ts";
import { checkReading, Read, type Reading, readingOf } from "./reading.ts";

const Gate = z.strictObject({
  schema: JsonObject.optional(),
  when: z.string().min(1).optional().describe("CEL over output, task, steps"),
  critic: AgentRef.optional().describe("Scores 0-1"),
  threshold: z.number().min(0).max(1).optional().describe("Default 0.7"),
});

export const Step = z.strictObject({
  agent: AgentRef,
  instructions: z.string().min(1).max(100_000).optional(),
  name: z.string().min(1).max(100).optional().describe("Default: the agent's"),
  reads: z.array(Read).optional().describe("Further steps whose output it sees"),
  gate: Gate.optional(),
  back_to: z.string().optional().describe("Step (or itself) to redo with the reasons if the gate fails"),
  max_rounds: z.int().min(1).max(100).optional().describe("Default 5"),
  output_schema: JsonObject.optional(),
  budget: Budget.optional(),
  timeout_seconds: z.number().positive().max(86_400).optional(),
  retry: RetryPolicy.partial().optional(),
  fallback: z.array(AgentRef).max(10).optional(),
  cache: z.strictObject({ ttl: z.number().positive().max(31_536_000) }).optional(),
  on_error: z.enum(["fail", "skip", "fallback", "back_to", "human"]).optional(),
});
export type Step = z.output<typeof Step>;

const ROUNDS = 5;
const THRESHOLD = 0.7;
const VARIABLES = ["output", "task", "steps"];

/** A step with everything that was left unsaid. */
export interface Planned {
  readonly step: Step;
  /** Unlike that of every other step. */
  readonly name: string;
  readonly agent: AgentRef;
  readonly reads: readonly Reading[];
  readonly when: Condition | undefined;
  readonly critic: { readonly agent: AgentRef; readonly threshold: number } | undefined;
  /** Where it goes on when its gate fails, and how often it may be judged; absent: nowhere. */
  readonly back: { readonly to: number; readonly rounds: number } | undefined;
}

export function planned(steps: readonly Step[]): Planned[] {
  const names = namesOf(steps);
  return steps.map((step, index) => ({
    step,
    name: names[index] ?? refName(step.agent),
    agent: instructed(step.agent, step.instructions),
    reads: (step.reads ?? []).map(readingOf),
    when: step.gate?.when === undefined ? undefined : compileCondition(step.gate.when, VARIABLES),
    critic: criticOf(step),
    back: backOf(step, index, names),
  }));
}

/** Names that were given stand; a step without one is called after its agent, with a number where that is taken. */
function namesOf(steps: readonly Step[]): string[] {
  const used = new Set(steps.flatMap(({ name }) => (name === undefined ? [] : [name])));
  return steps.map(({ name, agent }) => {
    const own = name ?? freeName(refName(agent), used);
    used.add(own);
    return own;
  });
}

function criticOf({ gate }: Step): Planned["critic"] {
  if (gate?.critic === undefined && gate?.threshold === undefined) return undefined;
  return { agent: gate.critic ?? "critic", threshold: gate.threshold ?? THRESHOLD };
}

/** The boundary of a retry is explicit: a step is done again only where `back_to` or `max_rounds` says so. */
function backOf(step: Step, index: number, names: readonly string[]): Planned["back"] {
  if (step.back_to === undefined && step.max_rounds === undefined) return undefined;
  const to = step.back_to === undefined ? index : names.indexOf(step.back_to);
  return { to, rounds: step.max_rounds ?? ROUNDS };
}

/** Everybody a pipeline may ask. */
export const agentsOf = (steps: readonly Step[]): AgentRef[] =>
  steps.flatMap((step) => {
    const critic = criticOf(step);
    const readers = (step.reads ?? []).flatMap((read) => readingOf(read).summary?.by ?? []);
    const own = instructed(step.agent, step.instructions);
    return [own, ...(step.fallback ?? []), ...readers, ...(critic ? [critic.agent] : [])];
  });

/** Throws where steps name each other wrongly, or a gate can never be judged. */
export function checkSteps(steps: readonly Step[], limits: Limits): void {
  const names = namesOf(steps);
  for (const [index, step] of steps.entries()) {
    const name = names[index] ?? "";
    const before = names.slice(0, index);
    if (names.indexOf(name) < index)
      throw wrong(`two steps are called ${listed([name])}`, "Give each step its own `name`.");
    for (const read of (step.reads ?? []).map(readingOf)) {
      checkName("reads", read.step, name, before);
      checkReading(read);
    }
    if (step.back_to !== undefined) checkName("back_to", step.back_to, name, [...before, name]);
    checkStep(step, name);
    const rounds = backOf(step, index, names)?.rounds ?? 1;
    if (rounds > limits.rounds) {
      throw wrong(
        `step ${listed([name])} may take ${rounds} rounds, which is more than limits.rounds (${limits.rounds})`,
        `Give max_rounds from 1 to ${limits.rounds}, or raise limits.rounds in the settings.`,
      );
    }
  }
}

function checkStep(step: Step, name: string): void {
  const { gate, output_schema, on_error, back_to, max_rounds, fallback } = step;
  if (output_schema) checkShape(output_schema);
  if (gate?.schema) checkShape(gate.schema);
  if (gate?.when !== undefined) compileCondition(gate.when, VARIABLES);
  if (gate && Object.values(gate).every((part) => part === undefined)) {
    throw wrong(
      `the gate of step ${listed([name])} asks for nothing`,
      'Give it `schema`, `when` or `critic`: {"critic": "critic"}.',
    );
  }
  if (on_error === "back_to" && back_to === undefined) {
    throw wrong(
      `step ${listed([name])} has on_error "back_to" but no \`back_to\``,
      `Such as "back_to": ${listed([name])}.`,
    );
  }
  if (on_error === "fallback" && !fallback?.length) {
    throw wrong(
      `step ${listed([name])} has on_error "fallback" but no \`fallback\``,
      'Such as "fallback": ["writer"].',
    );
  }
  if ((back_to ?? max_rounds) !== undefined && !gate && on_error !== "back_to") {
    throw wrong(
      `step ${listed([name])} has \`back_to\` or \`max_rounds\` but nothing that sends it back`,
      'Give it a `gate`, or on_error: "back_to".',
    );
  }
}

function checkName(key: "reads" | "back_to", given: string, step: string, allowed: readonly string[]): void {
  if (allowed.includes(given)) return;
  const [near] = nearest(given, allowed);
  const which = allowed.length === 0 ? "there is none before it" : `it can name ${listed(allowed)}`;
  throw wrong(
    `\`${key}\` of step ${listed([step])} names ${listed([given])}, which is no step ${key === "reads" ? "before it" : "up to it"}; ${which}`,
    near === undefined ? `Leave out \`${key}\`, or put that step earlier.` : `Did you mean ${listed([near])}?`,
  );
}

const wrong = (message: string, hint: string): Failure => new Failure("INVALID_INPUT", message, { hint });
