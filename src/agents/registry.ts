import type { AgentSpec } from "../core/agent.ts";
import { fingerprint } from "../core/fingerprint.ts";
import type { Limits } from "../core/limits.ts";
import type { Log } from "../core/log.ts";
import { splitModel } from "../core/provider.ts";
import { BUILT_IN_SERVER } from "../core/toolbox.ts";
import { type Access, obstacle } from "./access.ts";
import { BUILT_IN_SOURCE, builtIn, TIERS } from "./built-in.ts";
import { type Beside, type Draft, ROLE } from "./files/draft.ts";
import { type Given, grantsOf } from "./files/grants.ts";
import { type MeantModel, type ModelHouse, modelOf, noModel } from "./files/model-words.ts";
import { agentShelf, type Shelved } from "./files/shelf.ts";
import type { ToolHouse } from "./files/tool-words.ts";
import { DEFAULT_MAX_OUTPUT_TOKENS } from "./find.ts";
import { listedAs } from "./prices.ts";

/** An agent as it can be asked now, or why it cannot. */
export interface Known {
  readonly name: string;
  readonly description: string;
  readonly source: string;
  readonly notes: readonly string[];
  readonly spec?: AgentSpec;
  readonly refused?: string;
  /** Its file is right, and asks for what is not here. */
  readonly crippled?: true;
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

/** What the settings say of the words that agents use. */
export interface Wording {
  /** `provider/model` that answers when nothing is said: see `chooseModel`. */
  readonly model: string;
  /** The models that tiers name. */
  readonly models: Readonly<Record<string, string>>;
  /** The servers of tools, and what words for tools mean; absent, there are none. */
  readonly tools?: ToolHouse;
  /** Is there a folder, or a host, that the built-in tools may look into? Absent, there is neither. */
  readonly sights?: Sights;
  readonly limits: Limits;
}

interface Sights {
  readonly folders: boolean;
  readonly hosts: boolean;
}

/** What the words of drafts for models and tools mean here. */
export interface Defaults extends ModelHouse, ToolHouse {
  readonly max_output_tokens?: number | undefined;
  readonly sights: Sights;
  /** Can the vendor of this model search the web? */
  readonly canSearch: (model: string) => boolean;
}

const NO_TOOLS: ToolHouse = { servers: [], tools: {} };
const NO_SIGHTS: Sights = { folders: false, hosts: false };

/** What words mean, where these can be asked and these settings hold. */
export function defaultsOf(wording: Wording, access: Access): Defaults {
  const { model, models, tools = NO_TOOLS, sights = NO_SIGHTS, limits } = wording;
  return {
    ...{ model, models, listedAs, ...tools, sights, max_output_tokens: limits.max_output_tokens },
    isOpen: (name) => obstacle(access, name) === undefined,
    canSearch: (name) => access.providers.get(splitModel(name).provider)?.can?.web_search === true,
  };
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
    const all = withoutDoubles([...files, ...builtIn().map((draft) => fromRole(draft, this.#defaults))]);
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

/** Who a file is with these settings. */
export function fromFile(shelved: Shelved, defaults: Defaults): Known {
  const { path, name, description, draft, beside, notes, problem } = shelved;
  if (!draft || !beside) return { name, description, source: path, notes, refused: problem ?? "it cannot be read" };
  const known = fromDraft(draft, beside, notes, defaults);
  return problem === undefined ? known : { ...known, stale: problem };
}

/**
 * For a built-in agent, the default model answers where a tier has no name, and it is given of its tools what there is
 * to use them on: its text says what it does without. Nobody need be told.
 */
function fromRole(draft: Draft, defaults: Defaults): Known {
  const tiers = Object.fromEntries(TIERS.map((tier) => [tier, defaults.model]));
  const known = fromDraft(draft, ROLE, [], { ...defaults, models: { ...tiers, ...defaults.models } });
  return known.spec?.tools || known.spec?.web_search ? { ...known, spec: sighted(known.spec, defaults) } : known;
}

function sighted({ tools = [], web_search, ...spec }: AgentSpec, { sights, canSearch }: Defaults): AgentSpec {
  const useful = tools.filter((grant) => (grant === `${BUILT_IN_SERVER}/fetch` ? sights.hosts : sights.folders));
  const mayAsk = spec.models.some(canSearch);
  return { ...spec, ...(useful.length > 0 && { tools: useful }), ...(web_search && mayAsk && { web_search }) };
}

/** A draft whose words for models and tools are put into models and grants. */
function fromDraft(draft: Draft, beside: Beside, told: readonly string[], defaults: Defaults): Known {
  const { name, description, source } = draft;
  const meant = draft.models.map((word) => modelOf(word, defaults));
  const lost = draft.models.find((_, i) => meant[i] === undefined);
  if (lost !== undefined)
    return {
      name,
      description,
      source,
      notes: told,
      refused: `${source}:${beside.at.models}: ${noModel(lost, defaults)}`,
    };
  const models = meant.filter((model) => model !== undefined);
  const given = grantsOf(draft, beside, defaults);
  const notes = [...told, ...new Set(models.flatMap(({ note }) => note ?? [])), ...given.notes];
  if (given.lacking !== undefined)
    return {
      name,
      description,
      source,
      notes,
      refused: `${source}:${beside.at.tools}: ${given.lacking}`,
      crippled: true,
    };
  return { name, description, source, notes, spec: specOf(draft, models, given, defaults) };
}

function specOf(draft: Draft, models: readonly MeantModel[], given: Given, defaults: Defaults): AgentSpec {
  const { tools: _, approve: _approve, denied: _denied, servers: _servers, read_only: _looks, ...plain } = draft;
  const { tools, approve, web_search } = given;
  const effort = draft.effort ?? models.find((model) => model.effort)?.effort;
  return {
    ...plain,
    ...(tools && { tools }),
    ...(approve && { approve }),
    ...(web_search && { web_search }),
    ...(effort && { effort }),
    version: versionOf(draft),
    models: [...new Set(models.map(({ model }) => model))],
    max_output_tokens: draft.max_output_tokens ?? defaults.max_output_tokens ?? DEFAULT_MAX_OUTPUT_TOKENS,
  };
}

/** By what the author wrote, not where it stands or what it means here: the same text has the same version on every machine. */
const versionOf = ({ source: _, ...content }: Draft): string => fingerprint(content).slice(0, 8);

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
