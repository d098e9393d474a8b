import { FENCE_RULE, fence } from "./fence.ts";
import { fingerprint } from "./fingerprint.ts";
import type { Shortening } from "./material.ts";
import type { Task } from "./pattern.ts";
import { paragraphs } from "./texts.ts";

/** One summary that is to be made: the same text, agent and length make one. */
export type Wanted = Pick<Shortening, "by" | "words" | "text">;

export const wantedPrint = ({ by, words, text }: Wanted): string => fingerprint([by, words, text]);

/** What whoever makes a summary is asked; the text stands first, so that vendors remember it for another length. */
export const summaryTask = ({ text, words }: Wanted): Task => ({
  prompt: paragraphs(
    `# Text\n${fence("text", text)}`,
    `Summarise this text in at most ${words} words, for somebody who has to work with it and cannot see it: facts, figures, ` +
      "names, decisions, open points. Write the summary and nothing else.",
  ),
  brief: FENCE_RULE,
});

/** A summary as it stands in a prompt: it says that it is one, and of how much. */
export const summaryText = ({ by, text }: Wanted, summary: string): string =>
  `[summary by ${JSON.stringify(by)} of ${text.length.toLocaleString("en")} characters]\n${summary}`;

/** The line that stands in a run's input until the summary is made. */
export const summaryMark = (wanted: Shortening): string =>
  `<summary name=${JSON.stringify(wanted.name)} by=${JSON.stringify(wanted.by)} words="${wanted.words}" id="${fingerprint([wanted.name, wantedPrint(wanted)])}"/>`;
