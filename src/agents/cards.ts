import type { AgentSpec } from "../core/agent.ts";
import type { AgentCard, Executor, Needs } from "../core/desk.ts";
import { type PriceCard, toUsd } from "../core/money.ts";
import { BUILT_IN_SERVER } from "../core/toolbox.ts";
import { type Access, obstacle } from "./access.ts";
import { plainModel } from "./find.ts";
import type { Known } from "./registry.ts";

interface Place {
  readonly access: Access;
  readonly priceOf: (model: string) => PriceCard | undefined;
}

/** An agent as `list_agents` shows it, with what stands in its way. */
export function cardOf({ name, description, source, spec, notes, refused, stale }: Known, place: Place): AgentCard {
  const models = spec?.models ?? [];
  const obstacles = models.flatMap((model) => {
    const failure = obstacle(place.access, model);
    return failure ? { model, why: failure.message } : [];
  });
  const hopeless = models.length > 0 && obstacles.length === models.length;
  const left = hopeless ? [] : obstacles.map(({ model, why }) => `${model} is left out: ${why}`);
  const why = refused ?? (hopeless ? obstacles[0]?.why : undefined);
  const last = stale === undefined ? [] : [`its file has a mistake, so it is the agent it last was: ${stale}`];
  const said = [...last, ...notes, ...left];
  const needs = needsOf(spec);
  return {
    name,
    kind: "agent",
    description,
    version: spec?.version ?? "",
    ...(spec?.tag !== undefined && { tag: spec.tag }),
    models,
    source,
    price: priceTag(models, place),
    executor: executorOf(spec),
    ...(needs && { needs }),
    ...(why !== undefined && { refused: why }),
    ...(said.length > 0 && { notes: said }),
  };
}

/** Tools of whatever kind make its answer a dialogue. */
function executorOf(spec: AgentSpec | undefined): Executor {
  if (spec?.function) return "function";
  const { tools = [], consult = [], scratchpad, memory } = spec ?? {};
  return tools.length > 0 || consult.length > 0 || scratchpad || memory ? "tools" : "model";
}

function needsOf(spec: AgentSpec | undefined): Needs | undefined {
  const { tools = [], consult = [], memory, web_search } = spec ?? {};
  const servers = [...new Set(tools.map((grant) => grant.replace(/\/.*$/s, "")))].filter(
    (name) => name !== BUILT_IN_SERVER,
  );
  const needs = {
    ...(tools.length > 0 && { tools }),
    ...(servers.length > 0 && { servers }),
    ...(memory && { memory }),
    ...(consult.length > 0 && { peers: consult }),
    ...(web_search && { web_search: true as const }),
  };
  return Object.keys(needs).length > 0 ? needs : undefined;
}

/** The default model and the tiers, which may stand wherever an agent may. */
export function modelCards(
  {
    model,
    models,
    limits,
  }: { model: string; models: Readonly<Record<string, string>>; limits: Parameters<typeof plainModel>[1]["limits"] },
  place: Place,
): AgentCard[] {
  const named = [{ name: model, model, description: describe(model) }, ...Object.entries(models).map(tier)];
  return named.map(({ name, model: behind, description }) => {
    const spec = plainModel(behind, { limits }, name);
    const notes: string[] = [];
    return { ...cardOf({ name, description, source: "settings", spec, notes }, place), kind: "model" };
  });
}

const tier = ([name, model]: [string, string]) => ({
  name,
  model,
  description: `A name for ${model}, from the setting \`models\`.`,
});

const describe = (model: string): string =>
  model.startsWith("rehearsal/")
    ? "Answers where no other model is named: built in, offline and free. It rehearses and does not think; set a provider's key or `model` for real answers."
    : "Answers where no other model is named.";

/** Of the model that is asked first. */
function priceTag([first]: readonly string[], { priceOf }: Place): AgentCard["price"] {
  const card = first === undefined ? undefined : priceOf(first);
  return card ? { input: toUsd(card.input), output: toUsd(card.output) } : null;
}
