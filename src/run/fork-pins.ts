import type { AgentSpec } from "../core/agent.ts";
import type { Catalogue } from "../core/catalogue.ts";
import type { AgentChange, Changes } from "../core/changes.ts";
import type { Desk } from "../core/desk.ts";
import type { StartRequest } from "../core/engine.ts";
import { Failure } from "../core/errors.ts";
import { fingerprint } from "../core/fingerprint.ts";
import type { Library } from "../core/workflow.ts";
import { pinned } from "./pins.ts";

/** What a fork pins: all that its source has pinned, with the changes; who is named for the first time, as they are now. */
export function forkedCatalogue(
  source: Catalogue,
  request: Pick<StartRequest, "pattern" | "input" | "rehearsal">,
  changes: Changes,
  parts: { readonly desk: Desk; readonly library?: Library },
): Catalogue {
  const base = changes.input ? joined(source, pinned(rehearsed(source, request), parts).catalogue) : source;
  let catalogue = base;
  for (const [name, change] of Object.entries(changes.agents ?? {}))
    catalogue = withAgent(catalogue, name, change, parts.desk);
  return catalogue;
}

/** A run that began in rehearsal stays there. */
const rehearsed = (
  source: Catalogue,
  { pattern, input, rehearsal }: Pick<StartRequest, "pattern" | "input" | "rehearsal">,
) => ({
  pattern,
  input,
  ...(source.rehearsal && { rehearsal: rehearsal ?? { faults: [] } }),
});

const joined = (source: Catalogue, now: Catalogue): Catalogue => ({
  ...source,
  agents: { ...now.agents, ...source.agents },
  prices: { ...now.prices, ...source.prices },
  ...(now.workflows && { workflows: { ...now.workflows, ...source.workflows } }),
});

function withAgent(catalogue: Catalogue, name: string, change: AgentChange, desk: Desk): Catalogue {
  const base =
    change.version === undefined ? desk.find(catalogue, name) : versionOf(catalogue, name, change.version, desk);
  const models = change.model === undefined ? base.models : modelsOf(change.model, desk);
  const { version, ...told } = { ...base, name, models, system: change.instructions ?? base.system };
  const isNew = change.instructions !== undefined || change.model !== undefined;
  const spec = { ...told, version: isNew ? fingerprint(told).slice(0, 8) : version };
  const prices = { ...pricesNow(models, desk), ...catalogue.prices };
  return { ...catalogue, agents: { ...catalogue.agents, [name]: spec }, prices };
}

/** What is pinned where nothing is known now: a provider may have gone, and nobody of it may be asked again. */
function pricesNow(models: readonly string[], desk: Desk): Catalogue["prices"] {
  const known = models.map((model) => {
    const { prices } = desk.pin([model]);
    return Object.fromEntries(Object.entries(prices).filter(([name]) => name === model));
  });
  return Object.assign({}, ...known) as Catalogue["prices"];
}

function modelsOf(model: string, desk: Desk): string[] {
  const { source, models } = desk.find(desk.pin([model]), model);
  if (source === "model") return models;
  throw new Failure("INVALID_INPUT", `${JSON.stringify(model)} is an agent, and no model`, {
    hint: "A model is written provider/model, such as openai/gpt-5-mini, or as a tier: small, medium, large.",
  });
}

const isVersion = (spec: AgentSpec, version: string): boolean => spec.version === version || spec.tag === version;

/** A version that some run has pinned before. */
function knownOlder(ref: string, desk: Desk): AgentSpec | undefined {
  try {
    return desk.find(desk.pin([ref]), ref);
  } catch (error) {
    if (Failure.from(error).code === "UNKNOWN_AGENT") return undefined;
    throw error;
  }
}

/** The version that is pinned, or the one that is known now, which `latest` means whatever it is called. */
function versionOf(catalogue: Catalogue, name: string, version: string, desk: Desk): AgentSpec {
  const before = desk.find(catalogue, name);
  if (isVersion(before, version)) return before;
  const now = desk.find(desk.pin([name]), name);
  if (version === "latest" || isVersion(now, version)) return now;
  const older = knownOlder(`${name}@${version}`, desk);
  if (older) return older;
  throw new Failure("UNKNOWN_AGENT", `the agent "${name}" has no version "${version}"`, {
    hint: `The run had ${name}@${before.version}, and it is now ${name}@${now.version} ("latest").`,
    agent: name,
  });
}
