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
  const { agents, workflows } = expanded(named, desk, library);
  const plain = desk.pin(agents, rehearsal !== undefined);
  const catalogue = workflows.size === 0 ? plain : { ...plain, workflows: Object.fromEntries(workflows) };
  const models = agents.flatMap((ref) => desk.find(catalogue, ref).models[0] ?? []);
  const needs = [...new Set(models.map((model) => `provider:${splitModel(model).provider}`))].sort();
  return { catalogue, needs };
}

interface Named {
  readonly agents: readonly AgentRef[];
  readonly workflows: readonly string[];
}

/** Follows saved workflows, also those that stand where an agent might, to everybody they name in turn. */
function expanded(named: Named, desk: Desk, library: Library | undefined) {
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
      if (!name.includes("/") && !desk.has(name) && library?.has(name)) visit(name);
      else agents.push(ref);
    }
    for (const name of from.workflows) visit(name);
  };
  follow(named);
  return { agents, workflows };
}
