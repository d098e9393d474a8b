import type { AgentSpec } from "../core/agent.ts";
import { fingerprint } from "../core/fingerprint.ts";
import type { Log } from "../core/log.ts";
import { nearest } from "../core/nearest.ts";
import { BUILT_IN_SOURCE, builtIn, TIERS } from "./built-in.ts";
import type { Draft } from "./files/agent-file.ts";
import { agentShelf, type Shelved } from "./files/shelf.ts";
import { DEFAULT_MAX_OUTPUT_TOKENS } from "./find.ts";

/** An agent as it can be asked now, or why it cannot. */
export interface Known {
  readonly name: string;
  readonly description: string;
  readonly source: string;
  readonly notes: readonly string[];
  readonly spec?: AgentSpec;
  readonly refused?: string;
  /** The mistake its file now has, so that it is still the agent it last was. */
  readonly stale?: string;
}

/** Everybody who is known at one moment; the same object for as long as nothing changes. */
export interface Roll {
  /** Who a name means. */
  readonly byName: ReadonlyMap<string, Known>;
  /** All, with those whose name is taken by another. */
  readonly all: readonly Known[];
}

/** What a draft's words for models mean here. */
export interface Defaults {
  readonly model: string;
  readonly models: Readonly<Record<string, string>>;
  readonly max_output_tokens?: number | undefined;
}

/** The agents of the folders and those that are built in; looked up anew whenever it is asked. */
export class Registry {
  readonly #shelf: ReturnType<typeof agentShelf>;
  readonly #defaults: Defaults;
  readonly #log: Log;
  readonly #told = new Set<string>();
  #roll: Roll | undefined;

  constructor(folders: readonly string[], defaults: Defaults, log: Log) {
    this.#shelf = agentShelf(folders);
    this.#defaults = defaults;
    this.#log = log;
  }

  roll(): Roll {
    if (!this.#shelf.refresh() && this.#roll) return this.#roll;
    const files = this.#shelf.all().map((file) => fromFile(file, this.#defaults));
    const all = withoutDoubles([...files, ...builtIn().map((draft) => fromDraft(draft, [], tiered(this.#defaults)))]);
    const byName = new Map<string, Known>();
    for (const known of all) if (!byName.has(known.name)) byName.set(known.name, known);
    this.#roll = { all, byName };
    this.#tell(all);
    return this.#roll;
  }

  /** Once each: a mistake in a file that was good is a warning, who cannot be asked is news, what is not read a detail. */
  #tell(all: readonly Known[]): void {
    for (const { name: agent, source, refused, stale, notes } of all) {
      if (stale !== undefined) this.#once("warn", { event: "agent.stale", agent, source }, stale);
      if (refused !== undefined) this.#once("info", { event: "agent.refused", agent, source }, refused);
      for (const note of notes) this.#once("debug", { event: "agent.note", agent, source }, note);
    }
  }

  #once(
    level: "warn" | "info" | "debug",
    fields: { event: string; agent: string; source: string },
    message: string,
  ): void {
    const key = `${fields.source}\n${message}`;
    if (!this.#told.has(key)) this.#log[level](fields, message);
    this.#told.add(key);
  }
}

function fromFile({ path, name, description, draft, notes, problem }: Shelved, defaults: Defaults): Known {
  if (!draft) return { name, description, source: path, notes, refused: problem ?? "it cannot be read" };
  const known = fromDraft(draft, notes, defaults);
  return problem === undefined ? known : { ...known, stale: problem };
}

/** A draft whose words for models are put into models. */
function fromDraft(draft: Draft, notes: readonly string[], defaults: Defaults): Known {
  const { name, description, source } = draft;
  const models = draft.models.map((word) => modelOf(word, defaults));
  const lost = draft.models.find((_, i) => models[i] === undefined);
  if (lost !== undefined) return { name, description, source, notes, refused: `${source}: ${noModel(lost, defaults)}` };
  const spec: AgentSpec = {
    ...draft,
    version: versionOf(draft),
    models: [...new Set(models.filter((model) => model !== undefined))],
    max_output_tokens: draft.max_output_tokens ?? defaults.max_output_tokens ?? DEFAULT_MAX_OUTPUT_TOKENS,
  };
  return { name, description, source, notes, spec };
}

/** For a built-in agent, the default model answers where a tier has no name. */
const tiered = ({ model, models, ...rest }: Defaults): Defaults => ({
  ...rest,
  model,
  models: { ...Object.fromEntries(TIERS.map((tier) => [tier, model])), ...models },
});

/** By what the author wrote, not where it stands: the same text has the same version on every machine. */
const versionOf = ({ source: _, ...content }: Draft): string => fingerprint(content).slice(0, 8);

function modelOf(word: string, { model, models }: Defaults): string | undefined {
  if (word === "inherit") return model;
  if (Object.hasOwn(models, word)) return models[word];
  return /^[^/\s]+\/\S+$/.test(word) ? word : undefined;
}

function noModel(word: string, { models }: Defaults): string {
  const [near] = nearest(word, Object.keys(models));
  return `the model \`${word}\` is neither provider/model nor a name of the setting \`models\`${near ? ` (there is \`${near}\`)` : ""}; say what it means here with \`models: { ${JSON.stringify(word)}: provider/model }\` in baton.yaml, or write \`model: inherit\``;
}

/** Of several files with one name the first is meant; the others stay in the list and say who it is. */
function withoutDoubles(all: readonly Known[]): Known[] {
  const first = new Map<string, Known>();
  return all.flatMap((known) => {
    const taken = first.get(known.name);
    if (!taken) first.set(known.name, known);
    if (!taken) return known;
    if (known.source === BUILT_IN_SOURCE) return [];
    const { spec: _, ...rest } = known;
    return { ...rest, refused: `${known.source}: the name \`${known.name}\` is taken by ${taken.source}` };
  });
}
