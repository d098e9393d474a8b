/** One vote that was cast. */
export interface Ballot {
  readonly voter: string;
  readonly choice: string;
  readonly confidence: number;
  readonly reason: string;
  readonly weight: number;
}

/** Rules that count. `unanimous`: every vote cast is the same; the others: more than half of the weight cast. */
export type Rule = "majority" | "weighted" | "unanimous";

/** Weights are added as whole millionths, so that 0.1 + 0.2 never beats 0.3. */
const MILLION = 1_000_000;
const whole = (weight: number): number => Math.round(weight * MILLION);

/** What each choice has gathered, most first; choices that nobody took stand at nought. */
export function tallyOf(ballots: readonly Ballot[], options: readonly string[] = []): Map<string, number> {
  const sums = new Map(options.map((option) => [option, 0]));
  for (const { choice, weight } of ballots) sums.set(choice, (sums.get(choice) ?? 0) + whole(weight));
  const sorted = [...sums].sort(([, a], [, b]) => b - a);
  return new Map(sorted.map(([choice, sum]) => [choice, sum / MILLION]));
}

/** The choice that wins, if one does: there is no winner by chance, by order or by plurality. */
export function winnerOf(rule: Rule, ballots: readonly Ballot[]): string | undefined {
  const tally = [...tallyOf(ballots)];
  const [leader] = tally;
  if (!leader) return undefined;
  const [choice, weight] = leader;
  if (rule === "unanimous") return tally.length === 1 ? choice : undefined;
  return 2 * whole(weight) > sumOf(ballots.map((ballot) => ballot.weight)) ? choice : undefined;
}

const sumOf = (weights: readonly number[]): number => weights.reduce((sum, weight) => sum + whole(weight), 0);

/** A vote in progress: what is cast, and the weights of those who have not been asked yet, in order. */
export interface Standing {
  readonly rule: Rule;
  readonly ballots: readonly Ballot[];
  readonly waiting: readonly number[];
  readonly quorum: number;
  /** Choices are options; in free text two that look different may yet mean the same. */
  readonly closed: boolean;
}

/** Can no vote that is still out change the outcome? Then nobody else need be asked. */
export function isCertain({ rule, ballots, waiting, quorum, closed }: Standing): boolean {
  if (ballots.length + waiting.length < quorum) return true;
  if (ballots.length < quorum) return false;
  if (waiting.length === 0) return true;
  const tally = [...tallyOf(ballots).values()].map(whole);
  if (rule === "unanimous") return closed && tally.length > 1;
  const most = tally[0] ?? 0;
  const out = sumOf(waiting);
  const all = tally.reduce((sum, weight) => sum + weight, out);
  return 2 * most > all || (closed && 2 * (most + out) <= all);
}

/** How many voters to ask next: just as many as could settle it, if they agree with whoever leads. */
export function waveOf(standing: Standing): number {
  const { rule, ballots, waiting, quorum } = standing;
  if (rule === "unanimous") return Math.min(waiting.length, Math.max(1, Math.max(quorum, 2) - ballots.length));
  const leader = [...tallyOf(ballots).keys()][0] ?? "";
  const agreeing = waiting.map((weight) => ({ voter: "", choice: leader, confidence: 1, reason: "", weight }));
  for (let n = 1; n < waiting.length; n++) {
    const then = { ...standing, ballots: [...ballots, ...agreeing.slice(0, n)], waiting: waiting.slice(n) };
    if (isCertain(then)) return n;
  }
  return waiting.length;
}

/** Two texts that differ in case, space or final punctuation alone say the same. */
export const normalised = (text: string): string =>
  text
    .normalize("NFKC")
    .toLowerCase()
    .replace(/\s+/g, " ")
    .trim()
    .replace(/[.!;,\s]+$/, "");

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
