import { z } from "zod";
import { listed } from "../../core/texts.ts";
import { Problem, problemOf } from "../parts.ts";
import type { Silent } from "./ask.ts";
import { posteriorOf } from "./confidence.ts";
import type { Verdict } from "./decide.ts";
import { ruleOf, sureOf, type VoteInput } from "./input.ts";
import { type Ballot, type Rule, tallyOf } from "./tally.ts";

const Vote = z.object({
  voter: z.string(),
  choice: z.string(),
  answer: z.string().optional().describe("Its own words, where it was counted under another's"),
  ranking: z.array(z.string()).optional().describe("Best first; `choice` is its first"),
  confidence: z.number(),
  reason: z.string(),
});

/** What a vote comes to. */
export const VoteOutput = z.object({
  decision: z.string().nullable().describe("null: nobody won, see tally and dissent"),
  method: z.string(),
  decided_by: z.enum(["majority", "weighted", "ranked", "unanimous", "judge", "synthesis", "human"]).nullable(),
  reason: z.string().optional().describe("Of whoever decided; or why nobody did"),
  tally: z.record(z.string(), z.number()).describe("Votes; points where ranked"),
  posterior: z.number().optional().describe("How probable the majority was when the rest were not asked"),
  votes: z.array(Vote),
  dissent: z.array(Vote),
  silent: z
    .array(z.object({ voter: z.string(), asked: z.boolean(), error: Problem.optional() }))
    .optional()
    .describe("Voters without a vote"),
});
export type VoteOutput = z.output<typeof VoteOutput>;

/** How a vote came out. */
export type Counted = Omit<Verdict, "decided_by"> & {
  readonly decided_by: VoteOutput["decided_by"];
  /** Whom a synthesis decided against; elsewhere, those who chose otherwise. */
  readonly overruled?: readonly Ballot[];
};

/** Why nobody has won. */
export function noWinner(rule: Rule, ballots: readonly Ballot[], options: readonly string[] | undefined): string {
  const tally = [...tallyOf(ballots, options)].filter(([, weight]) => weight > 0);
  const most = tally[0]?.[1];
  const leaders = tally.filter(([, weight]) => weight === most).map(([choice]) => choice);
  if (rule === "unanimous") return `the votes are not unanimous: ${tally.length} different answers`;
  if (leaders.length > 1) return `a tie between ${listed(leaders)}`;
  return `${listed(leaders)} leads with ${most}, which is not more than half`;
}

/** A vote as it is told: the decision, on what grounds, and who disagrees. */
export function result(
  input: VoteInput,
  { decision, decided_by, reason, ballots }: Omit<Counted, "overruled">,
  cast: readonly Ballot[],
  silent: readonly Silent[],
  overruled: readonly Ballot[] | undefined,
): VoteOutput {
  const { method, options } = input;
  const vote = ({ voter, choice, ranking, confidence, reason }: Ballot) => {
    const answer = cast.find((ballot) => ballot.voter === voter)?.choice;
    const own = answer !== undefined && answer !== choice && { answer };
    return { voter, choice, ...own, ...(ranking && { ranking: [...ranking] }), confidence, reason };
  };
  const against = overruled ?? ballots.filter(({ choice }) => choice !== decision);
  return {
    decision,
    method,
    decided_by,
    ...(reason !== undefined && { reason }),
    tally: method === "synthesize" ? {} : Object.fromEntries(tallyOf(ballots, options)),
    ...sureness(input, decided_by, silent, ballots.length - against.length, against.length),
    votes: ballots.map(vote),
    dissent: against.map(vote),
    ...(silent.length > 0 && {
      silent: silent.map(({ error, ...rest }) => ({ ...rest, ...(error && { error: problemOf(error) }) })),
    }),
  };
}

/** How probable the majority was, where that is why the rest were not asked. */
function sureness(
  input: VoteInput,
  decided_by: Counted["decided_by"],
  silent: readonly Silent[],
  votes: number,
  against: number,
): { readonly posterior?: number } {
  const sure = sureOf(input);
  if (!sure || decided_by !== ruleOf(input) || silent.every(({ asked }) => asked)) return {};
  const posterior = posteriorOf(votes, against);
  return posterior >= sure.threshold ? { posterior } : {};
}
