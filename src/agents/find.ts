import { type AgentRef, type AgentSpec, refName } from "../core/agent.ts";
import type { Catalogue } from "../core/catalogue.ts";
import { Failure } from "../core/errors.ts";
import { fingerprint } from "../core/fingerprint.ts";
import { nearest } from "../core/nearest.ts";

/** The most one answer may have where nobody says otherwise: room for a long text and some thinking, and a reserve of cents. */
export const DEFAULT_MAX_OUTPUT_TOKENS = 8192;

type Pinned = Pick<Catalogue, "agents" | "models" | "limits" | "rehearsal">;

/**
 * Who a reference means, by nothing but what is pinned: an agent, one version of it (`critic@1f3a9c02`, or `critic@1.0.0` as its file says), a tier of the
 * setting `models`, or `provider/model`. Instructions follow what an agent is told anyway; a plain model is told them alone.
 */
export function find(catalogue: Pinned, ref: AgentRef): AgentSpec {
  const key = JSON.stringify(ref);
  const known = found.get(catalogue) ?? new Map<string, AgentSpec>();
  const spec = known.get(key) ?? cast(catalogue, meant(catalogue, ref));
  if (known.size < KEPT) found.set(catalogue, known.set(key, spec));
  return spec;
}

/** A catalogue never changes, and a run asks the same agents again and again. */
const found = new WeakMap<Pinned, Map<string, AgentSpec>>();
const KEPT = 500;

/** The model that answers for all others in a rehearsal. */
export const REHEARSED = "rehearsal/default";

const cast = ({ rehearsal }: Pinned, spec: AgentSpec): AgentSpec =>
  rehearsal ? { ...spec, models: [REHEARSED] } : spec;

function meant(catalogue: Pinned, ref: AgentRef): AgentSpec {
  const spec = byName(catalogue, refName(ref).normalize("NFC"));
  const instructions = typeof ref === "string" ? undefined : ref.instructions;
  if (instructions === undefined) return spec;
  const system = spec.system === "" ? instructions : `${spec.system}\n\n${instructions}`;
  const { version: _, ...told } = { ...spec, system, source: "instructions" };
  return { ...told, version: shortPrint(told) };
}

/** A plain model as an agent: it is told nothing that its user did not write. */
export function plainModel(model: string, { limits }: Pick<Catalogue, "limits">, name = model): AgentSpec {
  const spec = {
    name,
    description: `The model ${model}, with no instructions of its own.`,
    system: "",
    models: [model],
    max_output_tokens: limits.max_output_tokens ?? DEFAULT_MAX_OUTPUT_TOKENS,
    source: "model",
  };
  return { ...spec, version: shortPrint(spec) };
}

const shortPrint = (thing: object): string => fingerprint(thing).slice(0, 8);

function byName(catalogue: Pinned, name: string): AgentSpec {
  const { agents, models } = catalogue;
  const agent = own(agents, name);
  if (agent) return agent;
  const tier = own(models, name);
  if (tier !== undefined) return plainModel(tier, catalogue, name);
  if (/^[^/\s]+\/\S+$/.test(name)) return plainModel(name, catalogue);
  return versioned(catalogue, name);
}

function versioned(catalogue: Pinned, name: string): AgentSpec {
  const at = name.lastIndexOf("@");
  const agent = at > 0 ? own(catalogue.agents, name.slice(0, at)) : undefined;
  if (!agent) throw unknown(catalogue, name);
  if ([agent.version, agent.tag].includes(name.slice(at + 1))) return agent;
  throw new Failure("UNKNOWN_AGENT", `The agent "${agent.name}" has no version "${name.slice(at + 1)}"`, {
    hint: `It is now ${agent.name}@${agent.version}${agent.tag === undefined ? "" : ` (${agent.tag})`}; without a version, the present one is meant.`,
    agent: name,
  });
}

const SHORT = 30;

function unknown({ agents, models }: Pinned, name: string): Failure {
  const names = [...Object.keys(agents), ...Object.keys(models)];
  const near = nearest(name.replace(/@.*$/, ""), names);
  const all = names.length <= SHORT ? `At hand: ${names.join(", ")}. ` : "See list_agents for all names. ";
  const meant = near.length > 0 ? `; did you mean ${near.map((one) => `"${one}"`).join(" or ")}?` : "";
  return new Failure("UNKNOWN_AGENT", `There is no agent "${name}"${meant}`, {
    hint: `${all}A plain model is written provider/model, such as openai/gpt-5-mini.`,
    agent: name,
  });
}

const own = <T>(record: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(record, name) ? record[name] : undefined;
