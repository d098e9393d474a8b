import type { Pattern } from "../core/pattern.ts";
import { controlRun } from "./control-run.ts";
import { decide } from "./decide.ts";
import { getRun } from "./get-run.ts";
import { getRunTrace } from "./get-run-trace.ts";
import { listAgents } from "./list-agents.ts";
import { listRuns } from "./list-runs.ts";
import { manageAgents } from "./manage-agents.ts";
import { manageMemory } from "./manage-memory.ts";
import { manageWorkflows } from "./manage-workflows.ts";
import { publish } from "./publish.ts";
import { publishEvent } from "./publish-event.ts";
import { replayRun } from "./replay-run.ts";
import type { Setting, Tool } from "./tool.ts";

type Toolset = "default" | "admin";

export interface MenuOptions {
  readonly toolsets: readonly Toolset[];
  /** Leaves out all that starts or changes. */
  readonly readOnly: boolean;
}

/** The tools that a client is offered, always in the same order. */
export function menu(patterns: readonly Pattern[], setting: Setting, { toolsets, readOnly }: MenuOptions): Tool[] {
  const starts = patterns.map((pattern) => publish(pattern, setting));
  const looks = [publishEvent, getRun, getRunTrace, listRuns, controlRun, decide, replayRun, listAgents].map((make) =>
    make(setting),
  );
  const manages = [manageAgents(setting), manageWorkflows(setting, patterns), manageMemory(setting)];
  const sets = { default: [...starts, ...looks], admin: manages };
  const offered = (["default", "admin"] as const)
    .filter((name) => toolsets.includes(name))
    .flatMap((name) => sets[name]);
  return offered.filter(({ hints }) => !readOnly || hints.readOnlyHint);
}
