import type { ModelRequest } from "../../core/provider.ts";
import type { Endpoint } from "./endpoint.ts";
import { effortLesson, type MostEffort } from "./lessons.ts";
import { isStrict } from "./shapes.ts";

/** How a model of this server wants to be asked, as far as its refusals have taught. */
export interface Manner {
  readonly field: Endpoint["maxTokensField"];
  readonly temperature: boolean;
  /** The most effort that it can be told, if any. */
  readonly effort: MostEffort;
  /** Tools may be asked for strictly. */
  readonly strict: boolean;
  /** It can be told to call none of the tools in its sight; else they are taken out of it. */
  readonly choice: boolean;
}

/** What a refusal by a server of chat completions teaches of how to ask: another manner, or nothing. */
export function lesson(complaint: string, request: ModelRequest, manner: Manner): Manner | undefined {
  const other = manner.field === "max_tokens" ? "max_completion_tokens" : "max_tokens";
  if (new RegExp(`\\b${manner.field}\\b`).test(complaint) && UNSUPPORTED.test(complaint))
    return { ...manner, field: other };
  if (manner.temperature && request.temperature !== undefined && /\btemperature\b/.test(complaint))
    return { ...manner, temperature: false };
  const effort = effortLesson(complaint, request.effort, manner.effort);
  return effort ? { ...manner, effort } : toolLesson(complaint, request, manner);
}

function toolLesson(complaint: string, { tools = [], must_answer }: ModelRequest, manner: Manner): Manner | undefined {
  const strictly = manner.strict && tools.some(({ input }) => isStrict(input));
  if (strictly && /\bstrict\b|schema for function|function parameters/i.test(complaint))
    return { ...manner, strict: false };
  const chosen = tools.length > 0 && must_answer && manner.choice;
  return chosen && /\btool_choice\b/.test(complaint) ? { ...manner, choice: false } : undefined;
}

const UNSUPPORTED = /unsupported|not supported|unknown|unrecogni[sz]ed|unexpected|not permitted|invalid|use '?max/i;
