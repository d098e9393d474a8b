import { Failure } from "../../core/errors.ts";
import type { Effort, ModelRequest } from "../../core/provider.ts";
import { type Asked, classify } from "./classify.ts";

/** The most effort that a model can be told, as far as is known. */
export type MostEffort = "max" | "high" | "none";

const isGreat = (effort: Effort): boolean => effort === "xhigh" || effort === "max";

/** The effort that is told, of the one that is wished. */
export function effortTold(wished: Effort | undefined, most: MostEffort): Effort | undefined {
  if (wished === undefined || most === "none") return undefined;
  return most === "high" && isGreat(wished) ? "high" : wished;
}

/** What a refusal teaches of effort: less of it, or none; undefined where it speaks of something else. */
export function effortLesson(complaint: string, wished: Effort | undefined, most: MostEffort): MostEffort | undefined {
  if (wished === undefined || most === "none" || !/\b(reasoning_)?effort\b/i.test(complaint)) return undefined;
  return most === "max" && isGreat(wished) ? "high" : "none";
}

/** What a model refuses beside tools it may well take without them. */
export const whoOf = ({ model, tools, web_search }: ModelRequest): string =>
  `${model}${tools?.length ? " with tools" : ""}${web_search ? " searching" : ""}`;

/** A vendor's own words of complaint, and what it complains of. */
export function complaintOf(error: unknown): string {
  const { param, message } = error as { param?: unknown; message?: unknown };
  return `${param} ${message}`;
}

/** What went wrong with a request that may have had tools: a model that knows none says so, with the way out. */
export function failureOf(error: unknown, asked: Asked, { model, tools }: ModelRequest): Failure {
  const failure = classify(error, asked);
  const { code } = failure;
  if (!tools?.length || (code !== "BAD_REQUEST" && code !== "UNKNOWN_MODEL")) return failure;
  const complaint = complaintOf(error);
  if (!NO_TOOLS.some((words) => words.test(complaint))) return failure;
  const hint = `${model} cannot use tools: give this agent a model that can, or take its tools away.`;
  return new Failure("BAD_REQUEST", failure.message, { ...failure.options, hint });
}

const NO_TOOLS = [
  /(not|n't|no endpoints)\b.{0,40}\b(support|allow|accept|permit|enable)\w*.{0,40}\b(tools?|functions?)\b/i,
  /no endpoints.{0,60}\btool/i,
  /\b(tools?|tool[ _](use|calls?|choice)|functions?|function.?call\w*)\b.{0,60}\b(not|un)[ -]?(supported|allowed|available|enabled|permitted)/i,
  /\b(unknown|unrecogni[sz]ed|unsupported|unexpected|extra)\b.{0,40}['"`.]?\btools?\b/i,
  /enable-auto-tool-choice|tool-call-parser/i,
];
