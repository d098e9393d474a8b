import type { Pattern } from "../core/pattern.ts";
import { consensusVote } from "./consensus-vote.ts";
import { debate } from "./debate.ts";
import { fanOut } from "./fan-out.ts";
import { refine } from "./refine.ts";
import { runAgent } from "./run-agent.ts";
import { runPipeline } from "./run-pipeline.ts";

/** The patterns, each of which is also a tool. To add one, write its file and name it here. */
export const patterns: readonly Pattern[] = [runAgent, runPipeline, fanOut, consensusVote, debate, refine];
