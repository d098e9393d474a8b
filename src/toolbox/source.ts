import type { JsonSchema } from "../core/provider.ts";
import type { OfferedTool } from "../core/toolbox.ts";

/** A tool as its server lists it, judged by the settings; it has no name for a model yet. */
export interface ListedTool extends Omit<OfferedTool, "name" | "server"> {
  /** What it says that it answers; whether it does is looked at. */
  readonly output?: JsonSchema;
}

/** What a server offers, and what it lists that cannot be had. */
export interface Listed {
  readonly tools: readonly ListedTool[];
  readonly left: readonly { readonly tool: string; readonly why: string }[];
}

/** What a tool said, whole. */
export interface Said {
  readonly text: string;
  readonly is_error: boolean;
}

/** One call: of whom, with what, and by which key a repetition of it is known. */
export interface Call {
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly key: string;
  readonly signal: AbortSignal;
}

/** How a server is doing, for people. */
export interface ServerHealth {
  readonly server: string;
  readonly kind: "built in" | "program" | "address";
  /** `idle` is not started, or ended for want of use; `resting` is left alone for a while. */
  readonly state: "idle" | "starting" | "up" | "resting";
  /** How many tools it listed last. */
  readonly tools?: number;
  /** The last thing that went wrong. */
  readonly last?: string;
  /** Until when it is left alone. */
  readonly until?: number;
}

/** Whoever has tools. It throws nothing but Failure. */
export interface ToolSource {
  list(signal: AbortSignal): Promise<Listed>;
  call(call: Call): Promise<Said>;
  health(): ServerHealth;
  close(): Promise<void>;
}
