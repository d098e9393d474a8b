import { normalised } from "../../core/texts.ts";
import { posteriorOf } from "./confidence.ts";
import { rankingFor } from "./ranked.ts";
import { type Ballot, type Rule, sumOf, tallyOf, whole } from "./tally.ts";

/** A vote in progress: what is cast, and the weights of those who have not been asked yet, in order. */
export interface Standing {
  readonly rule: Rule;
  readonly ballots: readonly Ballot[];
  readonly waiting: readonly number[];
  readonly quorum: number;
  /** What is voted on; without them in free text, where two choices that look different may yet mean the same. */
  readonly options: readonly string[] | undefined;
  /** When a probable majority is taken as one; absent: it must be certain. */
  readonly sure?: Sure | undefined;
  /** How many were asked and gave no vote. */
  readonly failed?: number;
}

/** How probable a majority must be, and of how many ballots at least; with no number, of over half of those asked. */
export interface Sure {
  readonly threshold: number;
  readonly quorum: number | undefined;
}

/** The fewest of so many that are more than half. */
export const overHalf = (n: number): number => Math.floor(n / 2) + 1;

/** Need nobody else be asked? */
export const isSettled = (standing: Standing): boolean => isCertain(standing) || isSure(standing);

/** Can no vote that is still out change the outcome? */
export function isCertain(standing: Standing): boolean {
  const { rule, ballots, waiting, quorum, options } = standing;
  if (ballots.length + waiting.length < quorum) return true;
  if (ballots.length < quorum) return false;
  if (waiting.length === 0) return true;
  const tally = [...tallyOf(ballots, options).values()].map(whole);
  const [most = 0, second = 0] = tally;
  const out = sumOf(waiting);
  if (rule === "ranked") return most - second > out * ((options?.length ?? 0) - 1);
  if (rule === "unanimous") return options !== undefined && tally.filter((weight) => weight > 0).length > 1;
  const all = tally.reduce((sum, weight) => sum + weight, out);
  return 2 * most > all || (options !== undefined && 2 * (most + out) <= all);
}

/** Are there ballots enough, and is the leader's majority as probable as was asked for? Votes are counted, not weights. */
function isSure({ ballots, failed = 0, sure }: Standing): boolean {
  if (!sure || ballots.length < (sure.quorum ?? overHalf(ballots.length + failed))) return false;
  const votes = leadOf(ballots);
  return posteriorOf(votes, ballots.length - votes) >= sure.threshold;
}

/** How many ballots say what most say. */
function leadOf(ballots: readonly Ballot[]): number {
  const alike = ballots.map((ballot) => ({ ...ballot, choice: normalised(ballot.choice), weight: 1 }));
  return [...tallyOf(alike).values()][0] ?? 0;
}

/** How many voters to ask next: just as many as could settle it, if they agree with whoever leads. */
export function waveOf(standing: Standing): number {
  const { rule, ballots, waiting, quorum } = standing;
  if (rule === "unanimous") return Math.min(waiting.length, Math.max(1, Math.max(quorum, 2) - ballots.length));
  const then = [...ballots];
  for (let n = 1; n < waiting.length; n++) {
    then.push(agreeing(standing, then, waiting[n - 1] ?? 1));
    if (isSettled({ ...standing, ballots: then, waiting: waiting.slice(n) })) return n;
  }
  return waiting.length;
}

function agreeing({ rule, options }: Standing, ballots: readonly Ballot[], weight: number): Ballot {
  const tally = tallyOf(ballots, options);
  const choice = [...tally.keys()][0] ?? "";
  const ballot = { voter: "", choice, confidence: 1, reason: "", weight };
  return rule === "ranked" ? { ...ballot, ranking: rankingFor(choice, tally) } : ballot;
}
