import { z } from "zod";
import { Failure } from "../../src/core/errors.ts";
import type { Join, Pattern, RunContext, Settled } from "../../src/core/pattern.ts";
import { Dice, digest } from "./dice.ts";

interface CallNode {
  readonly do: "call";
  readonly id: number;
  readonly agent: string;
  readonly catches: boolean;
  readonly shaped: boolean;
  readonly named: boolean;
  readonly seconds?: number;
  readonly budget?: { readonly usd?: number; readonly calls?: number };
  readonly closing?: boolean;
  /** Asks the same wherever it stands, and may take an answer that was given before. */
  readonly cached?: boolean;
}

interface MapNode {
  readonly do: "map";
  readonly join: "all" | "settle" | "first" | "quorum" | "until";
  readonly count: number;
  readonly catches: boolean;
  readonly seconds?: number;
  readonly closing?: string;
  readonly branches: readonly Program[];
  /** Whom each branch follows. */
  readonly after?: readonly (readonly number[])[];
  readonly budget?: { readonly usd?: number; readonly calls?: number };
}

interface ActNode {
  readonly do: "act";
  readonly id: number;
  readonly effect?: true | { readonly idempotent: true };
  readonly catches: boolean;
  readonly seconds?: number;
}

interface RunNode {
  readonly do: "run";
  readonly id: number;
  readonly catches: boolean;
  readonly body: Program;
  readonly seconds?: number;
  readonly budget?: { readonly usd?: number; readonly calls?: number };
}

type Node =
  | CallNode
  | MapNode
  | { readonly do: "wait"; readonly kind: "approval" | "answer"; readonly seconds?: number }
  | { readonly do: "loop"; readonly most: number; readonly body: Program }
  | RunNode
  | ActNode
  | { readonly do: "look"; readonly at: "elapsed" | "spent" | "random" }
  | { readonly do: "degrade" };

type Program = readonly Node[];

const AGENTS = ["ann", "bob", "cyd", "dan", "eli"] as const;
const NOBODY = ["nobody", "ghost/model"];
const JOINS = ["settle", "all", "first", "quorum", "until"] as const;

/** A step with a cap of its own, by its name. */
export type StepCaps = Map<string, { readonly usd?: number; readonly calls?: number }>;

/** A random program of the four verbs. Every result flows into every later prompt, so that any divergence shows. */
export function randomPattern(seed: number, name: string): { readonly pattern: Pattern; readonly caps: StepCaps } {
  const caps: StepCaps = new Map();
  const program = new Maker(new Dice(seed), caps).sequence(3);
  return { pattern: patternOf(name, program), caps };
}

class Maker {
  readonly #dice: Dice;
  readonly #caps: StepCaps;
  #made = 0;

  constructor(dice: Dice, caps: StepCaps) {
    this.#dice = dice;
    this.#caps = caps;
  }

  sequence(depth: number): Program {
    return Array.from({ length: this.#dice.whole(1, 3) }, () => this.#node(depth)).flat();
  }

  #node(depth: number): Program {
    const dice = this.#dice;
    const chance = dice.next();
    if (depth === 0 || chance < 0.42) return [this.#call()];
    if (chance < 0.52) return [this.#wait()];
    if (chance < 0.6) return [{ do: "loop", most: 3, body: this.sequence(depth - 1) }];
    if (chance < 0.68) return [this.#run(depth)];
    if (chance < 0.72) return [this.#act()];
    if (chance < 0.76) return [{ do: "look", at: dice.pick(["elapsed", "spent", "random"] as const) }];
    if (chance < 0.78) return [{ do: "degrade" }];
    return this.#map(depth);
  }

  #call(): CallNode {
    const dice = this.#dice;
    const id = ++this.#made;
    const capped = dice.falls(0.12);
    const budget = dice.falls(0.5) ? { usd: dice.between(0.00005, 0.0006) } : { calls: dice.whole(0, 2) };
    if (capped) this.#caps.set(`s${id}`, budget);
    return {
      do: "call",
      id,
      agent: dice.falls(0.04) ? dice.pick(NOBODY) : dice.falls(0.1) ? "tin/small" : dice.pick(AGENTS),
      catches: dice.falls(0.6),
      shaped: dice.falls(0.4),
      named: capped || dice.falls(0.3),
      ...(dice.falls(0.1) && { seconds: dice.between(0.02, 0.15) }),
      ...(capped && { budget }),
      ...(dice.falls(0.06) && { cached: true }),
    };
  }

  #run(depth: number): RunNode {
    const dice = this.#dice;
    const id = ++this.#made;
    const budget = this.#budget(`p${id}`, 0.2);
    return {
      do: "run",
      id,
      catches: dice.falls(0.5),
      body: this.sequence(depth - 1),
      ...(dice.falls(0.2) && { seconds: dice.between(0.03, 0.2) }),
      ...(budget && { budget }),
    };
  }

  #act(): ActNode {
    const dice = this.#dice;
    const effect = dice.pick([undefined, true, { idempotent: true }] as const);
    return {
      do: "act",
      id: ++this.#made,
      catches: dice.falls(0.7),
      ...(effect && { effect }),
      ...(dice.falls(0.1) && { seconds: dice.between(0.01, 0.05) }),
    };
  }

  /** Now and then a cap around all that happens at a place of this name. */
  #budget(name: string, chance: number): { readonly usd?: number; readonly calls?: number } | undefined {
    const dice = this.#dice;
    if (!dice.falls(chance)) return undefined;
    const budget = dice.falls(0.5) ? { usd: dice.between(0.0001, 0.002) } : { calls: dice.whole(0, 5) };
    this.#caps.set(name, budget);
    return budget;
  }

  #wait(): Node {
    const dice = this.#dice;
    const kind = dice.pick(["approval", "answer"] as const);
    return { do: "wait", kind, ...(dice.falls(0.7) && { seconds: dice.between(0.02, 0.4) }) };
  }

  #map(depth: number): Program {
    const dice = this.#dice;
    const branches = Array.from({ length: dice.whole(1, 4) }, () => this.sequence(depth - 1));
    const closing = dice.falls(0.2) ? dice.pick(AGENTS) : undefined;
    const map: MapNode = {
      do: "map",
      join: dice.pick(JOINS),
      count: dice.whole(1, branches.length),
      catches: dice.falls(0.7),
      branches,
      ...(dice.falls(0.4) && { seconds: dice.between(0.02, 0.09) }),
      ...(closing !== undefined && { closing }),
      ...(dice.falls(0.4) && { after: branches.map((_, i) => earlier(dice, i)) }),
      ...(dice.falls(0.2) && { budget: { calls: dice.whole(0, 6) } }),
    };
    return closing === undefined ? [map] : [map, { ...this.#call(), agent: closing, closing: true }];
  }
}

const earlier = (dice: Dice, index: number): number[] =>
  Array.from({ length: index }, (_, i) => i).filter(() => dice.falls(0.4));

const Told = z.object({ run: z.string(), told: z.string() });
/** The default shows that what a pattern returned is told as its schema reads it, live and on replay. */
const Ended = z.object({ told: z.string(), note: z.string().default("none"), when: z.string().optional() });

type Inner = Pattern<z.output<typeof Told>, z.output<typeof Ended>>;

function patternOf(name: string, program: Program): Pattern {
  const pattern: Inner = {
    name,
    version: 1,
    title: name,
    description: name,
    input: Told,
    output: Ended,
    subject: "told",
    agents: () => [],
    run: async (ctx, { run, told }) => ({ told: await play(ctx, program, told, run), when: undefined }) as never,
  };
  return pattern as unknown as Pattern;
}

async function play(ctx: RunContext, program: Program, before: string, run: string): Promise<string> {
  let told = before;
  for (const node of program) told = digest(told + (await perform(ctx, node, told, run)));
  return told;
}

async function perform(ctx: RunContext, node: Node, told: string, run: string): Promise<string> {
  switch (node.do) {
    case "call":
      return caught(node.catches, () => call(ctx, node, told, run));
    case "map":
      return caught(node.catches, () => map(ctx, node, told, run));
    case "run": {
      const inner = patternOf(`p${node.id}`, node.body) as unknown as Inner;
      const { seconds, budget } = node;
      const options = { ...(seconds !== undefined && { seconds }), ...(budget && { budget }) };
      return caught(node.catches, async () => JSON.stringify(await ctx.run(inner, { run, told }, options)));
    }
    case "act": {
      const { effect, seconds } = node;
      const deed = { does: "probe", input: { told, effect: effect === true }, ...(effect && { effect }) };
      const limited = { ...deed, ...(seconds !== undefined && { seconds }) };
      return caught(node.catches, async () => JSON.stringify(await ctx.act(`a${node.id}`, limited)));
    }
    case "wait": {
      const within = node.seconds === undefined ? {} : { within_seconds: node.seconds };
      return JSON.stringify(await ctx.wait("ask", { kind: node.kind, show: { told }, ...within }));
    }
    case "loop":
      return loop(ctx, node, told, run);
    case "look":
      return JSON.stringify(ctx[node.at]());
    case "degrade":
      ctx.degrade(`less than asked for: ${told}`);
      return "";
  }
}

/** What a pattern that catches sees of a failure: all of it. */
async function caught(catches: boolean, act: () => Promise<string>): Promise<string> {
  try {
    return await act();
  } catch (error) {
    if (!catches) throw error;
    return JSON.stringify(error instanceof Failure ? error : String(error));
  }
}

const Shape = z.object({ said: z.string(), sure: z.number().default(1) });

async function call(ctx: RunContext, node: CallNode, told: string, run: string): Promise<string> {
  const { id, agent, shaped, named, seconds, budget, closing, cached } = node;
  const answer = await ctx.call<unknown>(agent, {
    prompt: cached ? `${run} ${id}` : `${run} ${id} ${told}`,
    ...(named && { name: `s${id}` }),
    ...(shaped && { shape: Shape }),
    ...(seconds !== undefined && { seconds }),
    ...(budget && { budget }),
    ...(closing && { closing }),
    ...(cached && { cache: { ttl: 3600 } }),
  });
  return JSON.stringify(answer);
}

async function map(ctx: RunContext, node: MapNode, told: string, run: string): Promise<string> {
  const { branches, seconds, closing, after, budget } = node;
  const branch = (program: Program, inner: RunContext, index: number, before: readonly Settled<string>[]) =>
    play(inner, program, `${told}${index}${before.length > 0 ? digest(JSON.stringify(before)) : ""}`, run);
  const options = {
    join: joinOf(node),
    ...(seconds !== undefined && { seconds }),
    ...(closing && { closing }),
    ...(after && { after }),
    ...(budget && { budget }),
  };
  return JSON.stringify(await ctx.map(branches, branch, options));
}

function joinOf({ join, count }: MapNode): Join {
  if (join === "quorum") return { kind: join, count };
  return join === "until" ? { kind: join, test: isEnough } : { kind: join };
}

const isEnough = (ended: readonly Settled<unknown>[]): boolean =>
  ended.filter(({ ok }) => ok).length >= 2 || digest(JSON.stringify(ended)).charCodeAt(0) % 4 === 0;

async function loop(
  ctx: RunContext,
  node: { most: number; body: Program },
  before: string,
  run: string,
): Promise<string> {
  let told = before;
  for (let i = 0; i < node.most && told.charCodeAt(0) % 3 !== 0; i++) told = await play(ctx, node.body, told, run);
  return told;
}
