import { z } from "zod";
import type { AgentRef } from "../../core/agent.ts";
import { Failure } from "../../core/errors.ts";
import { FENCE_RULE } from "../../core/fence.ts";
import type { RunContext } from "../../core/pattern.ts";
import { counted, paragraphs } from "../../core/texts.ts";
import type { Debate } from "./input.ts";
import { holds, isAgreed, lastOf, Message, STOPS, standing, type Talk } from "./talk.ts";
import { transcript } from "./transcript.ts";

export const DebateOutput = z.object({
  decision: z.string().nullable().describe("null: none, see positions"),
  decided_by: z.enum(["agreement", "judge"]).nullable(),
  reason: z.string().optional().describe("Of the judge, or why there is no decision"),
  stopped_by: z.enum(STOPS),
  stopped_because: z.string().optional(),
  rounds: z.int(),
  positions: z.array(
    z.object({ participant: z.string(), position: z.string(), confidence: z.number(), agreed: z.boolean() }),
  ),
  dissent: z.array(z.object({ participant: z.string(), position: z.string(), reason: z.string() })),
  messages: z.array(Message),
  summary: z.string().optional().describe("Of the older messages"),
});
type DebateOutput = z.output<typeof DebateOutput>;

interface Ruling extends Pick<DebateOutput, "decision" | "decided_by" | "reason"> {
  /** Whose position it goes against. */
  readonly against: readonly string[];
}

const DECIDE = paragraphs(
  "Decide the task by what was said. Weigh the grounds, not how many hold a position or how sure they are. Give the " +
    "decision so that it can be used as it stands, your reason, and the names of those whose position it goes against.",
  FENCE_RULE,
);

/** The end of a debate: the judge decides if one is named, else what all agreed on; else nothing is decided. */
export async function conclude(
  ctx: RunContext,
  debate: Debate,
  judge: AgentRef | undefined,
  talk: Talk,
): Promise<DebateOutput> {
  const ruling = (judge === undefined ? undefined : await judged(ctx, debate, judge, talk)) ?? agreedOn(debate, talk);
  if (ruling.decision === null) ctx.degrade(`no decision: ${ruling.reason}`);
  return reportOf(debate, talk, ruling);
}

async function judged(ctx: RunContext, debate: Debate, judge: AgentRef, talk: Talk): Promise<Ruling | undefined> {
  ctx.tell("the judge decides");
  try {
    const { output } = await ctx.call(judge, {
      name: "decision",
      prompt: paragraphs(`# Task\n\n${debate.task}`, transcript(debate, talk)),
      brief: DECIDE,
      shape: z.object({ decision: z.string().min(1), reason: z.string().min(1), against: z.array(z.string()) }),
      cache: false,
      closing: true,
    });
    return { ...output, decided_by: "judge" };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    ctx.degrade(`the judge could not decide: ${error.code} ${error.message}`);
    return undefined;
  }
}

function agreedOn({ speakers }: Debate, talk: Talk): Ruling {
  const names = speakers.map(({ name }) => name);
  const proposal = standing(talk);
  if (proposal && isAgreed(talk, speakers))
    return { decision: proposal.payload.position, decided_by: "agreement", against: [] };
  const behind = names.filter((name) => holds(talk, name)).length;
  const reason = `${behind} of ${names.length} stand behind the last proposal after ${counted(roundsOf(talk), "round")}`;
  return { decision: null, decided_by: null, reason, against: names };
}

function reportOf({ speakers }: Debate, talk: Talk, { decision, decided_by, reason, against }: Ruling): DebateOutput {
  const spoke = speakers.flatMap(({ name }) => {
    const last = lastOf(talk, name);
    return last ? [{ participant: name, ...last.payload }] : [];
  });
  const { by, why } = talk.stop ?? { by: "rounds" as const };
  return {
    decision,
    decided_by,
    ...(reason !== undefined && { reason }),
    stopped_by: by,
    ...(why !== undefined && { stopped_because: why }),
    rounds: roundsOf(talk),
    positions: spoke.map(({ participant, position, confidence }) => ({
      participant,
      position,
      confidence,
      agreed: holds(talk, participant),
    })),
    dissent: spoke
      .filter(({ participant }) => against.includes(participant))
      .map(({ participant, position, message }) => ({ participant, position, reason: message })),
    messages: talk.messages,
    ...(talk.summary !== undefined && { summary: talk.summary }),
  };
}

/** The rounds in which anything was said. */
const roundsOf = ({ turns }: Talk): number => turns.findLast(({ failed }) => !failed)?.round ?? 0;
