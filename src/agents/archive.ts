import { type AgentRef, AgentSpec, refName } from "../core/agent.ts";
import { Failure } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import { type Choice, type KeptVersion, type Standing, splitVersion, versionMeant } from "../core/versions.ts";
import type { Known, Roll } from "./registry.ts";

/** Where is told what has been kept, chosen and retired; given what was known before, the same where nothing changed. */
export type StandingSource = (before: Standing | undefined) => Promise<Standing>;

const NOTHING: Standing = { versions: [], active: new Map(), retired: [] };

/** A version of an agent at hand: what a file says now, or what a run has pinned once. */
export interface VersionAtHand extends Pick<KeptVersion, "version" | "tag" | "tried" | "number"> {
  readonly spec: AgentSpec;
  /** What its file says now. */
  readonly isFile: boolean;
  readonly kept?: KeptVersion;
}

/** Older versions of agents, which of them is meant by the name alone, and which names are asked no more. */
export class Archive {
  readonly #source: StandingSource;
  #standing = NOTHING;
  #byName: ReadonlyMap<string, readonly KeptVersion[]> = new Map();
  #laid: { readonly roll: Roll; readonly standing: Standing; readonly over: Roll } | undefined;
  readonly #read = new Map<number, AgentSpec | undefined>();

  constructor(source: StandingSource) {
    this.#source = source;
  }

  /** Learns what others have kept, chosen and retired. */
  async fresh(): Promise<void> {
    const now = await this.#source(this.#standing === NOTHING ? undefined : this.#standing);
    if (now === this.#standing) return;
    this.#standing = now;
    this.#byName = Map.groupBy(now.versions, ({ name }) => name);
  }

  /** Why a name may be asked no more. */
  retired(kind: "agent" | "workflow", name: string): string | undefined {
    const found = this.#standing.retired.find((one) => one.kind === kind && one.name === name);
    return (
      found &&
      `it was retired by ${found.by} at ${new Date(found.at).toISOString()}${found.note ? `: ${found.note}` : ""}`
    );
  }

  active(name: string): Choice | undefined {
    return this.#standing.active.get(name);
  }

  /** The same agents, each in the version that is active; the same object for as long as nothing changes. */
  over(roll: Roll): Roll {
    const standing = this.#standing;
    if (this.#laid?.roll === roll && this.#laid.standing === standing) return this.#laid.over;
    const isPlain = standing.active.size === 0 && standing.retired.length === 0;
    const over = isPlain ? roll : this.#over(roll);
    this.#laid = { roll, standing, over };
    return over;
  }

  #over({ byName, all }: Roll): Roll {
    const laid = new Map([...byName].map(([name, known]) => [known, this.#asStanding(name, known)]));
    return {
      byName: new Map([...byName].map(([name, known]) => [name, laid.get(known) ?? known])),
      all: all.map((known) => laid.get(known) ?? known),
    };
  }

  #asStanding(name: string, known: Known): Known {
    const why = this.retired("agent", name);
    if (why !== undefined) {
      const { spec: _, ...rest } = known;
      return { ...rest, refused: `${why}; \`baton agents restore ${name}\` lets it be asked again` };
    }
    const choice = this.active(name);
    if (choice?.version === undefined || choice.version === known.spec?.version) return known;
    const spec = versionMeant(this.versions(name, known), choice.version)?.spec;
    const file = known.spec === undefined ? "cannot be used" : `says ${name}@${known.spec.version}`;
    if (!spec)
      return {
        ...known,
        notes: [...known.notes, `the active version ${choice.version} is not at hand; its file counts`],
      };
    const { refused: _, stale: __, ...rest } = known;
    const note = `the active version was chosen by ${choice.by}; its file ${file}`;
    return { ...rest, description: spec.description, notes: [...known.notes, note], spec };
  }

  /** All versions of an agent that are at hand, the latest first: its file's, and those that runs have pinned. */
  versions(name: string, file?: Known): VersionAtHand[] {
    const now = file?.spec;
    const kept = (this.#byName.get(name) ?? []).toReversed().flatMap((one) => {
      const spec = one.version === now?.version ? now : this.#specOf(one);
      return spec ? [{ ...one, kept: one, spec, isFile: spec === now }] : [];
    });
    if (!now || kept.some(({ isFile }) => isFile)) return kept.toSorted((a, b) => Number(b.isFile) - Number(a.isFile));
    const { version, tag } = now;
    return [
      {
        version,
        tried: false,
        number: Number.MAX_SAFE_INTEGER,
        spec: now,
        isFile: true,
        ...(tag !== undefined && { tag }),
      },
      ...kept,
    ];
  }

  /** Those of these references that name a version which the name alone does not mean, each under the name it has there. */
  named(refs: readonly AgentRef[], files: () => Roll, over: Roll): Readonly<Record<string, AgentSpec>> {
    const older: Record<string, AgentSpec> = {};
    for (const ref of refs) {
      const written = refName(ref).normalize("NFC");
      const { name, version } = splitVersion(written);
      if (version === undefined || written.includes("/") || this.retired("agent", name) !== undefined) continue;
      const active = over.byName.get(name)?.spec;
      if (active && [active.version, active.tag].includes(version)) continue;
      const at = this.versions(name, files().byName.get(name));
      const found = versionMeant(at, version);
      if (found) older[written] = found.spec;
      else if (at.length > 0) throw unknownVersion(name, version, at);
    }
    return older;
  }

  #specOf({ number, body }: KeptVersion): AgentSpec | undefined {
    if (!this.#read.has(number)) this.#read.set(number, AgentSpec.safeParse(JSON.parse(body)).data);
    return this.#read.get(number);
  }
}

const SHOWN = 8;

/** A version that nobody knows, with those that there are. */
function unknownVersion(name: string, version: string, at: readonly Pick<VersionAtHand, "version" | "tag">[]): Failure {
  const words = at.map((one) => `${name}@${one.version}${one.tag === undefined ? "" : ` (${one.tag})`}`);
  const [near] = nearest(
    version,
    at.flatMap((one) => [one.version, ...(one.tag === undefined ? [] : [one.tag])]),
    1,
  );
  const more = words.length > SHOWN ? `, and ${words.length - SHOWN} more` : "";
  return new Failure(
    "UNKNOWN_AGENT",
    `The agent "${name}" has no version "${version}"${near ? `; did you mean "${near}"?` : ""}`,
    {
      hint: `At hand: ${words.slice(0, SHOWN).join(", ")}${more}. Without a version, the active one is meant.`,
      agent: `${name}@${version}`,
    },
  );
}
