import type { StartRequest } from "../core/engine.ts";
import { Failure } from "../core/errors.ts";
import { capped, type Estimate, estimate, type Range, type World } from "../core/estimate.ts";
import type { Forecast } from "../core/forecast.ts";
import type { Budget } from "../core/limits.ts";
import { toUsd } from "../core/money.ts";
import type { Outline } from "../core/outline.ts";
import type { NewRun, RunCaps, RunStore } from "../core/store.ts";
import { type Survey, survey } from "../core/survey.ts";
import { subjectOf } from "../core/usual.ts";
import { meansOf } from "./means.ts";
import { bounded, notesOn, unpriceable } from "./notes.ts";
import { type Foresight, outlineOf, worldOf } from "./outlook.ts";
import type { Playing } from "./playing.ts";

/** What a run that is about to be created would do and use. */
export async function forecast(
  request: StartRequest,
  { catalogue, caps }: Pick<NewRun, "catalogue" | "caps">,
  parts: Foresight & { readonly store: Pick<RunStore, "baselines"> },
  advice: readonly string[],
): Promise<Forecast> {
  const outline = outlineOf(request, catalogue);
  const cap = budgetOf(caps);
  if (!outline) {
    const notes = [`unknown: ${request.pattern.name} does not say what it is going to do`];
    return { ...UNKNOWN, outline: null, cap, warnings: advice, notes };
  }
  const learnt = meansOf(await parts.store.baselines(subjectOf(request.pattern.name, request.input)));
  const world = { ...worldOf(catalogue, parts), mean: learnt.mean };
  const seen = survey(outline, world);
  const warnings = [...unpriceable(seen, world, caps.explicit), ...advice];
  const common = { outline, cap, warnings: bounded(warnings), notes: notesOn(seen, world) };
  if (seen.unknown.length > 0) return { ...UNKNOWN, ...common };
  const figures = figuresOf(estimate(outline, world), cap);
  const basis = learnt.used() ? `baseline of ${learnt.runs} runs` : "outline";
  const alone = meansOf(await parts.store.baselines("pattern:run_agent"));
  const single = singleOf(request, outline, seen, { ...world, mean: (alone.runs > 0 ? alone : learnt).mean });
  const times = single?.usd ? Number((figures.usd.likely / single.usd).toPrecision(2)) : null;
  const short = shortOf(figures, cap);
  return { ...common, warnings: bounded([...short, ...warnings]), ...figures, single, times_single: times, basis };
}

const UNKNOWN = {
  calls: null,
  usd: null,
  tokens: null,
  seconds: null,
  single: null,
  times_single: null,
  basis: "unknown",
} as const;

const budgetOf = ({ usd, tokens, calls, seconds }: RunCaps): Budget => ({
  ...(usd !== undefined && { usd: toUsd(usd) }),
  ...(tokens !== undefined && { tokens }),
  ...(calls !== undefined && { calls }),
  ...(seconds !== undefined && { seconds }),
});

const figuresOf = ({ calls, usd, tokens, seconds }: Estimate, cap: Budget) => ({
  calls: rounded(calls),
  usd: { likely: toUsd(Math.round(usd.likely)), most: usdOrNull(usd.most) },
  tokens: rounded(tokens),
  seconds: { ...rounded(seconds), most: Math.round(capped(seconds, cap.seconds).most) },
});

const usdOrNull = (nano: number): number | null => (Number.isFinite(nano) ? toUsd(Math.round(nano)) : null);
const rounded = ({ likely, most }: Range): Range => ({ likely: Math.round(likely), most: Math.round(most) });

/** Says it where the budget will probably not last. */
function shortOf({ usd, tokens, calls, seconds }: ReturnType<typeof figuresOf>, cap: Budget): string[] {
  const likely = { usd: usd.likely, tokens: tokens.likely, calls: calls.likely, seconds: seconds.likely };
  const short = (Object.keys(likely) as (keyof Budget)[]).filter((unit) => likely[unit] > (cap[unit] ?? Infinity));
  return short.map(
    (unit) => `the budget allows ${cap[unit]} ${unit}, and it will likely need ${likely[unit]}: it would end early`,
  );
}

/** The first agent of all, given at once what the others are given apart, answering once. */
function singleOf(
  { pattern, input }: StartRequest,
  outline: Outline,
  { asked }: Survey,
  world: World,
): Forecast["single"] {
  const [spec] = asked;
  if (!spec) return null;
  const text = (input as Readonly<Record<string, unknown>>)[pattern.subject];
  const task = typeof text === "string" ? Buffer.byteLength(text) : 0;
  const beside = outline.steps
    .filter(({ reads }) => reads.length === 0)
    .reduce((sum, { least, bytes }) => sum + least * Math.max(0, bytes - task), 0);
  const { name } = spec;
  const step = {
    name,
    kind: "call",
    agent: name,
    after: [],
    least: 1,
    most: 1,
    bytes: task + beside,
    reads: [],
  } as const;
  const { usd, seconds } = estimate({ steps: [step] }, { ...world, find: () => spec });
  const isKnown = spec.models.some((model) => world.prices[model]);
  return { agent: name, usd: isKnown ? toUsd(Math.round(usd.likely)) : null, seconds: Math.round(seconds.likely) };
}

/** The deed by which a pattern reads what an outline of its own making would use, and what is left of its run's budget. */
export function estimateDeed(input: unknown, play: Playing): Promise<unknown> {
  const { outline } = input as { outline?: Outline };
  if (!outline) throw new Failure("INVALID_INPUT", "an estimate needs an `outline`");
  const { stage, catalogue, run, journal } = play;
  const { calls, usd, seconds } = estimate(outline, worldOf(catalogue, stage));
  const spent = journal.usageUnder("");
  const left = leftOf(run.caps, { usd: spent.usd, tokens: spent.input + spent.output, calls: spent.calls });
  return Promise.resolve({
    likely: {
      usd: toUsd(Math.round(usd.likely)),
      calls: Math.round(calls.likely),
      seconds: Math.round(seconds.likely),
    },
    most: { usd: usdOrNull(usd.most), calls: Math.round(calls.most) },
    left,
  });
}

function leftOf({ usd, tokens, calls }: RunCaps, spent: { usd: number; tokens: number; calls: number }) {
  return {
    ...(usd !== undefined && { usd: toUsd(Math.max(0, usd - spent.usd)) }),
    ...(tokens !== undefined && { tokens: Math.max(0, tokens - spent.tokens) }),
    ...(calls !== undefined && { calls: Math.max(0, calls - spent.calls) }),
  };
}
