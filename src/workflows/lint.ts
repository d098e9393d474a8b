import type { Definition } from "./definition.ts";
import { anatomyOf } from "./levels.ts";
import { lintAgents } from "./lint/agents.ts";
import { lintData } from "./lint/data.ts";
import { lintDepth } from "./lint/depth.ts";
import { lintFlow } from "./lint/flow.ts";
import { lintJudges } from "./lint/judges.ts";
import { lintSkips } from "./lint/skips.ts";
import type { Finding } from "./problems.ts";
import type { World } from "./world.ts";

/** What a careful reader would change in a definition that can be played: never a mistake, often one in the making. */
export function lintWorkflow(definition: Definition, world: World): Finding[] {
  const anatomy = anatomyOf(definition);
  return [
    ...lintAgents(anatomy, world),
    ...lintJudges(anatomy, world),
    ...lintFlow(anatomy),
    ...lintData(anatomy),
    ...lintSkips(anatomy),
    ...lintDepth(anatomy, world),
  ];
}
