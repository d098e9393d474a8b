import { type Comparison, compare } from "../core/compare.ts";
import { compareWords } from "../core/compare-words.ts";
import type { Run, RunStore } from "../core/store.ts";
import { runUri } from "./envelope.ts";
import { head } from "./fit.ts";

export const compareUri = (id: string): string => `${runUri(id)}/compare`;

/** A fork beside its source; undefined where the run is no fork. */
export async function comparisonOf(store: Pick<RunStore, "get" | "memory">, run: Run): Promise<Comparison | undefined> {
  const source = run.source === undefined ? undefined : await store.get(run.source);
  if (!source) return undefined;
  const [before, after] = await Promise.all([store.memory(source.id), store.memory(run.id)]);
  return compare({ run: source, memory: before }, { run, memory: after });
}

const BOUNDS = { steps: 10, lines: 16, width: 160 };
const TOKENS = 500;

/** As much of a comparison as an answer has room for; the whole of it lies under its resource. */
export const comparedShortly = (told: Comparison): string => head(compareWords(told, BOUNDS), TOKENS);
