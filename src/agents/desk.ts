import { type AgentRef, type AgentSpec, refName } from "../core/agent.ts";
import type { Catalogue } from "../core/catalogue.ts";
import type { AgentCard, AgentVersion, Desk } from "../core/desk.ts";
import { Failure } from "../core/errors.ts";
import type { RetryPolicy } from "../core/limits.ts";
import type { Log } from "../core/log.ts";
import type { PriceCard } from "../core/money.ts";
import { overlaps } from "../core/overlaps.ts";
import { type Provider, splitModel } from "../core/provider.ts";
import type { RetiredKind } from "../core/versions.ts";
import type { Saved, ToSave } from "../core/workflow.ts";
import { type Access, obstacle, providerFor } from "./access.ts";
import { Archive, type StandingSource } from "./archive.ts";
import { cardOf, modelCards } from "./cards.ts";
import { find, REHEARSED } from "./find.ts";
import { read } from "./read-reply.ts";
import { defaultsOf, type Known, Registry, type Roll, type Wording } from "./registry.ts";
import { saveAgent } from "./save.ts";

/** What the desk is made of: settings, the default model, and who can be asked at what price. */
export interface DeskParts extends Access, Wording {
  /** Folders of agent files, absolute. */
  readonly folders: readonly string[];
  readonly retry: RetryPolicy;
  /** What a model costs; nothing where nobody knows. */
  readonly priceOf: (model: string, isFree: boolean, writing?: number) => PriceCard | undefined;
  /** What is known of older versions, and of which is active. */
  readonly standing?: StandingSource;
  readonly log: Log;
}

const KEPT = 200;
const NOTHING_KEPT = { versions: [], active: new Map(), retired: [] };

/** Versions that a run names beside those that are active, by what it calls them. */
type Older = Readonly<Record<string, AgentSpec>>;

/** The room of agents: who is at hand, what a run pins of them, and who answers. */
export class AgentDesk implements Desk {
  readonly find = find;
  readonly read = read;
  readonly #parts: DeskParts;
  readonly #registry: Registry;
  readonly #archive: Archive;
  #roll: Roll | undefined;
  #alike: { readonly all: readonly Known[]; readonly found: ReadonlyMap<string, readonly string[]> } | undefined;
  /** By the models pinned beside those of the agents; forgotten when an agent changes. */
  readonly #catalogues = new Map<string, Catalogue>();

  constructor(parts: DeskParts) {
    this.#parts = parts;
    this.#archive = new Archive(parts.standing ?? (async () => NOTHING_KEPT));
    this.#registry = new Registry(parts.folders, defaultsOf(parts, parts), parts.log);
  }

  pin(refs: readonly AgentRef[], rehearsal = false): Catalogue {
    const roll = this.#look();
    const older = this.#archive.named(refs, () => this.#registry.roll(), roll);
    const plain = this.#catalogue(roll, [], rehearsal, older);
    const beside = new Set(refs.flatMap((ref) => this.#modelsOf(ref, roll, plain)));
    return this.#catalogue(roll, [...beside].sort(), rehearsal, older);
  }

  fresh(): Promise<void> {
    return this.#archive.fresh();
  }

  has(name: string): boolean {
    return this.#look().byName.has(name.normalize("NFC"));
  }

  retired(kind: RetiredKind, name: string): string | undefined {
    return this.#archive.retired(kind, name);
  }

  provider(id: string): Provider | undefined {
    return providerFor(this.#parts, id);
  }

  list(query = ""): readonly AgentCard[] {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    const place = { access: this.#parts, priceOf: (model: string) => this.#price(model) };
    const [roll, files] = [this.#look(), this.#registry.roll()];
    const { all, byName } = roll;
    const alike = this.#alikeIn(all);
    const agents = all.map((known) => ({
      ...cardOf(known, place),
      ...(byName.get(known.name) === known &&
        this.#beside(this.#versionsOf(known.name, roll, files), alike.get(known.name))),
    }));
    const cards = [...agents, ...modelCards(this.#parts, place)];
    return cards.filter(({ name, description, models, source }) => {
      const text = [name, description, source, ...models].join(" ").toLowerCase();
      return words.every((word) => text.includes(word));
    });
  }

  versions(name: string): readonly AgentVersion[] {
    return this.#versionsOf(name, this.#look(), this.#registry.roll());
  }

  #versionsOf(name: string, roll: Roll, files: Roll): readonly AgentVersion[] {
    const active = roll.byName.get(name)?.spec?.version;
    return this.#archive.versions(name, files.byName.get(name)).map((one) => ({
      ...{ version: one.version, spec: one.spec, tried: one.tried, file: one.isFile, active: one.version === active },
      ...(one.tag !== undefined && { tag: one.tag }),
      ...(one.kept && { first_seen: one.kept.first_seen, last_seen: one.kept.last_seen }),
    }));
  }

  save(file: ToSave): Saved {
    const source = this.#registry.roll().byName.get(file.name)?.source;
    return saveAgent(file, { setting: "agents", folders: this.#parts.folders, ending: ".md", source });
  }

  /** What a card tells of an agent beside itself: its versions, and who is like it. */
  #beside(
    versions: readonly AgentVersion[],
    alike: readonly string[] | undefined,
  ): Pick<AgentCard, "versions" | "overlaps"> {
    const active = versions.find((one) => one.active);
    const file = versions.find((one) => one.file);
    return {
      ...(active &&
        versions.length > 1 && {
          versions: {
            count: versions.length,
            active: active.version,
            ...(file && !file.active && { file: file.version }),
          },
        }),
      ...(alike && { overlaps: alike }),
    };
  }

  /** Said anew where somebody has come, gone or changed. */
  #alikeIn(all: readonly Known[]): ReadonlyMap<string, readonly string[]> {
    if (this.#alike?.all !== all) this.#alike = { all, found: overlaps(all.filter(({ spec }) => spec)) };
    return this.#alike.found;
  }

  #look(): Roll {
    const roll = this.#archive.over(this.#registry.roll());
    if (roll !== this.#roll) this.#catalogues.clear();
    this.#roll = roll;
    return roll;
  }

  /** The models a reference asks that are not pinned anyway; fails where it cannot be asked at all. */
  #modelsOf(ref: AgentRef, roll: Roll, plain: Catalogue): readonly string[] {
    const name = refName(ref).normalize("NFC");
    const refused = roll.byName.get(name.includes("/") ? name : name.replace(/(?<=.)@[^@]*$/, ""))?.refused;
    if (refused !== undefined && !Object.hasOwn(plain.agents, name))
      throw new Failure("INVALID_AGENT", `The agent "${name}" cannot be asked: ${refused}`, { agent: name });
    const { models } = find(plain, ref);
    const obstacles = models.flatMap((model) => obstacle(this.#parts, model) ?? []);
    const [first] = obstacles;
    if (first && obstacles.length === models.length) {
      const { hint } = first.options;
      throw new Failure(first.code, `"${name}" cannot be asked: ${first.message}`, {
        agent: name,
        ...(hint && { hint }),
      });
    }
    return models.filter((model) => !Object.hasOwn(plain.prices, model) && this.#price(model));
  }

  #catalogue(roll: Roll, beside: readonly string[], rehearsal: boolean, older: Older): Catalogue {
    const named = Object.entries(older).map(([name, { version }]) => `${name} ${version}`);
    const key = [rehearsal, ...beside, "", ...named.sort()].join("\n");
    const kept = this.#catalogues.get(key);
    if (kept) return kept;
    const fresh = { ...this.#build(roll, rehearsal ? [REHEARSED] : beside, older), ...(rehearsal && { rehearsal }) };
    if (this.#catalogues.size >= KEPT) this.#catalogues.clear();
    this.#catalogues.set(key, fresh);
    return fresh;
  }

  #build(roll: Roll, beside: readonly string[], older: Older): Catalogue {
    const { model, models, limits, retry } = this.#parts;
    const named = [...roll.byName].flatMap(([name, { spec }]) => (spec ? [[name, spec] as const] : []));
    const agents = [...named, ...Object.entries(older)].map(
      ([name, spec]) => [name, { ...spec, models: this.#askable(spec.models) }] as const,
    );
    const specs = agents.map(([, spec]) => spec);
    const all = new Set([model, ...Object.values(models), ...beside, ...specs.flatMap((spec) => spec.models)]);
    const prices = [...all].flatMap((name) => {
      const card = this.#price(name);
      return card ? [[name, card] as const] : [];
    });
    return {
      agents: Object.fromEntries(agents),
      model,
      models: { ...models },
      prices: Object.fromEntries(prices),
      limits,
      retry,
    };
  }

  /** Without the models that nobody here can or may ask, so that no worker need have them; all, if there is no other. */
  #askable(models: readonly string[]): string[] {
    const askable = models.filter((model) => !obstacle(this.#parts, model));
    return askable.length > 0 ? askable : [...models];
  }

  #price(model: string): PriceCard | undefined {
    const provider = this.#parts.providers.get(splitModel(model).provider);
    return this.#parts.priceOf(model, provider?.free ?? false, provider?.cache_write);
  }
}
