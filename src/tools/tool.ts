import type { Desk } from "../core/desk.ts";
import type { Engine } from "../core/engine.ts";
import type { Limits } from "../core/limits.ts";
import type { Log } from "../core/log.ts";
import type { JsonSchema } from "../core/provider.ts";
import type { RunStore } from "../core/store.ts";
import type { Library } from "../core/workflow.ts";
import type { People } from "./people.ts";

/** What stands behind the tools. It is opened by the first who needs it, never by a handshake or a list. */
export interface Rooms {
  readonly engine: Engine;
  readonly store: RunStore;
  readonly desk: Desk;
  readonly people: People;
  /** The saved workflows, where there is a room for them. */
  readonly library?: Library;
}

/** What tools know before any room is open. */
export interface Setting {
  /** Opens the rooms and lets unfinished runs be taken up, if that has not been done. */
  readonly open: () => Promise<Rooms>;
  /** What context files may be read from; absolute. */
  readonly folders: readonly string[];
  readonly limits: Limits;
  readonly log: Log;
}

/** Who calls, and how to reach them while they wait. */
export interface CallContext {
  readonly caller: string;
  /** A person who has shown it calls, and no model; no client can say so of itself. */
  readonly person?: true;
  /** Aborted when they stop waiting; that ends the wait, never a run. */
  readonly signal: AbortSignal;
  /** Present where they want to be told how far it is. */
  readonly progress?: (message: string) => void;
}

interface Link {
  readonly uri: string;
  readonly name: string;
}

/** One answer twice, as data and as text. */
export interface Reply {
  readonly data: Readonly<Record<string, unknown>>;
  readonly text: string;
  readonly isError: boolean;
  readonly links?: readonly Link[];
}

/** What clients may tell their users of a tool before it is called. */
export interface Hints {
  readonly readOnlyHint: boolean;
  readonly destructiveHint: boolean;
  readonly idempotentHint: boolean;
  readonly openWorldHint: boolean;
}

export interface Tool {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly inputSchema: JsonSchema;
  readonly outputSchema: JsonSchema;
  readonly hints: Hints;
  /** Never throws: what goes wrong is an answer too. */
  call(args: unknown, context: CallContext): Promise<Reply>;
}

export const LOOKS: Hints = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };
export const STARTS: Hints = {
  readOnlyHint: false,
  destructiveHint: false,
  idempotentHint: false,
  openWorldHint: true,
};
/** Changes what all later runs rest on, and nothing beyond this server. */
export const MANAGES: Hints = {
  readOnlyHint: false,
  destructiveHint: true,
  idempotentHint: false,
  openWorldHint: false,
};
export const SETTLES: Hints = { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: true };
