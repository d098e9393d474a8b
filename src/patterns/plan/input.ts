import { z } from "zod";
import { AgentRef } from "../../core/agent.ts";
import { Failure } from "../../core/errors.ts";
import type { Limits } from "../../core/limits.ts";
import { distinctNames, JsonObject } from "../parts.ts";
import { readPlan } from "./graph.ts";

/** One task of a plan. */
export const PlannedTask = z.strictObject({
  id: z.string().min(1).max(100),
  task: z.string().min(1),
  worker: z.string().min(1),
  after: z.array(z.string()).default([]),
  reads: z.array(z.string()).default([]),
  why: z.string().optional(),
});
export type PlannedTask = z.output<typeof PlannedTask>;

/** A plan as data, which a person or a model can read, change and give back. */
const Plan = z.strictObject({ tasks: z.array(PlannedTask).min(1) });

/** A goal as it is given; the shape of `plan` is that of `Plan`, and left out here to keep the menu short. */
export const PlanInput = z.strictObject({
  goal: z.string().min(1),
  planner: AgentRef.optional(),
  workers: z.array(AgentRef).min(1).optional().describe("Default: researcher, analyst, writer, coder, critic"),
  synthesiser: AgentRef.optional().describe("Joins the results"),
  validator: AgentRef.optional().describe("Judges the result; may send it back"),
  plan: JsonObject.optional().describe("Do this one, as plan_only gave it"),
  plan_only: z.boolean().optional().describe("Stop at plan, estimate, drawing"),
  max_replans: z.int().min(0).max(100).optional().describe("Default 2"),
});
export type PlanInput = z.output<typeof PlanInput>;

/** Somebody a plan can give tasks to. */
export interface Worker {
  readonly name: string;
  readonly ref: AgentRef;
  /** What a planner is told of it. */
  readonly about: string;
}

/** Everybody who has a part in a plan, and how far it may go. */
export interface Team {
  readonly goal: string;
  readonly planner: AgentRef;
  readonly workers: readonly Worker[];
  readonly synthesiser: AgentRef;
  /** Somebody was named to join the results, so one result alone is put to it as well. */
  readonly isJoined: boolean;
  readonly validator: AgentRef | undefined;
  readonly replans: number;
  /** The most tasks of one plan. */
  readonly most: number;
}

const REPLANS = 2;
const PLANNER = "planner";
const SYNTHESISER = "synthesiser";
const WORKERS: readonly Worker[] = [
  { name: "researcher", ref: "researcher", about: "gathers facts, with where they come from" },
  { name: "analyst", ref: "analyst", about: "tells what facts and figures mean" },
  { name: "writer", ref: "writer", about: "writes and rewrites texts" },
  { name: "coder", ref: "coder", about: "writes and mends code" },
  { name: "critic", ref: "critic", about: "finds what is wrong or missing in one piece of work, and how to mend it" },
];
const SHOWN = 500;

export const teamOf = (input: PlanInput, limits: Limits): Team => ({
  goal: input.goal,
  planner: input.planner ?? PLANNER,
  workers: input.workers ? workersOf(input.workers) : WORKERS,
  synthesiser: input.synthesiser ?? SYNTHESISER,
  isJoined: input.synthesiser !== undefined,
  validator: input.validator,
  replans: input.max_replans ?? Math.min(REPLANS, limits.rounds),
  most: 2 * limits.width,
});

function workersOf(refs: readonly AgentRef[]): Worker[] {
  const names = distinctNames(refs);
  return refs.map((ref, index) => ({
    name: names[index] ?? "",
    ref,
    about: typeof ref === "string" ? "" : (ref.instructions ?? "").slice(0, SHOWN),
  }));
}

/** Everybody a plan may ask. */
export const planAgents = ({ planner, workers, synthesiser, validator }: PlanInput): AgentRef[] => [
  planner ?? PLANNER,
  ...(workers ?? WORKERS.map(({ ref }) => ref)),
  synthesiser ?? SYNTHESISER,
  ...(validator === undefined ? [] : [validator]),
];

/** Throws where the limits do not allow it, or a plan that was given could not be done. */
export function checkPlanInput(input: PlanInput, limits: Limits): void {
  const { workers = [], max_replans = 0 } = input;
  if (workers.length > limits.width) {
    throw new Failure("WIDTH_EXCEEDED", `${workers.length} workers are more than limits.width (${limits.width})`, {
      hint: "Name fewer, or raise limits.width in the settings.",
    });
  }
  if (max_replans > limits.rounds) {
    throw new Failure("INVALID_INPUT", `${max_replans} re-plans are more than limits.rounds (${limits.rounds})`, {
      hint: `Give max_replans from 0 to ${limits.rounds}, or raise limits.rounds in the settings.`,
    });
  }
  givenPlan(input, teamOf(input, limits));
}

/** The tasks of a plan that was given, if one was; throws where it cannot be done. */
export function givenPlan({ plan }: PlanInput, team: Team): readonly PlannedTask[] | undefined {
  if (!plan) return undefined;
  const read = Plan.safeParse(plan);
  if (!read.success) throw wrongPlan(z.prettifyError(read.error));
  const { problems, tasks } = readPlan(read.data.tasks, team, []);
  if (problems.length > 0) throw wrongPlan(problems.join("; "));
  return tasks;
}

const wrongPlan = (why: string): Failure =>
  new Failure("INVALID_INPUT", `the plan cannot be done: ${why}`, {
    hint: 'Mend it, or leave `plan` out and have one made. Such as {"tasks": [{"id": "facts", "task": "…", "worker": "writer"}, {"id": "text", "task": "…", "worker": "writer", "reads": ["facts"]}]}.',
  });
