import { Failure } from "../../core/errors.ts";
import { FENCE_RULE, fence } from "../../core/fence.ts";
import type { RunContext } from "../../core/pattern.ts";
import { counted, paragraphs, quoted } from "../../core/texts.ts";
import { isOver } from "../parts.ts";
import type { Debate } from "./input.ts";
import { holds, lastOf, type Message, standing, type Talk } from "./talk.ts";

const SUMMARISE = paragraphs(
  "Sum up the dialogue so far for those who go on with it: who proposed what, on what grounds, what was objected, what " +
    "was settled and what is open. Where a summary of the part before is given, carry it on. Keep it short; add nothing.",
  FENCE_RULE,
);

/**
 * Sums up what is older than the window, from the last summary on, so that nothing is summed up twice. Between two
 * summaries the part that is shown grows by at most one round.
 */
export async function summarise(ctx: RunContext, debate: Debate, talk: Talk): Promise<void> {
  const until = talk.messages.length - debate.window;
  if (debate.summariser === undefined || until <= talk.covered) return;
  try {
    const { output } = await ctx.call(debate.summariser, {
      name: "summary",
      prompt: paragraphs(
        `# Task\n\n${debate.task}`,
        talk.summary === undefined ? undefined : quoted("# Summary of the part before", "summary", talk.summary),
        "# What was said since",
        ...talk.messages.slice(talk.covered, until).map(spoken),
      ),
      brief: SUMMARISE,
      cache: false,
    });
    talk.summary = output;
    talk.covered = until;
  } catch (error) {
    if (!(error instanceof Failure) || isOver(error)) throw error;
    ctx.degrade(`the older part of the dialogue could not be summed up: ${error.code} ${error.message}`);
  }
}

/** The messages that stand in a prompt word by word: a bounded number, however long the dialogue is. */
export function shownOf({ window, summariser, speakers }: Debate, { messages, covered }: Talk): readonly Message[] {
  const most = summariser === undefined ? window : window + speakers.length;
  return messages.slice(Math.max(summariser === undefined ? 0 : covered, messages.length - most));
}

/** The dialogue as it is put into a prompt: where each stands, the older part in few words, the newer in full. */
export function transcript(debate: Debate, talk: Talk): string {
  const shown = shownOf(debate, talk);
  const hidden = talk.messages.length - shown.length - (talk.summary === undefined ? 0 : talk.covered);
  if (shown.length === 0) return "# The dialogue\n\nNothing has been said yet.";
  return paragraphs(
    quoted("# Where each stands", "positions", debate.speakers.map(({ name }) => stand(talk, name)).join("\n")),
    talk.summary === undefined ? undefined : quoted("# What was said before, in few words", "summary", talk.summary),
    "# What was said last",
    hidden > 0 ? `(${counted(hidden, "earlier message")} left out)` : undefined,
    ...shown.map(spoken),
  );
}

function stand(talk: Talk, name: string): string {
  const last = lastOf(talk, name);
  if (!last) return `${name}: has not spoken`;
  const { position, confidence } = last.payload;
  const role = last === standing(talk) ? ", the standing proposal" : holds(talk, name) ? ", agrees with it" : "";
  return `${name}: ${position} (confidence ${confidence}${role})`;
}

const spoken = ({ id, from, type, payload }: Message): string => fence(`${id}, ${type} by ${from}`, payload.message);
