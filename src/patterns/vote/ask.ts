import { z } from "zod";
import type { AgentRef } from "../../core/agent.ts";
import type { FailureInfo } from "../../core/errors.ts";
import type { RunContext, Task } from "../../core/pattern.ts";
import { counted, paragraphs } from "../../core/texts.ts";
import { rankingOf } from "./ranked.ts";
import { isSettled, type Standing, type Sure, waveOf } from "./stop.ts";
import { type Ballot, clamped, type Rule } from "./tally.ts";

export interface Voter {
  readonly name: string;
  readonly ref: AgentRef;
  readonly weight: number;
}

/** A voter without a vote: it failed, or it was not asked because the outcome could no longer change. */
export interface Silent {
  readonly voter: string;
  readonly asked: boolean;
  readonly error?: FailureInfo;
}

export interface Poll {
  readonly question: string;
  readonly options: readonly string[] | undefined;
  readonly voters: readonly Voter[];
  /** Answers are to be counted, so they must be short; else they may be as long as they need. */
  readonly rule: Rule | undefined;
  readonly quorum: number;
  /** Asks in waves, until nobody else need be asked. */
  readonly early: boolean;
  /** When a probable majority is enough for that. */
  readonly sure: Sure | undefined;
  readonly closing: AgentRef | undefined;
}

/** Asks each voter alone: all at once, or in waves until nobody else need be asked. */
export async function askVoters(
  ctx: RunContext,
  poll: Poll,
): Promise<{ readonly ballots: readonly Ballot[]; readonly silent: readonly Silent[] }> {
  const ballots: Ballot[] = [];
  const silent: Silent[] = [];
  let waiting = poll.voters;
  for (let wave = 1; waiting.length > 0 && !isDecided(poll, ballots, waiting); wave++) {
    const size = sizeOf(poll, ballots, waiting);
    ctx.tell(`${wave > 1 ? `wave ${wave}: ` : ""}asking ${counted(size, "voter")}`);
    const asked = await askWave(ctx, poll, waiting.slice(0, size));
    ballots.push(...asked.flatMap((result) => ("choice" in result ? [result] : [])));
    silent.push(...asked.flatMap((result) => ("choice" in result ? [] : [result])));
    waiting = waiting.slice(size);
  }
  return { ballots, silent: [...silent, ...waiting.map(({ name }) => ({ voter: name, asked: false }))] };
}

const standing = (
  { rule = "majority", quorum, options, sure, voters }: Poll,
  ballots: readonly Ballot[],
  waiting: readonly Voter[],
): Standing => ({
  rule,
  ballots,
  quorum,
  options,
  sure,
  waiting: waiting.map(({ weight }) => weight),
  failed: voters.length - waiting.length - ballots.length,
});

const isDecided = (poll: Poll, ballots: readonly Ballot[], waiting: readonly Voter[]): boolean =>
  poll.early && isSettled(standing(poll, ballots, waiting));

const sizeOf = (poll: Poll, ballots: readonly Ballot[], waiting: readonly Voter[]): number =>
  poll.early ? waveOf(standing(poll, ballots, waiting)) : waiting.length;

async function askWave(ctx: RunContext, poll: Poll, voters: readonly Voter[]): Promise<(Ballot | Silent)[]> {
  const question = ballotQuestion(poll);
  const settled = await ctx.map(voters, (voter, branch) => branch.call(voter.ref, question), {
    join: { kind: "settle" },
    ...(poll.closing !== undefined && { closing: poll.closing }),
  });
  return voters.map(({ name, weight }, index) => {
    const result = settled[index];
    if (!result?.ok) return { voter: name, asked: true, ...(result && { error: result.error }) };
    return { voter: name, ...cast(result.value.output, poll.options), weight };
  });
}

/** What a voter answers: a choice, or the options ranked. */
interface Cast {
  readonly choice?: string | undefined;
  readonly ranking?: readonly string[] | undefined;
  readonly confidence: number;
  readonly reason: string;
}

function cast({ choice, ranking, confidence, reason }: Cast, options: readonly string[] = []) {
  const said = { confidence: clamped(confidence), reason };
  if (!ranking) return { choice: choice ?? "", ...said };
  const order = rankingOf(ranking, options);
  return { choice: order[0] ?? "", ...said, ranking: order };
}

const CONFIDENCE = z.number().describe("How sure you are, from 0 to 1");
const REASON = z.string().describe("Why, in a few sentences");

/** One question for all voters. Each answers alone: samples that came from a cache would not be independent. */
export function ballotQuestion({ question, options, rule }: Pick<Poll, "question" | "options" | "rule">): Task<Cast> {
  return {
    prompt: paragraphs(
      options ? `# Question\n\n${question}` : question,
      options && `# Options\n\n${options.map((option) => `- ${option}`).join("\n")}`,
    ),
    brief: `Answer the question by yourself. ${howTo(options, rule)} Say how sure you are and why.`,
    shape: ballotShape(options, rule),
    cache: false,
  };
}

function ballotShape(options: readonly string[] | undefined, rule: Rule | undefined): z.ZodType<Cast> {
  if (options && rule === "ranked") {
    const ranking = z.array(z.enum(options)).min(1).describe("All options, best first");
    return z.object({ ranking, confidence: CONFIDENCE, reason: REASON });
  }
  const choice = options ? z.enum(options) : z.string().min(1);
  return z.object({ choice, confidence: CONFIDENCE, reason: REASON });
}

function howTo(options: readonly string[] | undefined, rule: Rule | undefined): string {
  if (rule === "ranked") return "Rank all of the options from best to worst, each once.";
  if (options) return "Choose exactly one of the options.";
  return rule ? "Put your answer into `choice`, as briefly as it can be said." : "Put your whole answer into `choice`.";
}
