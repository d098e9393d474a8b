import { z } from "zod";
import { Failure } from "../core/errors.ts";
import { definePattern, type RunContext } from "../core/pattern.ts";
import { Problem, problemOf } from "./parts.ts";
import { counted, listed } from "./texts.ts";
import { askVoters, type Silent } from "./vote-ask.ts";
import { cluster, decidedByHuman, judged, synthesised, type Verdict } from "./vote-decide.ts";
import { checkVote, closers, judgeOf, ruleOf, synthesiserOf, VoteInput, votersOf } from "./vote-input.ts";
import { type Ballot, type Rule, tallyOf, winnerOf } from "./vote-tally.ts";

const Vote = z.object({
  voter: z.string(),
  choice: z.string(),
  answer: z.string().optional().describe("Its own words, where it was counted under another's"),
  confidence: z.number(),
  reason: z.string(),
});

const Output = z.object({
  decision: z.string().nullable().describe("null: nobody won, see tally and dissent"),
  method: z.string(),
  decided_by: z.enum(["majority", "weighted", "unanimous", "judge", "synthesis", "human"]).nullable(),
  reason: z.string().optional().describe("Of whoever decided; or why nobody did"),
  tally: z.record(z.string(), z.number()),
  votes: z.array(Vote),
  dissent: z.array(Vote),
  silent: z
    .array(z.object({ voter: z.string(), asked: z.boolean(), error: Problem.optional() }))
    .optional()
    .describe("Voters without a vote"),
});

/** Independent answers, then a decision that says who made it, on what grounds, and who disagrees. */
export const consensusVote = definePattern({
  name: "consensus_vote",
  version: 1,
  title: "Vote",
  description:
    "Several agents answer a question independently, then it is decided: by count, judge or synthesis; dissent is kept. " +
    "Use it where a wrong answer costs more than asking N times. Not for simple facts or to split work (fan_out).",
  input: VoteInput,
  output: Output,
  subject: "question",
  agents: (input) => [
    ...votersOf(input).map(({ ref }) => ref),
    ...closers(input),
    ...(input.judge ? [input.judge] : []),
  ],
  check: checkVote,

  async run(ctx, input) {
    const quorum = input.quorum ?? Math.floor(input.voters.length / 2) + 1;
    const rule = ruleOf(input);
    const { ballots, silent } = await askVoters(ctx, {
      ...input,
      options: input.options,
      voters: votersOf(input),
      rule,
      quorum,
      early: input.early_stop === "outcome",
      closing: closers(input)[0],
    });
    requireQuorum(ballots, silent, quorum, input.voters.length);
    const failed = silent.filter(({ asked }) => asked);
    if (failed.length > 0) {
      ctx.degrade(`${failed.length} of ${counted(input.voters.length, "voter")} gave no vote: ${namesOf(failed)}`);
    }
    const { overruled, ...verdict } = rule ? await count(ctx, input, rule, ballots) : await decide(ctx, input, ballots);
    return result(input, verdict, ballots, silent, overruled);
  },
});

type Counted = Omit<Verdict, "decided_by"> & {
  readonly decided_by: z.output<typeof Output>["decided_by"];
  /** Whom a synthesis decided against; elsewhere, those who chose otherwise. */
  readonly overruled?: readonly Ballot[];
};

async function count(ctx: RunContext, input: VoteInput, rule: Rule, cast: readonly Ballot[]): Promise<Counted> {
  const ballots = input.options ? cast : await cluster(ctx, judgeOf(input), input.question, cast);
  const winner = winnerOf(rule, ballots);
  if (winner !== undefined) return { decision: winner, decided_by: rule, ballots };
  const why = noWinner(rule, ballots);
  if (input.on_disagreement === "human") return decidedByHuman(ctx, question(input), ballots);
  if (input.on_disagreement === "judge") {
    try {
      return await judged(ctx, judgeOf(input), question(input), ballots);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      ctx.degrade(`the judge could not decide: ${error.code} ${error.message}`);
    }
  }
  ctx.degrade(`no decision: ${why}`);
  return { decision: null, decided_by: null, reason: why, ballots };
}

const decide = (ctx: RunContext, input: VoteInput, ballots: readonly Ballot[]): Promise<Counted> =>
  input.method === "synthesize"
    ? synthesised(ctx, synthesiserOf(input), input.question, ballots)
    : judged(ctx, judgeOf(input), question(input), ballots);

const question = ({ question, options }: VoteInput) => ({ question, options });

function noWinner(rule: Rule, ballots: readonly Ballot[]): string {
  const tally = [...tallyOf(ballots)];
  const most = tally[0]?.[1];
  const leaders = tally.filter(([, weight]) => weight === most).map(([choice]) => choice);
  if (rule === "unanimous") return `the votes are not unanimous: ${tally.length} different answers`;
  if (leaders.length > 1) return `a tie between ${listed(leaders)}`;
  return `${listed(leaders)} leads with ${most}, which is not more than half`;
}

function result(
  { method, options }: VoteInput,
  { decision, decided_by, reason, ballots }: Omit<Counted, "overruled">,
  cast: readonly Ballot[],
  silent: readonly Silent[],
  overruled: readonly Ballot[] | undefined,
): z.output<typeof Output> {
  const vote = ({ voter, choice, confidence, reason }: Ballot) => {
    const answer = cast.find((ballot) => ballot.voter === voter)?.choice;
    return { voter, choice, ...(answer !== undefined && answer !== choice && { answer }), confidence, reason };
  };
  const against = overruled ?? ballots.filter(({ choice }) => choice !== decision);
  return {
    decision,
    method,
    decided_by,
    ...(reason !== undefined && { reason }),
    tally: method === "synthesize" ? {} : Object.fromEntries(tallyOf(ballots, options)),
    votes: ballots.map(vote),
    dissent: against.map(vote),
    ...(silent.length > 0 && {
      silent: silent.map(({ error, ...rest }) => ({ ...rest, ...(error && { error: problemOf(error) }) })),
    }),
  };
}

function requireQuorum(ballots: readonly Ballot[], silent: readonly Silent[], quorum: number, voters: number): void {
  if (ballots.length >= quorum) return;
  const failed = silent.filter(({ asked }) => asked);
  const hint = failed.find(({ error }) => error?.hint)?.error?.hint;
  const message = `${ballots.length} of ${voters} voted, ${quorum} are needed; no vote from ${namesOf(failed)}`;
  throw new Failure("NO_QUORUM", message, hint === undefined ? {} : { hint });
}

const namesOf = (silent: readonly Silent[]): string =>
  silent.map(({ voter, error }) => `${voter} (${error?.code ?? "no answer"})`).join(", ");
