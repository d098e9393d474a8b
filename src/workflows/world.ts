import { type AgentRef, type AgentSpec, refName } from "../core/agent.ts";
import { fingerprint } from "../core/fingerprint.ts";
import type { Limits } from "../core/limits.ts";
import type { Pattern } from "../core/pattern.ts";
import type { Definition } from "./definition.ts";

/** What a definition may name. What is absent is not known, and not checked. */
export interface World {
  readonly patterns: ReadonlyMap<string, Pattern>;
  readonly agents?: KnownAgents;
  readonly workflows?: KnownWorkflows;
  readonly limits?: Limits;
}

/** Who may be asked. */
export interface KnownAgents {
  /** Whether a reference such as `critic`, `critic@2` or `provider/model` means somebody. */
  has(name: string): boolean;
  names(): Iterable<string>;
  /** Whom a reference means, where that is known. */
  spec?(ref: AgentRef): AgentSpec | undefined;
}

/** The saved workflows. */
interface KnownWorkflows {
  names(): Iterable<string>;
  definition(name: string): Definition | undefined;
}

/** Agents by their names, of which a version and `provider/model` may be asked as well. */
export function knownAgents(agents: ReadonlyMap<string, AgentSpec | undefined>): KnownAgents {
  const plain = (name: string): string => name.normalize("NFC").replace(/(?<=.)@[^@/]*$/, "");
  return {
    has: (name) => agents.has(name) || agents.has(plain(name)) || /^[^/\s]+\/\S+$/.test(name),
    names: () => agents.keys(),
    spec(ref) {
      const spec = agents.get(refName(ref)) ?? agents.get(plain(refName(ref)));
      const instructions = typeof ref === "string" ? undefined : ref.instructions;
      if (!spec || instructions === undefined) return spec;
      const system = `${spec.system}\n\n${instructions}`;
      return { ...spec, system, version: fingerprint([spec.version, instructions]).slice(0, 8) };
    },
  };
}
