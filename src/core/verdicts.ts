import { compileCondition } from "./condition.ts";
import { Failure } from "./errors.ts";
import { escapeName } from "./place.ts";
import { misfit } from "./shape.ts";

/** What somebody made passed a gate, or did not. */
export interface Verdict {
  /** `name@version` of who made it. */
  readonly agent: string;
  readonly passed: boolean;
}

/** An answer as a run remembers it, in the order of the run. */
export interface Answered {
  readonly place: string;
  readonly agent: string;
  readonly value: unknown;
}

type Json = Readonly<Record<string, unknown>>;

/** Somebody makes something at one step, and somebody judges it at another; code may judge before. */
interface Gate {
  readonly made: string;
  readonly judged?: string;
  /** Does it pass, as the judge's answer has it? */
  readonly passes?: (judgement: Json) => boolean;
  readonly schema?: Json;
  readonly when?: string;
  readonly task?: unknown;
}

/** Has such a run gates at all? Where it has none, its answers need not be read. */
export const hasGates = (pattern: string, input: unknown): boolean => gatesOf(pattern, input).length > 0;

/**
 * What the gates of a run said of what was made in it: the critics of a pipeline, the threshold of a refinement, the
 * validator of a plan, and schemas and conditions that can be told from what was made alone.
 */
export function verdictsOf(pattern: string, input: unknown, answers: readonly Answered[]): Verdict[] {
  return gatesOf(pattern, input).flatMap((gate) => {
    const made = answers.flatMap((answer, at) => (isAt(answer, gate.made) ? [{ answer, at }] : []));
    return made.flatMap(({ answer, at }, nth) => {
      const until = made[nth + 1]?.at ?? answers.length;
      const judgement = answers
        .slice(at + 1, until)
        .find((other) => gate.judged !== undefined && isAt(other, gate.judged));
      const passed = verdict(gate, answer.value, judgement?.value);
      return passed === undefined ? [] : [{ agent: answer.agent, passed }];
    });
  });
}

/** Is it the n-th use of this name, at the top of the run? */
function isAt({ place }: Answered, name: string): boolean {
  const escaped = escapeName(name);
  return place === escaped || (place.startsWith(`${escaped}.`) && /^\d+$/.test(place.slice(escaped.length + 1)));
}

function verdict(gate: Gate, made: unknown, judgement: unknown): boolean | undefined {
  if (gate.passes && isObject(judgement)) return gate.passes(judgement);
  const plain = [gate.schema && fits(made, gate.schema), gate.when === undefined ? undefined : holds(gate, made)];
  if (plain.includes(false)) return false;
  return gate.judged === undefined && plain.includes(true) && (gate.when === undefined || plain[1]) ? true : undefined;
}

function fits(made: unknown, schema: Json): boolean {
  return misfit(made, schema) === undefined || (typeof made === "string" && misfit(jsonOf(made), schema) === undefined);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text.trim().replace(/^```\w*\s*|\s*```$/g, ""));
  } catch {
    return text;
  }
}

/** Undefined where it reads more than what was made and the task. */
function holds({ when = "", task }: Gate, output: unknown): boolean | undefined {
  try {
    const condition = compileCondition(when, ["output", "task", "steps"]);
    if (condition.paths.some(([first]) => first === "steps")) return undefined;
    return condition.holds({ output, task, steps: {} });
  } catch (error) {
    if (error instanceof Failure) return error.code === "GATE_FAILED" ? false : undefined;
    throw error;
  }
}

function gatesOf(pattern: string, input: unknown): Gate[] {
  if (!isObject(input)) return [];
  if (pattern === "run_pipeline") return pipelineGates(input);
  if (pattern === "refine") return [refineGate(input)];
  return pattern === "plan_and_execute" && input["validator"] !== undefined ? [PLAN] : [];
}

const PLAN: Gate = { made: "synthesis", judged: "validation", passes: ({ ok }) => ok === true };
const STEP_THRESHOLD = 0.7;

/** Of steps that can be told apart by their own names. */
function pipelineGates({ steps, task }: Json): Gate[] {
  const all = Array.isArray(steps) ? steps.filter(isObject) : [];
  const names = all.map(({ name, agent }) => name ?? (isObject(agent) ? agent["agent"] : agent));
  return all.flatMap(({ gate }, nth) => {
    const made = names[nth];
    if (!isObject(gate) || typeof made !== "string" || names.indexOf(made) !== names.lastIndexOf(made)) return [];
    const { critic, threshold, schema, when } = gate;
    const least = typeof threshold === "number" ? threshold : STEP_THRESHOLD;
    const isJudged = critic !== undefined || threshold !== undefined;
    return {
      made,
      task,
      ...(isJudged && { judged: `${made}-gate`, passes: ({ score }: Json) => Number(score) >= least }),
      ...(isObject(schema) && { schema }),
      ...(typeof when === "string" && { when }),
    };
  });
}

function refineGate({ criteria, threshold, check, task }: Json): Gate {
  const weights = (Array.isArray(criteria) ? criteria : []).map((one) =>
    isObject(one) ? Number(one["weight"] ?? 1) : 1,
  );
  const { schema, when } = isObject(check) ? check : {};
  return {
    made: "draft",
    judged: "review",
    task,
    passes: (scores) => meanOf(scores, weights) >= Number(threshold ?? 0.8),
    ...(isObject(schema) && { schema }),
    ...(typeof when === "string" && { when }),
  };
}

/** The weighted mean to a millionth, as a refinement takes it. */
function meanOf(scores: Json, weights: readonly number[]): number {
  const whole = weights.reduce((sum, weight) => sum + weight, 0);
  const sum = weights.reduce((total, weight, index) => {
    const one = scores[`criterion_${index + 1}`];
    const score = isObject(one) ? Number(one["score"]) : 0;
    return total + weight * Math.min(1, Math.max(0, Number.isFinite(score) ? score : 0));
  }, 0);
  return Math.round((sum / whole) * 1_000_000) / 1_000_000;
}

const isObject = (value: unknown): value is Json =>
  value !== null && typeof value === "object" && !Array.isArray(value);
