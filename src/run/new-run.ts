import { randomBytes } from "node:crypto";
import type { Desk } from "../core/desk.ts";
import type { StartRequest } from "../core/engine.ts";
import { Failure } from "../core/errors.ts";
import type { Budget, Limits } from "../core/limits.ts";
import type { RehearsalPlan } from "../core/provider.ts";
import { runIdOf } from "../core/run-id.ts";
import type { NewRun, RunCaps, WorkerIdentity } from "../core/store.ts";
import type { Library } from "../core/workflow.ts";
import { capsOf } from "./caps.ts";
import { withMaterial } from "./material.ts";
import { pinned } from "./pins.ts";

/** What must be at hand to make a run. */
export interface NewRunParts {
  readonly desk: Desk;
  readonly library?: Library;
  readonly limits: Limits;
  readonly budgets: {
    readonly run: Budget;
    readonly run_max: Budget;
    readonly explicit: Readonly<Partial<Record<"run" | "run_max", boolean>>>;
  };
  readonly identity: Pick<WorkerIdentity, "id">;
  readonly rehearsal?: RehearsalPlan;
}

/** A run by what is known now of versions, in whatever process they were kept or chosen. */
export async function freshRun(request: StartRequest, options: NewRunParts): Promise<NewRun> {
  await options.desk.fresh();
  return newRun(request, options);
}

/** Checks a request and pins what it begins with; throws where it cannot be begun. */
function newRun(request: StartRequest, options: NewRunParts): NewRun {
  const { pattern, input, caller, material, bodies } = request;
  pattern.check?.(input, options.limits);
  const { catalogue, needs } = pinned({ ...request, pattern: withMaterial(pattern, material) }, options);
  if (catalogue.workflows) pattern.check?.(input, options.limits, (name) => catalogue.workflows?.[name]);
  const rehearsal = request.rehearsal ?? options.rehearsal;
  return {
    id: newId(),
    pattern: pattern.name,
    pattern_version: pattern.version,
    input,
    caller,
    caps: capsOfRun(request.budget, options),
    on_budget: request.on_budget ?? "fail",
    priority: request.priority ?? 0,
    labels: request.labels ?? [],
    catalogue,
    seed: randomBytes(8).toString("hex"),
    needs,
    preferred: options.identity.id,
    ...(rehearsal && { rehearsal }),
    ...(request.idempotency && { idempotency: request.idempotency }),
    ...(material && { material }),
    ...(bodies && { bodies }),
  };
}

/** The caller's budget over the defaults; above the ceiling only a person may go. */
export function capsOfRun(budget: Budget = {}, { budgets }: Pick<NewRunParts, "budgets">): RunCaps {
  const units = ["usd", "tokens", "calls", "seconds"] as const;
  for (const unit of units) {
    const asked = budget[unit];
    const most = budgets.run_max[unit];
    if (asked === undefined || most === undefined || asked <= most) continue;
    throw new Failure("FORBIDDEN", `budget.${unit} ${asked} is above the ceiling of ${most} for a run`, {
      hint: `Ask for at most ${most}; a person may raise it later (decide raise_budget) or set budgets.run_max.`,
    });
  }
  const whole: Budget = { ...budgets.run, ...budget };
  const { run = false, run_max = false } = budgets.explicit;
  const explicit = budget.usd !== undefined || run || run_max;
  return { ...capsOf(whole), ...(whole.seconds !== undefined && { seconds: whole.seconds }), explicit };
}

/** `r_` and 128 random bits. */
export const newId = (): string => runIdOf(randomBytes(16));
