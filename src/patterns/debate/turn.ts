import { z } from "zod";
import { type AgentRef, refName } from "../../core/agent.ts";
import { Failure } from "../../core/errors.ts";
import { FENCE_RULE } from "../../core/fence.ts";
import type { RunContext } from "../../core/pattern.ts";
import { mayHaveWaited, stallOf, warned } from "../../core/stalls.ts";
import { listed, paragraphs, quoted } from "../../core/texts.ts";
import { isOver } from "../parts.ts";
import type { Debate, Speaker } from "./input.ts";
import { acknowledge, holds, isOut, note, placeOfTurn, Said, standing, type Talk, turnsOf } from "./talk.ts";
import { shownOf, transcript } from "./transcript.ts";

/** Who speaks next in this round; nobody: the round is over. */
export async function nextSpeaker(ctx: RunContext, debate: Debate, talk: Talk): Promise<Speaker | undefined> {
  const { speakers, moderator, rule } = debate;
  if (talk.turns.filter(({ round }) => round === talk.round).length >= speakers.length) return undefined;
  const may = speakers.filter(({ name }) => mayBeAsked(debate, talk, name));
  if (moderator !== undefined) return moderated(ctx, debate, talk, moderator, inTurn(debate, talk, may));
  if (rule === undefined) return may.find(({ name }) => turnsOf(talk, name) === 0);
  const { from: last = "", payload: { message: text = "" } = {} } = talk.messages.at(-1) ?? {};
  return inTurn(debate, talk, may).find(({ name }) =>
    rule.holds({ name, last, round: talk.round, spoke: turnsOf(talk, name), text }),
  );
}

/** Nobody answers himself, and whoever stands behind the proposal on the table has nothing new to answer. */
function mayBeAsked({ agreement }: Debate, talk: Talk, name: string): boolean {
  if (isOut(talk, name) || talk.messages.at(-1)?.from === name) return false;
  return !(agreement && holds(talk, name));
}

/** Beginning after whoever spoke last, so that everybody's turn comes. */
function inTurn({ speakers }: Debate, talk: Talk, may: readonly Speaker[]): Speaker[] {
  const last = speakers.findIndex(({ name }) => name === talk.messages.at(-1)?.from);
  return [...speakers.slice(last + 1), ...speakers.slice(0, last + 1)].filter((speaker) => may.includes(speaker));
}

const MODERATE = paragraphs(
  "You lead this dialogue and say nothing to its matter. Choose who speaks next: whoever can bring it forward most, by what " +
    "was objected, left open, or not yet heard.",
  FENCE_RULE,
);

/** Where only one may speak, there is nothing to choose and nobody is asked. */
async function moderated(
  ctx: RunContext,
  debate: Debate,
  talk: Talk,
  moderator: AgentRef,
  may: readonly Speaker[],
): Promise<Speaker | undefined> {
  if (may.length < 2) return may[0];
  const names = may.map(({ name }) => name);
  try {
    const { output } = await ctx.call(moderator, {
      name: "moderator",
      prompt: paragraphs(
        `# Task\n\n${debate.task}`,
        transcript(debate, talk),
        `# Who may speak\n\n${names.map((name) => `- ${name}`).join("\n")}`,
      ),
      brief: MODERATE,
      shape: z.object({ next: z.enum(names), reason: z.string() }),
      cache: false,
    });
    return may.find(({ name }) => name === output.next);
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== "BAD_OUTPUT") throw error;
    throw new Failure("BAD_OUTPUT", `the moderator ${listed([refName(moderator)])} named nobody who may speak`, {
      hint: `It could name ${listed(names)}. Ask another moderator, or choose speakers by round_robin.`,
      cause: error,
    });
  }
}

const SPEAK =
  "Bring the task to the best answer, not your side to victory: answer the strongest of what was said, give grounds, " +
  "change your position where theirs are better. If the standing proposal is right as it stands, agree; else say what is " +
  "wrong with it and what you put in its place.";

/** One speaker has its say. Whoever fails is left out of the round, and the run says so. */
export async function speak(ctx: RunContext, debate: Debate, talk: Talk, speaker: Speaker): Promise<void> {
  const { name, ref } = speaker;
  const shown = shownOf(debate, talk);
  const place = placeOfTurn(talk, name);
  ctx.tell(`round ${talk.round} of ${debate.rounds}: ${name} speaks`);
  try {
    const answer = await ctx.call<Said>(ref, {
      name,
      ...questionTo(debate, talk, name),
      shape: Said,
      cache: false,
    });
    acknowledge(shown, name, place, answer.at);
    note(talk, debate, speaker, answer);
    talk.turns.push({ name, round: talk.round, waited: mayHaveWaited(answer) });
  } catch (error) {
    if (!(error instanceof Failure) || isOver(error)) throw error;
    acknowledge(shown, name, place, undefined);
    talk.turns.push({ name, round: talk.round, failed: true });
    ctx.degrade(`${name} was left out of round ${talk.round}: ${error.code} ${error.message}`);
  }
}

/** What somebody is asked when its turn comes. */
export function questionTo(
  debate: Debate,
  talk: Talk,
  name: string,
): { readonly prompt: string; readonly brief: string } {
  const { task, speakers, rounds } = debate;
  const proposal = standing(talk);
  const others = speakers.map((speaker) => speaker.name).filter((other) => other !== name);
  const prompt = paragraphs(
    `# Task\n\n${task}`,
    transcript(debate, talk),
    proposal && quoted(`# The standing proposal, by ${proposal.from}`, "proposal", proposal.payload.position),
    warned(stallOf(talk.said)),
    `# Your turn\n\nRound ${talk.round} of ${rounds}. You are ${name}.`,
  );
  const brief = paragraphs(`You are ${listed([name])} in a dialogue with ${listed(others)}. ${SPEAK}`, FENCE_RULE);
  return { prompt, brief };
}
