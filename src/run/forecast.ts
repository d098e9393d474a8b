import type { AgentRef, AgentSpec } from "../core/agent.ts";
import { refName } from "../core/agent.ts";
import type { Catalogue } from "../core/catalogue.ts";
import type { Desk } from "../core/desk.ts";
import type { StartRequest } from "../core/engine.ts";
import { capped, type Estimate, estimate, type Range, type World } from "../core/estimate.ts";
import type { Forecast } from "../core/forecast.ts";
import type { Budget } from "../core/limits.ts";
import { toNano, toUsd } from "../core/money.ts";
import type { Outline } from "../core/outline.ts";
import type { Pattern } from "../core/pattern.ts";
import { splitModel } from "../core/provider.ts";
import type { Baseline, NewRun, RunCaps, RunStore } from "../core/store.ts";
import { type Survey, survey } from "../core/survey.ts";
import { meansOf } from "./means.ts";
import { notesOn, unpriceable } from "./notes.ts";

/** What stands behind a forecast. */
export interface Foresight {
  readonly desk: Pick<Desk, "find">;
  readonly patterns: ReadonlyMap<string, Pattern>;
  /** USD that one call of a provider may cost where its model has no price. */
  readonly maxUsd: (provider: string) => number | undefined;
}

/** The pattern that plays saved workflows, also where one stands as an agent. */
const PLAYS_WORKFLOWS = "run_workflow";

/** A pinned catalogue as an estimate sees it. */
export function worldOf(catalogue: Catalogue, { desk, patterns, maxUsd }: Foresight): World {
  const { prices, limits, retry, workflows = {} } = catalogue;
  const workflow = (name: string) => (Object.hasOwn(workflows, name) ? workflows[name] : undefined);
  return {
    prices,
    limits,
    retry,
    find: (ref) => found(desk, catalogue, ref),
    inner(ref) {
      const known = workflow(refName(ref));
      return known && patterns.get(PLAYS_WORKFLOWS)?.outline?.({ name: known.name, task: "" }, limits, workflow);
    },
    reserve(model, spec) {
      const usd = spec.max_usd ?? maxUsd(splitModel(model).provider);
      return usd === undefined ? undefined : toNano(usd);
    },
  };
}

function found(desk: Foresight["desk"], catalogue: Catalogue, ref: AgentRef): AgentSpec | undefined {
  try {
    return desk.find(catalogue, ref);
  } catch {
    return undefined;
  }
}

/** What a pattern says it is going to do with an input; undefined where it does not say. */
export const outlineOf = ({ pattern, input }: Pick<StartRequest, "pattern" | "input">, { limits, workflows = {} }: Catalogue) =>
  pattern.outline?.(input, limits, (name) => (Object.hasOwn(workflows, name) ? workflows[name] : undefined));

/** What a run that is about to be created would do and use. */
export async function forecast(
  request: StartRequest,
  { catalogue, caps }: Pick<NewRun, "catalogue" | "caps">,
  parts: Foresight & { readonly store: Pick<RunStore, "baselines"> },
  advice: readonly string[],
): Promise<Forecast> {
  const outline = outlineOf(request, catalogue);
  const cap = budgetOf(caps);
  if (!outline) return { ...UNKNOWN, cap, warnings: advice, notes: [`${request.pattern.name} does not say what it is going to do`] };
  const learnt = meansOf(await parts.store.baselines(subjectOf(request)));
  const world = { ...worldOf(catalogue, parts), mean: learnt.mean };
  const seen = survey(outline, world);
  const warnings = [...unpriceable(seen, world, caps.explicit), ...advice];
  const notes = notesOn(seen, world);
  if (seen.unknown.length > 0) return { ...UNKNOWN, outline, cap, warnings, notes };
  const whole = estimate(outline, world);
  const alone = meansOf(await parts.store.baselines("pattern:run_agent"));
  const single = singleOf(request, outline, seen, { ...world, mean: alone.runs > 0 ? alone.mean : learnt.mean });
  return {
    outline,
    ...figuresOf(whole, cap),
    cap,
    ...single,
    times_single: single.single?.usd ? rounded(toUsd(whole.usd.likely) / single.single.usd, 2) : null,
    warnings,
    notes,
    basis: learnt.used() ? `baseline of ${learnt.runs} runs` : "outline",
  };
}

const UNKNOWN = {
  outline: null,
  calls: null,
  usd: null,
  tokens: null,
  seconds: null,
  single: null,
  times_single: null,
  basis: "unknown",
} as const;

/** Runs of a saved workflow are like each other; those of the pattern that plays them all are not. */
function subjectOf({ pattern, input }: StartRequest): string {
  const [name] = pattern.name === PLAYS_WORKFLOWS ? (pattern.workflows?.(input) ?? []) : [];
  return name === undefined ? `pattern:${pattern.name}` : `workflow:${name}`;
}

/** What it will likely use, and at the most: no more than the budget lets it. */
function figuresOf({ calls, usd, tokens, seconds }: Estimate, cap: Budget) {
  const usdCap = cap.usd === undefined ? undefined : toNano(cap.usd);
  return {
    calls: whole(calls),
    usd: { likely: toUsd(Math.round(usd.likely)), most: inUsd(usd.most) },
    tokens: whole(tokens),
    seconds: whole(capped(seconds, cap.seconds)),
    ...(usdCap !== undefined && {}),
  };
}

const inUsd = (nano: number): number | null => (Number.isFinite(nano) ? toUsd(Math.round(nano)) : null);
const whole = ({ likely, most }: Range): Range => ({ likely: rounded(likely, 1), most: rounded(most, 1) });
const rounded = (figure: number, digits: number): number => Number(figure.toFixed(digits));
