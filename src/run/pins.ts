import { type AgentRef, type AgentSpec, refName } from "../core/agent.ts";
import type { Catalogue } from "../core/catalogue.ts";
import type { Desk } from "../core/desk.ts";
import type { StartRequest } from "../core/engine.ts";
import { splitModel } from "../core/provider.ts";
import { BUILT_IN_SERVER } from "../core/toolbox.ts";
import type { Library, PinnedWorkflow } from "../core/workflow.ts";

/** All that a run may meet, by content, and what a worker must have to play it. Throws where somebody named cannot be asked. */
export function pinned(
  { pattern, input, rehearsal }: Pick<StartRequest, "pattern" | "input" | "rehearsal">,
  { desk, library }: { readonly desk: Desk; readonly library?: Library },
): { readonly catalogue: Catalogue; readonly needs: readonly string[] } {
  const named = { agents: pattern.agents(input), workflows: pattern.workflows?.(input) ?? [] };
  const peers = peersIn(desk.pin([]), desk);
  const { agents, workflows } = expanded({ ...named, peers }, (name) => desk.has(name), library);
  const plain = desk.pin(agents, rehearsal !== undefined);
  const catalogue = workflows.size === 0 ? plain : { ...plain, workflows: Object.fromEntries(workflows) };
  return { catalogue, needs: needsOf(agents, catalogue, desk) };
}

/** What a worker must have to play a run that has pinned this already. */
export function needsOfPinned(
  { pattern, input }: Pick<StartRequest, "pattern" | "input">,
  catalogue: Catalogue,
  desk: Desk,
): readonly string[] {
  const saved = catalogue.workflows ?? {};
  const library = { has: (name: string) => Object.hasOwn(saved, name), pin: (name: string) => saved[name] };
  const named = { agents: pattern.agents(input), workflows: pattern.workflows?.(input) ?? [] };
  const peers = peersIn(catalogue, desk);
  const { agents } = expanded({ ...named, peers }, (name) => Object.hasOwn(catalogue.agents, name), library);
  return needsOf(agents, catalogue, desk);
}

/** The providers of whoever is asked first, and the servers whose tools they are given. */
function needsOf(agents: readonly AgentRef[], catalogue: Catalogue, desk: Desk): readonly string[] {
  const specs = agents.map((ref) => desk.find(catalogue, ref));
  const models = specs.flatMap(({ models: [first], function: own }) => (own ? [] : (first ?? [])));
  const servers = specs.flatMap(({ tools = [] }) => tools.map((grant) => grant.slice(0, grant.indexOf("/"))));
  const needs = [
    ...models.map((model) => `provider:${splitModel(model).provider}`),
    ...servers.filter((server) => server !== BUILT_IN_SERVER).map((server) => `server:${server}`),
  ];
  return [...new Set(needs)].sort();
}

/** Whom an agent may ask itself, and who judges what goes in and comes out of it. */
const peersIn =
  (catalogue: Catalogue, desk: Desk) =>
  (ref: AgentRef): readonly string[] => {
    const { consult = [], guards } = specOr(() => desk.find(catalogue, ref)) ?? {};
    const judges = [...(guards?.input ?? []), ...(guards?.output ?? []), ...(guards?.tools ?? [])];
    return [...consult, ...judges.flatMap((guard) => ("agent" in guard ? guard.agent : []))];
  };

/** Whoever is unknown is refused where all are pinned. */
function specOr(find: () => AgentSpec): AgentSpec | undefined {
  try {
    return find();
  } catch {
    return undefined;
  }
}

interface Shelf {
  has(name: string): boolean;
  pin(name: string): PinnedWorkflow | undefined;
}

interface Named {
  readonly agents: readonly AgentRef[];
  readonly workflows: readonly string[];
}

interface Root extends Named {
  peers(ref: AgentRef): readonly string[];
}

/** Follows saved workflows, also those that stand where an agent might, to everybody they name in turn. */
function expanded(named: Root, isAgent: (name: string) => boolean, library: Shelf | undefined) {
  const agents: AgentRef[] = [];
  const met = new Set<string>();
  const workflows = new Map<string, PinnedWorkflow>();
  const visit = (name: string): void => {
    const workflow = workflows.has(name) ? undefined : library?.pin(name);
    if (!workflow) return;
    workflows.set(name, workflow);
    follow(workflow);
  };
  const follow = (from: Named): void => {
    for (const ref of from.agents) {
      const name = refName(ref);
      if (!name.includes("/") && !isAgent(name) && library?.has(name)) {
        visit(name);
        continue;
      }
      agents.push(ref);
      if (met.has(name)) continue;
      met.add(name);
      follow({ agents: named.peers(ref), workflows: [] });
    }
    for (const name of from.workflows) visit(name);
  };
  follow(named);
  return { agents, workflows };
}
