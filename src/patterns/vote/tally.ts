import { normalised } from "../../core/texts.ts";
import { pointsOf } from "./ranked.ts";

/** One vote that was cast. */
export interface Ballot {
  readonly voter: string;
  readonly choice: string;
  readonly confidence: number;
  readonly reason: string;
  readonly weight: number;
  /** The options from best to worst, where they were ranked; `choice` is the first. */
  readonly ranking?: readonly string[];
}

/**
 * Rules that count. `unanimous`: every vote cast is the same; `ranked`: the most points; the others: more than half of
 * the weight cast.
 */
export type Rule = "majority" | "weighted" | "unanimous" | "ranked";

const MILLION = 1_000_000;

/** A weight in whole millionths, so that 0.1 + 0.2 never beats 0.3. */
export const whole = (weight: number): number => Math.round(weight * MILLION);

/** What each choice has gathered, votes or points, most first; choices that nobody took stand at nought. */
export function tallyOf(ballots: readonly Ballot[], options: readonly string[] = []): Map<string, number> {
  const sums = new Map(options.map((option) => [option, 0]));
  for (const ballot of ballots) {
    for (const [choice, n] of givenBy(ballot, options))
      sums.set(choice, (sums.get(choice) ?? 0) + n * whole(ballot.weight));
  }
  const sorted = [...sums].sort(([, a], [, b]) => b - a);
  return new Map(sorted.map(([choice, sum]) => [choice, sum / MILLION]));
}

/** What one ballot gives: one vote, or points to every option. */
const givenBy = ({ choice, ranking }: Ballot, options: readonly string[]): Iterable<readonly [string, number]> =>
  ranking ? pointsOf(ranking, options) : [[choice, 1]];

/** The choice that wins, if one does: there is no winner by chance, by order or, but for points, by plurality. */
export function winnerOf(rule: Rule, ballots: readonly Ballot[], options: readonly string[] = []): string | undefined {
  const tally = [...tallyOf(ballots, options)].filter(([, weight]) => weight > 0);
  const [leader, second] = tally;
  if (!leader) return undefined;
  const [choice, weight] = leader;
  if (rule === "ranked") return second && second[1] === weight ? undefined : choice;
  if (rule === "unanimous") return tally.length === 1 ? choice : undefined;
  return 2 * whole(weight) > sumOf(ballots.map((ballot) => ballot.weight)) ? choice : undefined;
}

/** Weights added up, in whole millionths. */
export const sumOf = (weights: readonly number[]): number => weights.reduce((sum, weight) => sum + whole(weight), 0);

/** A confidence as it should have been given: from 0 to 1. */
export const clamped = (confidence: number): number =>
  Number.isFinite(confidence) ? Math.min(1, Math.max(0, confidence)) : 0;

/**
 * Puts answers that say the same under one choice: the words of the surest voter among them. `groups` are somebody's
 * opinion of which answers (by index) say the same; what it leaves out, names twice or invents does no harm.
 */
export function grouped<B extends Ballot>(ballots: readonly B[], groups: readonly (readonly number[])[]): B[] {
  const group = new Map<number, number>();
  groups.forEach((members, g) => {
    for (const member of members) if (!group.has(member)) group.set(member, g);
  });
  const key = ({ choice }: B, index: number): string => {
    const g = group.get(index);
    return g === undefined ? `text ${normalised(choice)}` : `group ${g}`;
  };
  const surest = new Map<string, B>();
  ballots.forEach((ballot, index) => {
    const known = surest.get(key(ballot, index));
    if (!known || ballot.confidence > known.confidence) surest.set(key(ballot, index), ballot);
  });
  return ballots.map((ballot, index) => ({
    ...ballot,
    choice: surest.get(key(ballot, index))?.choice ?? ballot.choice,
  }));
}
