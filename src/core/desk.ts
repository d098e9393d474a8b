import type { AgentRef, AgentSpec } from "./agent.ts";
import type { Catalogue } from "./catalogue.ts";
import type { JsonSchema, ModelReply, Provider } from "./provider.ts";
import type { RetiredKind } from "./versions.ts";

/** What became of an answer: a value of the shape asked for, or why it is none. */
export type Reading =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly code: "BAD_OUTPUT" | "TRUNCATED" | "REFUSED"; readonly problem: string };

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
}

/** Answers remembered by question, for steps that ask for it. A hit costs nothing. */
export interface AnswerCache {
  get(caller: string, question: string): Promise<ModelReply | undefined>;
  set(caller: string, question: string, reply: ModelReply, ttlSeconds: number): Promise<void>;
}
