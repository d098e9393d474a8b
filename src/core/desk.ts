import type { AgentRef, AgentSpec } from "./agent.ts";
import type { Catalogue } from "./catalogue.ts";
import type { JsonSchema, ModelReply, Provider } from "./provider.ts";
import type { RetiredKind } from "./versions.ts";
import type { Saved, ToSave } from "./workflow.ts";

/** What became of an answer: a value of the shape asked for, or why it is none. */
export type Reading =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly code: "BAD_OUTPUT" | "TRUNCATED" | "REFUSED"; readonly problem: string };

/** What answers for an agent. */
export type Executor = "model" | "tools" | "function" | "workflow";

/** What must be at hand for an agent to do its work, beside its model. */
export interface Needs {
  /** `server/tool` or `server/*`. */
  readonly tools?: readonly string[];
  readonly servers?: readonly string[];
  readonly memory?: NonNullable<AgentSpec["memory"]>;
  /** The agents that it asks itself. */
  readonly peers?: readonly string[];
  readonly web_search?: true;
}

/** A version of an agent at hand: what its file says now, or what a run has pinned once. */
export interface AgentVersion {
  readonly version: string;
  readonly tag?: string;
  readonly spec: AgentSpec;
  /** The name alone means it. */
  readonly active: boolean;
  /** Its file says it now. */
  readonly file: boolean;
  /** It has been asked in forks alone. */
  readonly tried: boolean;
  readonly first_seen?: number;
  readonly last_seen?: number;
}

/** What an agent is at hand for, as `list_agents` tells it. */
export interface AgentCard {
  readonly name: string;
  readonly kind: "agent" | "model" | "workflow";
  readonly description: string;
  readonly version: string;
  /** What its author calls this version. */
  readonly tag?: string;
  readonly models: readonly string[];
  readonly source: string;
  /** USD a million tokens, in and out; `null` where no price is known. */
  readonly price: { readonly input: number; readonly output: number } | null;
  readonly executor: Executor;
  readonly needs?: Needs;
  /** How many versions there are, where there is more than one; `file` where that says another than the active one. */
  readonly versions?: { readonly count: number; readonly active: string; readonly file?: string };
  /** Others whose descriptions say nearly the same. */
  readonly overlaps?: readonly string[];
  /** Why it cannot be used, where it cannot. */
  readonly refused?: string;
  /** What a reader of it should know: what in its file is not read, which model is left out. */
  readonly notes?: readonly string[];
}

/** The room of agents as the engine and the tools see it. */
export interface Desk {
  /** What a run that names these agents pins; in a rehearsal no vendor is asked. Throws where one of them cannot be asked, and says why. */
  pin(refs: readonly AgentRef[], rehearsal?: boolean): Catalogue;
  /** Learns what was kept, chosen and retired meanwhile, in whatever process; whoever starts a run does so before `pin`. */
  fresh(): Promise<void>;
  /** Why a name may be asked no more; undefined where it may. */
  retired(kind: RetiredKind, name: string): string | undefined;
  /** Is there an agent of this name, usable or not? */
  has(name: string): boolean;
  /** Who a reference means in a pinned catalogue. Throws UNKNOWN_AGENT, with the nearest names. */
  find(catalogue: Catalogue, ref: AgentRef): AgentSpec;
  provider(id: string): Provider | undefined;
  /** Judges a reply against the shape that was asked for: parses, mends what is safe to mend, validates. */
  read(reply: ModelReply, shape: JsonSchema | undefined): Reading;
  list(query?: string): readonly AgentCard[];
  /** All versions of an agent that are at hand, the latest first; empty where nobody knows the name. */
  versions(name: string): readonly AgentVersion[];
  /** Writes an agent's file into the first folder, if it can be asked; throws where it cannot, or somebody's file is there. */
  save(file: ToSave): Saved;
}

/** Answers remembered by question, for steps that ask for it. A hit costs nothing. */
export interface AnswerCache {
  get(caller: string, question: string): Promise<ModelReply | undefined>;
  set(caller: string, question: string, reply: ModelReply, ttlSeconds: number): Promise<void>;
}
