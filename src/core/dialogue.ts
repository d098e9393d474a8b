import type { AgentSpec } from "./agent.ts";

/** So often is a model asked for one answer, where its agent says nothing. */
export const MAX_TURNS = 20;
/** So long may the result of a tool be, in bytes, where the agent says nothing; the rest is cut, and marked so. */
export const TOOL_OUTPUT_BYTES = 65_536;
/** A turn for mending what a check of the answer has found. */
export const MENDINGS = 1;

/** Has an agent anything that one question cannot give? Then its answer is a dialogue. */
export const talks = ({ tools, consult, scratchpad, memory, web_search, guards, input_schema }: AgentSpec): boolean =>
  [tools, consult].some((list) => list && list.length > 0) ||
  [scratchpad, memory, web_search, guards, input_schema].some((part) => part !== undefined);

/** Has it anything to use between its turns? */
export const usesTools = ({ tools, consult, scratchpad, memory }: AgentSpec): boolean =>
  [tools, consult].some((list) => list && list.length > 0) || [scratchpad, memory].some((part) => part !== undefined);
