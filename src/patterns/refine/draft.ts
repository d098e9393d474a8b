import { graver, type State, stallOf, stateAs, stateOf, type Verdict } from "../../core/stalls.ts";
import { cut, listed } from "../../core/texts.ts";
import type { Review } from "./review.ts";

/** What was made in one round, and what is known of it. */
export interface Draft {
  readonly round: number;
  readonly output: string;
  /** Whoever made it may have waited for somebody. */
  readonly waited: boolean;
  readonly review: Review;
}

/** The best draft; of equals the earliest, and whatever was scored before what was not worth it. */
export const bestOf = (drafts: readonly Draft[]): Draft | undefined =>
  drafts.reduce<Draft | undefined>((best, draft) => (best && rank(best) >= rank(draft) ? best : draft), undefined);

const rank = ({ review }: Draft): number => review.score ?? -1;

/** What is wrong with a draft, in words for whoever is to mend it. */
export const faultsOf = (review: Review): string =>
  review.score === null
    ? review.problem
    : review.scores
        .filter(({ score }) => score < 1)
        .map(({ criterion, score, reason }) => `${criterion}: ${score}. ${reason}`)
        .join("\n");

/** Does it still get on? Not where a draft comes again, nor where the critic says of another what was said before. */
export const standstill = (drafts: readonly Draft[]): Verdict =>
  graver(stallOf(drafts.map(made)), stallOf(drafts.map(found)));

const WORDS_SHOWN = 80;
const shown = (text: string): string => listed([cut(text, WORDS_SHOWN)]);

const made = ({ output, waited }: Draft): State => ({
  ...stateAs(`the draft ${shown(output)}`, output),
  waiting: waited,
});

/** What code finds wrong is said in the same words of drafts that come nearer and nearer, so that it is never the same. */
const found = ({ round, waited, review }: Draft): State => ({
  ...(review.score === null
    ? stateAs(`round ${round}`, round)
    : stateOf(
        `the criticism ${shown(faultsOf(review))}`,
        ...review.scores.map(({ score, reason }) => `${score} ${reason}`),
      )),
  waiting: waited || (review.score !== null && review.waited),
});
