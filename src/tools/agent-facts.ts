import type { AgentVersion } from "../core/desk.ts";
import { diffLines, nearChanges } from "../core/line-diff.ts";
import { toUsd } from "../core/money.ts";
import type { RunStore } from "../core/store.ts";
import type { RatingMean, TrackRecord } from "../core/versions.ts";
import { decimal } from "./render.ts";

/** How a version of an agent has done, as far as anybody knows. Money and seconds are those of one run. */
export interface Facts {
  readonly typical?: { readonly usd: number; readonly seconds: number; readonly runs: number };
  readonly rating?: { readonly mean: number; readonly count: number };
  /** How often what it made has passed a gate, of how often it was judged. */
  readonly gates?: { readonly passed: number; readonly of: number };
  /** Answers that could not be used. */
  readonly bad_answers?: number;
}

/** Reads what is known of all, to be asked by name and version. */
export async function readFacts(store: Pick<RunStore, "versions">): Promise<(name: string, version: string) => Facts> {
  const [records, means] = await Promise.all([store.versions.records(), store.versions.ratingMeans()]);
  const byTag = new Map(records.map((record) => [`${record.name}@${record.version}`, record]));
  const rated = new Map(means.map((mean) => [mean.agent, mean]));
  return (name, version) => factsOf(byTag.get(`${name}@${version}`), rated.get(`${name}@${version}`));
}

function factsOf(record: TrackRecord | undefined, mean: RatingMean | undefined): Facts {
  const { runs = 0, usd = 0, ms = 0, passed = 0, failed = 0, bad = 0 } = record ?? {};
  const typical = { usd: toUsd(Math.round(usd / runs)), seconds: Math.round(ms / runs / 100) / 10, runs };
  return {
    ...(runs > 0 && { typical }),
    ...(mean && { rating: { mean: mean.mean, count: mean.count } }),
    ...(passed + failed > 0 && { gates: { passed, of: passed + failed } }),
    ...(bad > 0 && { bad_answers: bad }),
  };
}

/** The same in a few words. */
export const factWords = ({ typical, rating, gates, bad_answers }: Facts): string[] => [
  ...(typical ? [`about $${decimal(typical.usd)} and ${typical.seconds} s a run (${typical.runs} so far)`] : []),
  ...(rating ? [`rated ${rating.mean} of 5 (${rating.count})`] : []),
  ...(gates ? [`passed ${gates.passed} of ${gates.of} gates`] : []),
  ...(bad_answers ? [`${bad_answers} answers of no use`] : []),
];

/** What leads from one version of an agent to another: what is said of it line by line, then what it is told. */
export const agentDiff = (before: AgentVersion, after: AgentVersion): string[] =>
  nearChanges(diffLines(textOfAgent(before), textOfAgent(after)));

export function textOfAgent({ spec }: Pick<AgentVersion, "spec">): string {
  const { name: _, version: __, source: ___, system, ...said } = spec;
  const lines = Object.entries(said).map(
    ([key, value]) => `${key}: ${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  return [...lines, "", system].join("\n");
}
