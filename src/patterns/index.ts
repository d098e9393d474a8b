import type { Pattern } from "../core/pattern.ts";
import { consensusVote } from "./consensus-vote.ts";
import { debate } from "./debate.ts";
import { fanOut } from "./fan-out.ts";
import { handOff } from "./hand-off.ts";
import { planAndExecute } from "./plan-and-execute.ts";
import { refine } from "./refine.ts";
import { runAgent } from "./run-agent.ts";
import { runPipeline } from "./run-pipeline.ts";
import { supervise } from "./supervise.ts";

/** The patterns, each of which is also a tool. To add one, write its file and name it here. */
export const patterns: readonly Pattern[] = [
  runAgent,
  runPipeline,
  fanOut,
  consensusVote,
  debate,
  refine,
  supervise,
  handOff,
  planAndExecute,
];
