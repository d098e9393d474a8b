import type { AgentRef, AgentSpec } from "./agent.ts";
import { MAX_TURNS, MENDINGS, TOOL_OUTPUT_BYTES, talks, usesTools } from "./dialogue.ts";
import type { Limits, RetryPolicy } from "./limits.ts";
import { costOf, type PriceCard, toNano, worstCost } from "./money.ts";
import type { Outline, OutlineStep } from "./outline.ts";

/** The tokens of an answer of which nothing is known, and how long it takes. */
const TYPICAL = { tokens: 600, seconds: 10 } as const;

const BYTES_A_TOKEN = 4;
/** What is put around a prompt at the most: brief, shape, marks, and what the vendor adds. */
const AROUND = 1000;
/** An answer may have more tokens where it is read: pretty JSON, another tokenizer, its fence. */
const GROWTH = 2;
/** The most tokens counted for what is read and was made by no single call. */
const OTHERS = 8192;

/** What will be if all goes well, and at the most. */
export interface Range {
  readonly likely: number;
  readonly most: number;
}

/** What an outline will use. Money is in nano-USD; what nothing bounds is infinite. */
export interface Estimate {
  readonly calls: Range;
  readonly usd: Range;
  readonly tokens: Range;
  readonly seconds: Range;
}

/** What an estimate must know beside the outline. */
export interface World {
  readonly prices: Readonly<Record<string, PriceCard>>;
  readonly limits: Limits;
  readonly retry: RetryPolicy;
  /** Who is asked; undefined where it is no agent. */
  find(ref: AgentRef): AgentSpec | undefined;
  /** What a saved workflow that stands as an agent is going to do. */
  inner?(ref: AgentRef): Outline | undefined;
  /** The reserve of a call in nano-USD where its model has no price. */
  reserve?(model: string, spec: AgentSpec): number | undefined;
  /** What one search of the web costs at this model's vendor, in nano-USD. */
  search?(model: string): number;
  /** What a call under one of these names has cost and taken so far. */
  mean?(names: readonly string[]): { readonly usd: number; readonly ms: number } | undefined;
}

/** The world, and how many patterns deep in it one stands. */
type Here = World & { readonly level: number };

const NOTHING: Estimate = {
  calls: { likely: 0, most: 0 },
  usd: { likely: 0, most: 0 },
  tokens: { likely: 0, most: 0 },
  seconds: { likely: 0, most: 0 },
};

/**
 * What a pattern will likely use, and what it uses at the most. Most is: every step as often as it can be played; every
 * model of its agent, and of its fallbacks, with all its tries that a vendor may bill (those that time out or break
 * off), a repair turn after them, and the longest answers, at the dearest rate. A crash of the server is not in it.
 */
export function estimate(outline: Outline, world: World, level = 1): Estimate {
  if (level > world.limits.depth) return NOTHING;
  const uses = new Map(
    outline.steps.map((step, index) => [step.name, stepUse(step, index, outline, { ...world, level })]),
  );
  const sum = [...uses.values()].reduce(plus, NOTHING);
  const seconds = (key: keyof Range) => Math.max(longest(outline, uses, key), sum.seconds[key] / world.limits.calls);
  return { ...sum, seconds: { likely: seconds("likely"), most: seconds("most") } };
}

function plus(a: Estimate, b: Estimate): Estimate {
  const add = (key: keyof Estimate): Range => ({
    likely: a[key].likely + b[key].likely,
    most: a[key].most + b[key].most,
  });
  return { calls: add("calls"), usd: add("usd"), tokens: add("tokens"), seconds: add("seconds") };
}

/** What all plays of one step use together, as far as its own caps let it. */
function stepUse(step: OutlineStep, index: number, outline: Outline, world: Here): Estimate {
  const once = playUse(step, index, outline, world);
  const waves = (plays: number) => (step.parallel ? Math.ceil(plays / world.limits.calls) : plays);
  const all = (key: keyof Estimate, plays = (n: number) => n): Range => ({
    likely: times(once[key].likely, plays(step.least)),
    most: times(once[key].most, plays(step.most)),
  });
  const { usd, tokens, calls, seconds } = step.budget ?? {};
  return {
    calls: capped(all("calls"), calls),
    usd: capped(all("usd"), usd === undefined ? undefined : toNano(usd)),
    tokens: capped(all("tokens"), tokens),
    seconds: capped(all("seconds", waves), seconds),
  };
}

/** Nothing stays nothing, also where one is without bound. */
const times = (each: number, plays: number): number => (plays === 0 || each === 0 ? 0 : each * plays);

/** No range lies beyond a cap. */
export const capped = ({ likely, most }: Range, cap = Number.POSITIVE_INFINITY): Range => ({
  likely: Math.min(likely, cap),
  most: Math.min(most, cap),
});

function playUse(step: OutlineStep, index: number, outline: Outline, world: Here): Estimate {
  if (step.inner) return estimate(step.inner, world, step.kind === "run" ? world.level + 1 : world.level);
  const delegated = step.agent === undefined || world.find(step.agent) ? undefined : world.inner?.(step.agent);
  if (delegated) return estimate(delegated, world, world.level + 1);
  if (step.kind === "act") return { ...NOTHING, seconds: { likely: 1, most: world.limits.call_seconds } };
  if (step.kind !== "call" || step.agent === undefined) return NOTHING;
  const refs = [step.agent, ...(step.fallback ?? [])];
  const input = inputOf(step, index, outline, world);
  const asked = refs.flatMap((ref) => world.find(ref) ?? []);
  const all = asked.map((spec) => callUse(spec, input, step, world));
  const [first = NOTHING] = all;
  const sum = all.reduce(plus, NOTHING);
  const range = (key: keyof Estimate): Range => ({ likely: first[key].likely, most: sum[key].most });
  return { calls: range("calls"), usd: range("usd"), tokens: range("tokens"), seconds: range("seconds") };
}

/** The tokens that a step's prompt has: what is known of it, and what it reads. */
function inputOf({ bytes, reads }: OutlineStep, index: number, { steps }: Outline, world: World): Range {
  const input = { likely: bytes / BYTES_A_TOKEN, most: bytes };
  for (const [at, step] of steps.entries()) {
    if (!reads.includes(step.name)) continue;
    const answer = answerOf(step, world);
    const count = (plays: number) => (step.parallel ? plays : Math.min(1, plays));
    if (at < index) input.likely += count(step.least) * answer.likely;
    input.most += count(step.most) * answer.most * GROWTH;
  }
  return input;
}

function answerOf({ agent, fallback = [] }: OutlineStep, { find }: World): Range {
  const specs = agent === undefined ? [] : [agent, ...fallback].flatMap((ref) => find(ref) ?? []);
  const [first, ...others] = specs.map(({ max_output_tokens }) => max_output_tokens);
  if (first === undefined) return { likely: TYPICAL.tokens, most: OTHERS };
  return { likely: Math.min(first, TYPICAL.tokens), most: Math.max(first, ...others) };
}

/** An agent that uses tools likely takes so many turns, each with a result of about so many tokens. */
const TYPICAL_TURNS = 4;
const TYPICAL_RESULT = 400;

/** One agent asked once: one question, or a dialogue in which each turn repeats all that was said before it. */
function callUse(spec: AgentSpec, prompt: Range, step: OutlineStep, world: World): Estimate {
  if (spec.function) return { ...NOTHING, seconds: { likely: 1, most: world.limits.call_seconds } };
  if (!talks(spec)) return turnUse(spec, prompt, step, world);
  const most = usesTools(spec) ? (spec.max_turns ?? MAX_TURNS) + MENDINGS : 1 + MENDINGS;
  const likely = Math.min(usesTools(spec) ? TYPICAL_TURNS : 1, most);
  const more = {
    likely: TYPICAL.tokens + TYPICAL_RESULT,
    most: spec.max_output_tokens * GROWTH + world.limits.width * (spec.tool_output_bytes ?? TOOL_OUTPUT_BYTES),
  };
  const turns = Array.from({ length: most }, (_, nth) => {
    const input = { likely: prompt.likely + nth * more.likely, most: prompt.most + nth * more.most };
    const use = turnUse(spec, input, step, world);
    return nth < likely ? use : onlyMost(use);
  });
  return turns.reduce(plus, NOTHING);
}

/** What may be, and likely is not. */
const onlyMost = ({ calls, usd, tokens, seconds }: Estimate): Estimate => {
  const unlikely = ({ most }: Range): Range => ({ likely: 0, most });
  return { calls: unlikely(calls), usd: unlikely(usd), tokens: unlikely(tokens), seconds: unlikely(seconds) };
};

/** One question; `likely` is its first model answering at once. */
function turnUse(spec: AgentSpec, prompt: Range, step: OutlineStep, world: World): Estimate {
  const system = Buffer.byteLength(spec.system);
  const input = { likely: prompt.likely + system / BYTES_A_TOKEN, most: prompt.most + system + AROUND };
  const policy = { ...world.retry, ...spec.retry, ...step.retry } as RetryPolicy;
  const all = spec.models.map((model) => modelUse(model, spec, input, policy, world));
  const sum = all.reduce(plus, NOTHING);
  const [first = NOTHING] = all;
  const known = world.mean?.([step.name, spec.name]);
  const usd = Math.min(known?.usd ?? first.usd.likely, first.usd.most);
  return {
    calls: { likely: 1, most: sum.calls.most },
    usd: { likely: Math.max(usd, floorOf(spec, input.likely, world)), most: sum.usd.most },
    tokens: { likely: first.tokens.likely, most: sum.tokens.most },
    seconds: { likely: known ? known.ms / 1000 : first.seconds.likely, most: sum.seconds.most },
  };
}

/** What was learnt under another price never makes a call cheaper than its bare input now. */
function floorOf({ models: [model = ""] }: AgentSpec, input: number, { prices }: World): number {
  const card = prices[model];
  return card ? costOf(card, tokensOf(Math.ceil(input), 0)) : 0;
}

function modelUse(
  model: string,
  spec: AgentSpec,
  input: Range,
  policy: RetryPolicy,
  { prices, limits, reserve, search }: World,
): Estimate {
  const card = prices[model];
  const fees = (spec.web_search?.max_uses ?? 0) * (search?.(model) ?? 0);
  const flat = card ? 0 : reserve?.(model, spec);
  const output = { likely: Math.min(TYPICAL.tokens, spec.max_output_tokens), most: spec.max_output_tokens };
  const asked = Math.ceil(input.likely);
  const again = input.most + output.most * GROWTH + AROUND;
  const paid = billed(policy);
  const calls = policy.attempts + 1;
  const cost = (tokens: number) =>
    card ? worstCost(card, Math.ceil(tokens), output.most) : (flat ?? Number.POSITIVE_INFINITY);
  return {
    calls: { likely: 1, most: calls },
    usd: {
      likely: card ? costOf(card, tokensOf(asked, output.likely)) : (flat ?? 0),
      most: paid * (cost(input.most) + fees) + cost(again) + fees,
    },
    tokens: {
      likely: asked + output.likely,
      most: Math.ceil(paid * (input.most + output.most) + again + output.most),
    },
    seconds: {
      likely: model.startsWith("rehearsal/") ? 0 : TYPICAL.seconds,
      most: calls * (spec.call_seconds ?? limits.call_seconds),
    },
  };
}

/** How many tries before the repair turn a vendor may bill: one that is refused at the door is free. */
const billed = ({ attempts, on }: RetryPolicy): number =>
  on.includes("timeout") || on.includes("network") ? attempts : 1;

const tokensOf = (input: number, output: number) => ({ input, cached: 0, cache_write: 0, output, reasoning: 0 });

/** How long the longest way through the steps takes. */
function longest({ steps }: Outline, uses: ReadonlyMap<string, Estimate>, key: keyof Range): number {
  const ends = new Map<string, number>();
  let open = [...steps];
  while (open.length > 0) {
    const ready = open.filter(({ after }) => after.every((name) => ends.has(name) || !uses.has(name)));
    for (const { name, after } of ready.length > 0 ? ready : open) {
      const begins = Math.max(0, ...after.map((other) => ends.get(other) ?? 0));
      ends.set(name, begins + (uses.get(name)?.seconds[key] ?? 0));
    }
    open = open.filter(({ name }) => !ends.has(name));
  }
  return Math.max(0, ...ends.values());
}
