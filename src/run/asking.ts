import { type Amount, type Ask, type Ledger, NOTHING } from "../core/budget.ts";
import { Failure } from "../core/errors.ts";
import { withFiles } from "../core/material.ts";
import { toNano } from "../core/money.ts";
import type { Task } from "../core/pattern.ts";
import { type Message, type ModelRequest, type Provider, splitModel } from "../core/provider.ts";
import type { Attempt, Hold } from "../core/store.ts";
import { NO_USAGE } from "../core/usage.ts";
import { sharedOf } from "./alike.ts";
import { capsOf, dailyNodes, plus } from "./caps.ts";
import { unfit } from "./fitness.ts";
import type { Frame } from "./frame.ts";
import type { Errand } from "./guard.ts";
import { asItLeaves, keptHere } from "./leaving.ts";
import type { Playing } from "./playing.ts";
import { messages, type Question, type TurnOf, tagOf } from "./question.ts";

/** Which of an agent's models is asked, and in which turn of the dialogue with it. */
export interface Rung {
  readonly rung: number;
  readonly turn: number;
  readonly model: string;
}

/** A question as it stands at its place in a run. */
export interface Standing {
  readonly play: Playing;
  readonly frame: Frame;
  readonly place: string;
  readonly question: Question;
  readonly task: Task<unknown>;
}

/** What is sent, but for the number that it gets on leaving, and what it may cost. */
export interface Prepared {
  readonly request: Omit<ModelRequest, "nth">;
  readonly ask: Ask;
}

export function prepare(standing: Standing, at: Rung): Prepared {
  const request = requestOf(standing, at);
  return { request, ask: askOf(standing, at.model, request) };
}

/** Who wants to ask whom. What it may use is reckoned only where somebody counts that. */
export const errandOf = ({ play, question }: Standing, { model }: Rung, tokens: () => number): Errand => ({
  model,
  agent: question.spec.name,
  priority: play.run.priority,
  tokens,
  concurrency: question.spec.concurrency,
});

function requestOf(standing: Standing, { rung, turn, model }: Rung): Prepared["request"] {
  const { play, place, question } = standing;
  const { spec, system, shape, turn: dialogue } = question;
  const past = turn > 0 ? play.memory.attempts(place) : [];
  const bad = past.findLast((attempt) => attempt.rung === rung && attempt.result === "bad");
  const repair = bad && { reply: bad.reply ?? "", problem: bad.error?.message ?? "it is not usable" };
  const { rehearsal } = play.run;
  const provider = play.stage.desk.provider(splitModel(model).provider);
  const whole = {
    model: splitModel(model).model,
    system,
    messages: withFiles(messages(question, repair), play.files),
    ...(shape && { shape }),
    max_output_tokens: spec.max_output_tokens,
    ...(spec.temperature !== undefined && { temperature: spec.temperature }),
    ...(spec.effort && { effort: spec.effort }),
    ...(dialogue ? toolsOf(dialogue, provider) : cacheOf(sharedOf(standing, model))),
    agent: spec.name,
    ...(rehearsal && { rehearsal }),
  };
  return asItLeaves(whole, provider, play.stage.secrets);
}

const cacheOf = (shared: { readonly chars: number } | undefined) => (shared ? { cache: shared.chars } : {});

/** What a turn may use, so far as this model's vendor has it. */
const toolsOf = ({ tools, must_answer, web_search }: TurnOf, provider: Provider | undefined) => ({
  ...(tools.length > 0 && { tools, ...(must_answer && { must_answer }) }),
  ...(web_search && provider?.can?.web_search && { web_search, ...(must_answer && { must_answer }) }),
  cache: "dialogue" as const,
});

function askOf({ play, question }: Standing, model: string, request: Prepared["request"]): Ask {
  const { max_output_tokens } = question.spec;
  const card = play.catalogue.prices[model] ?? null;
  const flat = card ? undefined : flatReserve(play, question, model);
  const provider = play.stage.desk.provider(splitModel(model).provider);
  const fees = (request.web_search?.max_uses ?? 0) * (provider?.search_usd ?? 0);
  return {
    input: provider?.bound({ ...request, nth: 0 }) ?? 0,
    output: max_output_tokens,
    least: Math.min(play.catalogue.limits.min_output_tokens, max_output_tokens),
    card,
    ...(flat !== undefined && { flat }),
    ...(fees > 0 && { fees }),
  };
}

function flatReserve(play: Playing, { spec }: Question, model: string): number | undefined {
  const usd = spec.max_usd ?? play.stage.maxUsd(splitModel(model).provider);
  return usd === undefined ? undefined : toNano(usd);
}

/** Why a model may not be asked now; undefined where it may. */
export function blocked({ play, question, task }: Standing, model: string): Failure | undefined {
  const { stage, run, catalogue } = play;
  const { provider: id } = splitModel(model);
  const provider = stage.desk.provider(id);
  if (!provider) return new Failure("NO_PROVIDER", `no provider "${id}" is configured here`);
  const kept = keptHere(question, provider, stage.secrets);
  if (kept) return kept;
  const refused = unfit(play, question, model) ?? stage.guard.blocked({ model, agent: question.spec.name });
  if (refused) return refused;
  const explicit = run.caps.explicit || stage.daily.explicit || task.budget?.usd !== undefined;
  if (catalogue.prices[model] || !explicit || flatReserve(play, question, model) !== undefined) return undefined;
  const line = `prices: { ${JSON.stringify(model)}: { input_per_mtok: 5, output_per_mtok: 25 } }`;
  return new Failure("UNPRICED", `${model} has no known price, and there is a cap of money`, {
    hint: `Add this line to baton.yaml, with its true prices in USD: ${line}. Or give its agent or provider a max_usd.`,
  });
}

/** The record of a request that is about to leave, and what must be held for it. */
export function holdOf(standing: Standing, { request, ask }: Prepared, at: Rung): Hold {
  const { play, frame, place, question, task } = standing;
  const { system, shape, shape_version, turn } = question;
  const said = request.messages.slice(turn?.history.length ?? 0).map(withoutMedia);
  const beside = turn && { ...(turn.after !== undefined && { after: turn.after }), tools: turn.tools };
  const attempt = {
    id: play.memory.nextAttempt(),
    generation: play.run.generation,
    place,
    ...at,
    agent: tagOf(question),
    input: { system, messages: said, ...beside, ...(shape && { shape }), ...(shape_version && { shape_version }) },
    cached_answer: false,
    at: play.stage.clock.now(),
  };
  const others = [...play.asides].filter((each) => !(task.closing && each === frame));
  const aside = others.map((each): Amount => each.aside ?? NOTHING).reduce(plus, NOTHING);
  const room = play.stage.guard.room(at.model, () => ask.input + ask.output);
  return {
    ...{ attempt, ask, aside, nodes: dailyNodes(play.stage, play.run.caller), steps: stepLedgers(standing) },
    ...(room && { room }),
  };
}

function stepLedgers({ play, frame, place, task }: Standing): readonly Ledger[] {
  const nested = task.budget ? [...frame.caps, { place, caps: capsOf(task.budget) }] : frame.caps;
  return nested.map((cap) => play.memory.tallies.ledger(cap));
}

/** The journal keeps the marks of files, and not their bytes again. */
function withoutMedia({ media: _, ...message }: Message): Message {
  return message;
}

/** The attempt as it is remembered once its money is held. */
export const heldAttempt = (
  { attempt }: Hold,
  epoch: number,
  held: { readonly output: number; readonly usd: number; readonly tokens: number; readonly clamped: boolean },
): Attempt => ({
  ...attempt,
  epoch,
  state: "held",
  reserve: { usd: held.usd, tokens: held.tokens },
  max_output_tokens: held.output,
  clamped: held.clamped,
  usage: NO_USAGE,
  estimated: false,
  overrun: false,
});
