import type { AgentRef, AgentSpec } from "../core/agent.ts";
import type { Answer, RunContext, Task } from "../core/pattern.ts";
import type { Teller } from "./call.ts";
import type { Frame } from "./frame.ts";
import type { Playing } from "./playing.ts";

/** A call where it stands, for whoever is to answer it. */
export interface Asking {
  readonly play: Playing;
  readonly frame: Frame;
  readonly place: string;
  readonly ref: AgentRef;
  readonly task: Task<unknown>;
  readonly tell: Teller<Answer<unknown>>;
  readonly contextOf: (frame: Frame) => RunContext;
}

/** One way in which agents answer. It takes a call up and sees it through, or leaves it to the next: false. */
export type Executor = (asking: Asking) => boolean;

/** Whom a reference means; nobody where that is a failure, which its call remembers. */
export function specOf({ stage, catalogue }: Playing, ref: AgentRef): AgentSpec | undefined {
  try {
    return stage.desk.find(catalogue, ref);
  } catch {
    return undefined;
  }
}
