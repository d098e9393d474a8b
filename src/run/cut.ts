import { canonical } from "../core/fingerprint.ts";
import { isUnder } from "../core/place.ts";
import { withoutKeys } from "../core/redact.ts";
import type { Attempt, Line } from "../core/store.ts";
import { cleanMessage } from "./leaving.ts";
import type { Remembered } from "./memory.ts";
import { freshOf, type Question, tagOf } from "./question.ts";

/**
 * The end by time, in a fork's source, that cut off the very question which is about to be asked. Where it cut off
 * several at once nobody can say which of them would be in time now, and they are asked.
 */
export function cutOff(
  cut: readonly Attempt[],
  memory: Remembered,
  place: string,
  question: Question,
): Line | undefined {
  const attempt = cut.findLast((each) => each.place === place);
  if (!attempt || memory.line(place) || !asks(attempt, question)) return undefined;
  const end = endAround(memory, place);
  const isOnlyOne = cut.every((each) => each.place === place || !end || !isUnder(each.place, end.place));
  return isOnlyOne ? end : undefined;
}

function asks({ input, agent }: Attempt, question: Question): boolean {
  const { system, messages, shape } = input;
  const fresh = freshOf(question);
  const same =
    withoutKeys(system) === withoutKeys(question.system) &&
    canonical(messages.slice(0, fresh.length).map(cleanMessage)) === canonical(fresh.map(cleanMessage));
  return same && agent === tagOf(question) && canonical(shape) === canonical(question.shape);
}

/** The nearest branch or inner pattern around a place that ran out of time in the source. */
function endAround(memory: Remembered, place: string): Line | undefined {
  for (let end = place.lastIndexOf("/"); end > 0; end = place.lastIndexOf("/", end - 1)) {
    const line = memory.line(place.slice(0, end));
    if (line?.generation !== 0) continue;
    if (line.kind === "time" || (line.kind === "run" && line.error?.code === "TIMEOUT")) return line;
  }
  return undefined;
}
