import { type AgentRef, refName } from "../core/agent.ts";
import type { Catalogue } from "../core/catalogue.ts";
import type { Desk } from "../core/desk.ts";
import type { StartRequest } from "../core/engine.ts";
import { splitModel } from "../core/provider.ts";
import type { Library, PinnedWorkflow } from "../core/workflow.ts";

/** All that a run may meet, by content, and what a worker must have to play it. Throws where somebody named cannot be asked. */
export function pinned(
  { pattern, input, rehearsal }: Pick<StartRequest, "pattern" | "input" | "rehearsal">,
  { desk, library }: { readonly desk: Desk; readonly library?: Library },
): { readonly catalogue: Catalogue; readonly needs: readonly string[] } {
  const named = { agents: pattern.agents(input), workflows: pattern.workflows?.(input) ?? [] };
  const { agents, workflows } = expanded(named, (name) => desk.has(name), library);
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
  const { agents } = expanded(named, (name) => Object.hasOwn(catalogue.agents, name), library);
  return needsOf(agents, catalogue, desk);
}

function needsOf(agents: readonly AgentRef[], catalogue: Catalogue, desk: Desk): readonly string[] {
  const models = agents.flatMap((ref) => desk.find(catalogue, ref).models[0] ?? []);
  return [...new Set(models.map((model) => `provider:${splitModel(model).provider}`))].sort();
}

interface Shelf {
  has(name: string): boolean;
  pin(name: string): PinnedWorkflow | undefined;
}

interface Named {
  readonly agents: readonly AgentRef[];
  readonly workflows: readonly string[];
}

/** Follows saved workflows, also those that stand where an agent might, to everybody they name in turn. */
function expanded(named: Named, isAgent: (name: string) => boolean, library: Shelf | undefined) {
  const agents: AgentRef[] = [];
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
      if (!name.includes("/") && !isAgent(name) && library?.has(name)) visit(name);
      else agents.push(ref);
    }
    for (const name of from.workflows) visit(name);
  };
  follow(named);
  return { agents, workflows };
}
