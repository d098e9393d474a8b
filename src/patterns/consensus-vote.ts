import { Failure } from "../core/errors.ts";
import { definePattern, type RunContext } from "../core/pattern.ts";
import { counted } from "../core/texts.ts";
import { judgesItself, oneVoice } from "./advice.ts";
import { askVoters, type Silent } from "./vote/ask.ts";
import { cluster, decidedByHuman, judged, synthesised } from "./vote/decide.ts";
import {
  checkVote,
  closers,
  judgeOf,
  quorumOf,
  ruleOf,
  sureOf,
  synthesiserOf,
  VoteInput,
  votersOf,
} from "./vote/input.ts";
import { outlineVote } from "./vote/outline.ts";
import { type Counted, noWinner, result, VoteOutput } from "./vote/result.ts";
import { type Ballot, type Rule, winnerOf } from "./vote/tally.ts";

/** Independent answers, then a decision that says who made it, on what grounds, and who disagrees. */
export const consensusVote = definePattern({
  name: "consensus_vote",
  version: 1,
  title: "Vote",
  description:
    "Several agents answer a question independently, then it is decided: by count, judge or synthesis; dissent is kept. " +
    "Use it where a wrong answer costs more than asking N times. Not for simple facts or to split work (fan_out).",
  input: VoteInput,
  output: VoteOutput,
  subject: "question",
  agents: (input) => [
    ...votersOf(input).map(({ ref }) => ref),
    ...closers(input),
    ...(input.judge ? [input.judge] : []),
  ],
  check: checkVote,
  outline: outlineVote,
  advice: (input, who) => {
    const voters = votersOf(input).map(({ ref }) => ref);
    return [...closers(input).flatMap((judge) => judgesItself("judge", judge, voters, who)), ...oneVoice(voters, who)];
  },

  async run(ctx, input) {
    const rule = ruleOf(input);
    const { ballots, silent } = await askVoters(ctx, {
      ...input,
      options: input.options,
      voters: votersOf(input),
      rule,
      quorum: quorumOf(input),
      early: input.early_stop !== "off",
      sure: sureOf(input),
      closing: closers(input)[0],
    });
    const failed = silent.filter(({ asked }) => asked);
    requireQuorum(ballots, silent, quorumOf(input, ballots.length + failed.length), input.voters.length);
    if (failed.length > 0) {
      ctx.degrade(`${failed.length} of ${counted(input.voters.length, "voter")} gave no vote: ${namesOf(failed)}`);
    }
    const { overruled, ...verdict } = rule ? await count(ctx, input, rule, ballots) : await decide(ctx, input, ballots);
    return result(input, verdict, ballots, silent, overruled);
  },
});

async function count(ctx: RunContext, input: VoteInput, rule: Rule, cast: readonly Ballot[]): Promise<Counted> {
  const ballots = input.options ? cast : await cluster(ctx, judgeOf(input), input.question, cast);
  const winner = winnerOf(rule, ballots, input.options);
  if (winner !== undefined) return { decision: winner, decided_by: rule, ballots };
  const why = noWinner(rule, ballots, input.options);
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

function requireQuorum(ballots: readonly Ballot[], silent: readonly Silent[], quorum: number, voters: number): void {
  if (ballots.length >= quorum) return;
  const failed = silent.filter(({ asked }) => asked);
  const hint = failed.find(({ error }) => error?.hint)?.error?.hint;
  const message = `${ballots.length} of ${voters} voted, ${quorum} are needed; no vote from ${namesOf(failed)}`;
  throw new Failure("NO_QUORUM", message, hint === undefined ? {} : { hint });
}

const namesOf = (silent: readonly Silent[]): string =>
  silent.map(({ voter, error }) => `${voter} (${error?.code ?? "no answer"})`).join(", ");
