import { fingerprint } from "./fingerprint.ts";
import type { Answer } from "./pattern.ts";
import { normalised, quoted } from "./texts.ts";

/** What a turn of a loop came to. */
export interface State {
  /** The same as that of every state that brings nothing else. */
  readonly print: string;
  /** For people. */
  readonly words: string;
  /** It only waited for somebody or something outside, which is no stall however often it happens. */
  readonly waiting?: boolean;
}

/** Does a loop still get on? Where it does not, the evidence says which states came again, and how often. */
export type Verdict = { readonly is: "fine" } | { readonly is: "warn" | "stop"; readonly evidence: string };

const WINDOW = 20;
const PATIENCE = 2;

/** Nothing came again. */
export const NO_STALL: Verdict = { is: "fine" };

/** A state told by its texts; case, space and final punctuation do not make it another one. */
export const stateOf = (words: string, ...texts: readonly string[]): State => ({
  print: fingerprint(texts.map(normalised)),
  words,
});

/** A state told by its values as they are: of work that is to be mended, a space or a capital may be what was mended. */
export const stateAs = (words: string, ...values: readonly unknown[]): State => ({ print: fingerprint(values), words });

/** Did a whole workflow answer? It may have waited for somebody or looked at the world, so the same again is no stall. */
export const mayHaveWaited = ({ model }: Pick<Answer, "model">): boolean => model === "workflow";

/** A failure that whatever is outside may take back by itself: a provider that is down, a person who said no. */
export const isOutside = ({ kind, code }: { readonly kind: string; readonly code: string }): boolean =>
  kind === "transient" || code === "REJECTED";

/**
 * Looks at the states of a loop, the last one last. One that was there before, within the window, brings nothing new:
 * the first such state is warned of, and so many in a row end the loop. It sees a turn done again as well as a task
 * that goes to and fro, or round in a ring.
 */
export function stallOf(
  states: readonly State[],
  { window = WINDOW, patience = PATIENCE }: { readonly window?: number; readonly patience?: number } = {},
): Verdict {
  if (states.at(-1)?.waiting) return NO_STALL;
  const active = states.filter(({ waiting }) => !waiting);
  const isOld = (at: number) =>
    active.slice(Math.max(0, at - window), at).some(({ print }) => print === active[at]?.print);
  const lastNew = active.findLastIndex((_, at) => !isOld(at));
  const stale = active.slice(lastNew + 1);
  if (stale.length === 0) return NO_STALL;
  return { is: stale.length < patience ? "warn" : "stop", evidence: evidence(active, stale) };
}

const GRAVITY = { fine: 0, warn: 1, stop: 2 } as const;

/** The graver of two looks at one loop; of equals the first. */
export const graver = (a: Verdict, b: Verdict): Verdict => (GRAVITY[b.is] > GRAVITY[a.is] ? b : a);

/** What somebody is told whose last turn brought nothing new. */
export const warned = (verdict: Verdict): string | undefined =>
  verdict.is === "warn"
    ? quoted(
        "# What came again",
        "note",
        `It brought what was there before: ${verdict.evidence}. Go another way; once more ends it.`,
      )
    : undefined;

/** `"a" to "b" (3 times)` for each state that came again, in the order in which they came. */
function evidence(active: readonly State[], stale: readonly State[]): string {
  const times = (print: string) => active.filter((state) => state.print === print).length;
  const told = new Map(stale.map(({ print, words }) => [print, `${words} (${times(print)} times)`]));
  return [...told.values()].join("; ");
}
