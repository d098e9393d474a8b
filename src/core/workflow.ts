import type { AgentRef } from "./agent.ts";
import type { EventFilter } from "./event.ts";

/** A saved workflow as a run pins it. */
export interface PinnedWorkflow {
  readonly name: string;
  /** By content. */
  readonly version: string;
  readonly description: string;
  /** The definition itself, checked. */
  readonly definition: unknown;
  /** The input that gets the task where the workflow stands as an agent; absent where it cannot. */
  readonly subject?: string;
  /** Everybody it may ask, and the saved workflows it plays. */
  readonly agents: readonly AgentRef[];
  readonly workflows: readonly string[];
}

/** A workflow as the library knows it now. */
export interface WorkflowCard extends Partial<PinnedWorkflow> {
  readonly name: string;
  readonly description: string;
  readonly source: string;
  /** A JSON Schema of its declared inputs. */
  readonly inputs?: Readonly<Record<string, unknown>>;
  readonly on?: readonly EventFilter[];
  /** What a careful reader would change. */
  readonly warnings: readonly string[];
  /** Why it cannot be used, with line and column. */
  readonly refused?: string;
}

/** A definition that is to become a file of somebody's. */
export interface ToSave {
  readonly name: string;
  /** The file whole. */
  readonly text: string;
  /** Write over a file that is there. */
  readonly replace: boolean;
}

/** Where it was written, and what a careful reader should know of it. */
export interface Saved {
  readonly path: string;
  readonly notes: readonly string[];
}

/** The saved workflows at hand. */
export interface Library {
  /** Throws UNKNOWN_WORKFLOW with the nearest names, or INVALID_WORKFLOW where its file is wrong. */
  pin(name: string): PinnedWorkflow;
  has(name: string): boolean;
  list(): readonly WorkflowCard[];
  /** Writes a workflow's file into the first folder, if it can be played; throws where it cannot, or somebody's file is there. */
  save(file: ToSave): Saved;
}
