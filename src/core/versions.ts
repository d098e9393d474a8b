import { z } from "zod";
import type { Catalogue } from "./catalogue.ts";

/** A version of an agent that a run has pinned once. */
export interface KeptVersion {
  /** Counted up: what was kept later has the greater one. */
  readonly number: number;
  readonly name: string;
  /** By content. */
  readonly version: string;
  readonly tag?: string;
  readonly source: string;
  /** It has been asked in forks alone: somebody tried it out, and no file ever said it. */
  readonly tried: boolean;
  readonly first_seen: number;
  readonly last_seen: number;
  /** The agent whole, as JSON. */
  readonly body: string;
}

/** Which version a name means from then on; without one, what the newest file says. */
export interface Choice {
  readonly name: string;
  readonly version?: string;
  readonly by: string;
  readonly at: number;
}

export type RetiredKind = "agent" | "workflow";

/** A name that no new run may ask any more; runs in flight go on. */
export interface Retirement {
  readonly kind: RetiredKind;
  readonly name: string;
  readonly note?: string;
  readonly by: string;
  readonly at: number;
}

/** What the store knows of versions, at one moment; the same object for as long as nothing changes. */
export interface Standing {
  readonly versions: readonly KeptVersion[];
  /** By name; of those whose version somebody chose. */
  readonly active: ReadonlyMap<string, Choice>;
  readonly retired: readonly Retirement[];
}

/** What is known of how a version has done; rehearsals are not counted. */
export interface TrackRecord {
  readonly name: string;
  /** Empty where it is no kept version: a plain model, or an agent with instructions of a caller's. */
  readonly version: string;
  readonly runs: number;
  readonly calls: number;
  /** Answers that could not be used. */
  readonly bad: number;
  /** Nano-USD. */
  readonly usd: number;
  /** What its requests took together. */
  readonly ms: number;
  /** What it made has passed gates so often, and so often not. */
  readonly passed: number;
  readonly failed: number;
}

export const RatingScore = z.int().min(1).max(5);
export const Rating = z.strictObject({ score: RatingScore, note: z.string().max(2000).optional() });
export type Rating = z.output<typeof Rating>;

/** What somebody thinks of a run, or of one of its steps. */
export interface GivenRating extends Rating {
  readonly run: string;
  /** Empty for the run as a whole. */
  readonly place: string;
  /** `name@version` of those it is about: who answered at the step, or everybody who answered in the run. */
  readonly agents: readonly string[];
  readonly by: string;
  readonly at: number;
}

/** What ratings of a version come to. */
export interface RatingMean {
  readonly agent: string;
  readonly mean: number;
  readonly count: number;
}

/** What the store keeps of agents beyond runs: their versions, which is active, what is retired, how they have done. */
export interface VersionStore {
  /** What is known now; given what was known before, the same object where nothing has changed. */
  standing(before?: Standing): Promise<Standing>;
  /** The agent whole is kept with the choice, so that it is at hand though no run has pinned it yet. */
  choose(name: string, version: string | undefined, by: string, agent?: Catalogue["agents"][string]): Promise<Choice>;
  /** The choices for one name, the latest first. */
  choices(name: string): Promise<readonly Choice[]>;
  /** True where that changes something. */
  retire(kind: RetiredKind, name: string, by: string, note?: string): Promise<boolean>;
  restore(kind: RetiredKind, name: string, by: string): Promise<boolean>;
  records(): Promise<readonly TrackRecord[]>;
  /** Rates a run, or a step of it that somebody answered; rated again, the later one counts. NOT_FOUND where there is none. */
  rate(rating: Omit<GivenRating, "agents" | "at">): Promise<GivenRating>;
  ratings(run: string): Promise<readonly GivenRating[]>;
  ratingMeans(): Promise<readonly RatingMean[]>;
}

/** `critic@1.2.0` as a name and a version; no version where none is said. */
export function splitVersion(ref: string): { readonly name: string; readonly version?: string } {
  const at = ref.lastIndexOf("@");
  return at <= 0 ? { name: ref } : { name: ref.slice(0, at), version: ref.slice(at + 1) };
}

/** Which of the versions of one agent is meant by its hash, or by its tag: of several, what a file said last. */
export function versionMeant<T extends Pick<KeptVersion, "version" | "tag" | "tried" | "number">>(
  versions: readonly T[],
  wanted: string,
): T | undefined {
  const byHash = versions.find(({ version }) => version === wanted);
  if (byHash) return byHash;
  const tagged = versions.filter(({ tag, tried }) => tag === wanted && !tried);
  return tagged.toSorted((a, b) => b.number - a.number)[0];
}
