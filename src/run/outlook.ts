import { refName } from "../core/agent.ts";
import type { Catalogue } from "../core/catalogue.ts";
import type { Desk } from "../core/desk.ts";
import type { StartRequest } from "../core/engine.ts";
import { Failure } from "../core/errors.ts";
import type { World } from "../core/estimate.ts";
import { toNano } from "../core/money.ts";
import type { Outline } from "../core/outline.ts";
import type { Pattern } from "../core/pattern.ts";
import { splitModel } from "../core/provider.ts";
import type { PinnedWorkflow } from "../core/workflow.ts";

/** What must be at hand to look ahead. */
export interface Foresight {
  readonly desk: Pick<Desk, "find" | "provider">;
  readonly patterns: ReadonlyMap<string, Pattern>;
  /** USD that one call of a provider may cost where its model has no price. */
  readonly maxUsd: (provider: string) => number | undefined;
}

/** The pattern that plays saved workflows, also where one stands as an agent. */
const PLAYS_WORKFLOWS = "run_workflow";

/** A pinned catalogue as an estimate sees it. */
export function worldOf(catalogue: Catalogue, { desk, patterns, maxUsd }: Foresight): World {
  const { prices, limits, retry } = catalogue;
  const workflow = workflowsOf(catalogue);
  return {
    prices,
    limits,
    retry,
    find: (ref) => orNothing(() => desk.find(catalogue, ref)),
    inner(ref) {
      const known = workflow(refName(ref));
      const plays = patterns.get(PLAYS_WORKFLOWS);
      return known && orNothing(() => plays?.outline?.({ name: known.name, task: "" }, limits, workflow));
    },
    search: (model) => desk.provider(splitModel(model).provider)?.search_usd ?? 0,
    reserve(model, spec) {
      const usd = spec.max_usd ?? maxUsd(splitModel(model).provider);
      return usd === undefined ? undefined : toNano(usd);
    },
  };
}

/** What a pattern says it is going to do with an input; undefined where it does not say. */
export const outlineOf = (
  { pattern, input }: Pick<StartRequest, "pattern" | "input">,
  catalogue: Catalogue,
): Outline | undefined => pattern.outline?.(input, catalogue.limits, workflowsOf(catalogue));

const workflowsOf =
  ({ workflows = {} }: Catalogue) =>
  (name: string): PinnedWorkflow | undefined =>
    Object.hasOwn(workflows, name) ? workflows[name] : undefined;

function orNothing<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}
