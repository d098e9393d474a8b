import { fingerprint } from "../core/fingerprint.ts";
import { filesIn, marksIn } from "../core/material.ts";
import { splitModel } from "../core/provider.ts";
import type { Standing } from "./asking.ts";
import type { Playing } from "./playing.ts";
import { WORTH_CHARS } from "./prefixes.ts";
import type { Question } from "./question.ts";

/** Makes a question known among those of its run that begin alike. */
export function joinAlike({ play, question }: Standing, model: string): void {
  const before = lengthBefore(play, question);
  if (isWorthIt(play, question, model)) play.prefixes.join(familyOf(play, question, model), question.prompt, before);
}

/** How much of the beginning of a question others in its run have as well, and what it is; nothing where it is little. */
export function sharedOf(
  { play, question }: Standing,
  model: string,
): { readonly chars: number; readonly print: string } | undefined {
  if (!isWorthIt(play, question, model)) return undefined;
  const family = familyOf(play, question, model);
  const chars = play.prefixes.shared(family, question.prompt);
  return chars === undefined ? undefined : { chars, print: fingerprint([family, question.prompt.slice(0, chars)]) };
}

/** Where nothing is charged, nothing is spared by waiting; and a later turn of a dialogue is alone with its beginning. */
const isWorthIt = (play: Playing, question: Question, model: string): boolean =>
  lengthBefore(play, question) + question.prompt.length >= WORTH_CHARS &&
  play.stage.desk.provider(splitModel(model).provider)?.free === false &&
  !question.turn?.after;

/** What stands before a prompt; a file stands there as well, and is worth remembering by itself. */
const lengthBefore = ({ files }: Playing, { system, turn, prompt }: Question): number =>
  system.length +
  (turn ? JSON.stringify(turn.tools).length : 0) +
  filesIn(prompt, files).reduce((sum, { data }) => sum + data.length, 0);

/** The same for questions that differ in their prompt alone, and not in the files before it. */
const familyOf = ({ files }: Playing, { system, turn, shape, prompt }: Question, model: string): string =>
  fingerprint({ model, system, tools: turn?.tools, shape, files: marksIn(prompt, files) });
