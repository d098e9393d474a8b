import { z } from "zod";
import { Failure } from "../../core/errors.ts";
import { FENCE_RULE } from "../../core/fence.ts";
import { toNano } from "../../core/money.ts";
import type { RunContext } from "../../core/pattern.ts";
import { stallOf } from "../../core/stalls.ts";
import { paragraphs } from "../../core/texts.ts";
import { isOver } from "../parts.ts";
import type { Debate } from "./input.ts";
import { closeRound, isAgreed, isOut, type Stop, type Talk } from "./talk.ts";
import { transcript } from "./transcript.ts";

/** What ends the dialogue right after a turn. */
export function stopAfterTurn(ctx: RunContext, { speakers, stop, agreement }: Debate, talk: Talk): Stop | undefined {
  const { usd, input, output } = ctx.spent();
  const left = speakers.filter(({ name }) => !isOut(talk, name));
  if (agreement && isAgreed(talk, speakers)) return { by: "agreement" };
  if (left.length < 2) return { by: "speakers", why: "fewer than two speakers are left" };
  if (stop.text !== undefined && contains(talk.messages.at(-1)?.payload.message, stop.text)) return { by: "text" };
  if (stop.tokens !== undefined && input + output >= stop.tokens) return { by: "tokens" };
  if (stop.usd !== undefined && usd >= toNano(stop.usd)) return { by: "usd" };
  if (stop.seconds !== undefined && ctx.elapsed() >= stop.seconds * 1000) return { by: "seconds" };
  return undefined;
}

const contains = (text: string | undefined, phrase: string): boolean =>
  text?.toLowerCase().includes(phrase.toLowerCase()) ?? false;

/** What ends the dialogue at the end of a round. The judge is asked last, and not where the round was the last anyway. */
export async function stopAfterRound(ctx: RunContext, debate: Debate, talk: Talk): Promise<Stop | undefined> {
  closeRound(talk, debate.speakers);
  if (debate.stop.stall !== undefined && talk.stalled >= debate.stop.stall) return { by: "stall" };
  if (talk.round >= debate.rounds) return { by: "rounds" };
  const verdict = stallOf(talk.said);
  if (verdict.is === "stop") return { by: "stall", why: `the rounds bring nothing new: ${verdict.evidence}` };
  return assessed(ctx, debate, talk);
}

const ASSESS = paragraphs(
  "Judge whether the dialogue has done its task well enough to end here: is there an answer that is right, complete and " +
    "tested against what was objected? Whether all agree is not the question. Give your reason.",
  FENCE_RULE,
);

async function assessed(ctx: RunContext, debate: Debate, talk: Talk): Promise<Stop | undefined> {
  if (debate.assessor === undefined) return undefined;
  try {
    const { output } = await ctx.call(debate.assessor, {
      name: "enough",
      prompt: paragraphs(`# Task\n\n${debate.task}`, transcript(debate, talk)),
      brief: ASSESS,
      shape: z.object({ enough: z.boolean(), reason: z.string().min(1) }),
      cache: false,
    });
    return output.enough ? { by: "judge", why: output.reason } : undefined;
  } catch (error) {
    if (!(error instanceof Failure) || isOver(error)) throw error;
    ctx.degrade(`nobody could say whether round ${talk.round} was good enough: ${error.code} ${error.message}`);
    return undefined;
  }
}
