import { Failure } from "../core/errors.ts";
import { fingerprint } from "../core/fingerprint.ts";
import type { Limits } from "../core/limits.ts";
import type { Log } from "../core/log.ts";
import { nearest } from "../core/nearest.ts";
import type { Pattern } from "../core/pattern.ts";
import { listed } from "../core/texts.ts";
import type { Library, PinnedWorkflow, ToSave, WorkflowCard } from "../core/workflow.ts";
import type { Definition } from "./definition.ts";
import { inputsSchema, subjectOf } from "./inputs.ts";
import { agentsOf, workflowsOf } from "./named.ts";
import { type Problem, told } from "./problems.ts";
import { checkDefinition } from "./read.ts";
import { saveWorkflow } from "./save.ts";
import { type Shelved, workflowShelf } from "./shelf.ts";
import { adviceOn, mistakesIn } from "./verdict.ts";
import type { KnownAgents, World } from "./world.ts";

/** What the saved workflows rest on. */
export interface LibraryParts {
  /** Folders of workflow files, absolute. */
  readonly folders: readonly string[];
  readonly patterns: readonly Pattern[];
  readonly limits: Limits;
  /** Who can be asked now. */
  readonly agents: () => KnownAgents;
  readonly log: Log;
}

/** A workflow as it can be played now, or why it cannot. */
interface Known {
  readonly card: WorkflowCard;
  /** Absent where nothing can be played. */
  readonly pinned?: PinnedWorkflow;
  /** The mistake that its file now has, so that it is still what it last was. */
  readonly stale?: string;
}

/** The workflows of these folders, looked up anew whenever it is asked. */
export const openLibrary = (parts: LibraryParts): Library => new FileLibrary(parts);

class FileLibrary implements Library {
  readonly #parts: LibraryParts;
  readonly #shelf: ReturnType<typeof workflowShelf>;
  readonly #patterns: ReadonlyMap<string, Pattern>;
  /** By path, each as it last could be played. */
  readonly #good = new Map<string, Definition>();
  readonly #told = new Set<string>();
  #known: ReadonlyMap<string, Known> = new Map();
  #all: readonly Known[] = [];
  #agents: string | undefined;
  #world: World;

  constructor(parts: LibraryParts) {
    this.#parts = parts;
    this.#shelf = workflowShelf(parts.folders);
    this.#patterns = new Map(parts.patterns.map((pattern) => [pattern.name, pattern]));
    this.#world = { patterns: this.#patterns, limits: parts.limits };
  }

  has(name: string): boolean {
    return this.#look().has(name);
  }

  list(): readonly WorkflowCard[] {
    this.#look();
    return this.#all.map(({ card }) => card);
  }

  pin(name: string): PinnedWorkflow {
    const known = this.#look().get(name);
    if (!known) throw unknown(name, this.#known.keys());
    if (known.pinned) return known.pinned;
    throw new Failure("INVALID_WORKFLOW", `The workflow "${name}" cannot be used: ${known.card.refused}`, {
      hint: "Correct its file; `baton check` tells the same.",
    });
  }

  save(file: ToSave): ReturnType<Library["save"]> {
    const source = this.#look().get(file.name)?.card.source;
    return saveWorkflow(
      file,
      { setting: "workflows", folders: this.#parts.folders, ending: ".yaml", source },
      this.#world,
    );
  }

  /** All that is known now; judged again where a file or the agents have changed. */
  #look(): ReadonlyMap<string, Known> {
    const agents = this.#parts.agents();
    const names = [...agents.names()].join("\n");
    if (!this.#shelf.refresh() && names === this.#agents) return this.#known;
    this.#agents = names;
    const files = this.#shelf.all();
    const firsts = new Map<string, Shelved>();
    for (const file of files) if (!firsts.has(file.name)) firsts.set(file.name, file);
    const world = this.#worldOf(agents, firsts);
    this.#world = world;
    this.#all = files.map((file) => {
      const first = firsts.get(file.name);
      return first === file
        ? this.#judged(file, world)
        : refused(file, `${file.path}: the name \`${file.name}\` is taken by ${first?.path}`);
    });
    this.#known = new Map(this.#all.toReversed().map((known) => [known.card.name, known]));
    for (const path of this.#good.keys()) if (!files.some((file) => file.path === path)) this.#good.delete(path);
    this.#tell();
    return this.#known;
  }

  #worldOf(agents: KnownAgents, files: ReadonlyMap<string, Shelved>): World {
    const { limits } = this.#parts;
    const definition = (name: string) =>
      files.get(name)?.text.definition ?? this.#good.get(files.get(name)?.path ?? "");
    return { patterns: this.#patterns, agents, limits, workflows: { names: () => files.keys(), definition } };
  }

  #judged(file: Shelved, world: World): Known {
    const { path, name, text } = file;
    const mistakes = mistakesIn(text, world);
    if (text.definition && mistakes.length === 0) {
      this.#good.set(path, text.definition);
      const warnings = adviceOn(name, text, world).map(told);
      return this.#playable(file, text.definition, warnings);
    }
    const problem = mistakes.map((one) => placed(path, one)).join("; ");
    const before = this.#good.get(path);
    if (before?.name !== name || checkDefinition(before, world).length > 0) return refused(file, problem);
    const stuck = `its file has a mistake, so that it is still what it last was: ${problem}`;
    return { ...this.#playable(file, before, [stuck]), stale: problem };
  }

  #playable({ path, name }: Shelved, definition: Definition, warnings: readonly string[]): Known {
    const agents = agentsOf(definition, this.#patterns).map(({ ref }) => [JSON.stringify(ref), ref] as const);
    const subject = subjectOf(definition);
    const pinned = {
      name,
      version: fingerprint(definition).slice(0, 8),
      description: definition.description ?? "",
      definition,
      ...(subject !== undefined && { subject }),
      agents: [...new Map(agents).values()],
      workflows: [...new Set(workflowsOf(definition).map(({ ref }) => ref))],
    };
    return { pinned, card: { ...pinned, ...faceOf(definition), source: path, warnings } };
  }

  /** Once each: a mistake in a file that was good is a warning, what cannot be played is news. */
  #tell(): void {
    for (const { stale, card } of this.#all) {
      const { name: workflow, source, refused } = card;
      if (stale !== undefined) this.#once("warn", { event: "workflow.stale", workflow, source }, stale);
      if (refused !== undefined) this.#once("info", { event: "workflow.refused", workflow, source }, refused);
    }
  }

  #once(level: "warn" | "info", fields: { event: string; workflow: string; source: string }, message: string): void {
    const key = `${level}\n${message}`;
    if (!this.#told.has(key)) this.#parts.log[level](fields, message);
    this.#told.add(key);
  }
}

const placed = (path: string, problem: Problem): string =>
  `${path}:${problem.line === undefined ? " " : ""}${told(problem)}`;

/** What can be told of a workflow whether it can be played or not. */
const faceOf = (definition: Definition): Pick<WorkflowCard, "inputs" | "on"> => ({
  inputs: inputsSchema(definition),
  ...(definition.on && { on: definition.on.map(filterOf) }),
});

function refused({ path, name, text: { definition } }: Shelved, why: string): Known {
  const card = { name, description: definition?.description ?? "", source: path, warnings: [], refused: why };
  return { card: { ...card, ...(definition && faceOf(definition)) } };
}

const filterOf = ({ type, where, correlation_id }: NonNullable<Definition["on"]>[number]) => ({
  type,
  ...(where !== undefined && { where: where.replace(/^\s*=\s*/, "") }),
  ...(correlation_id !== undefined && { correlation_id }),
});

const SHORT = 20;

function unknown(name: string, names: Iterable<string>): Failure {
  const all = [...names];
  const near = nearest(name, all);
  const meant = near.length > 0 ? `; did you mean ${near.map((one) => `"${one}"`).join(" or ")}?` : "";
  const hint =
    all.length === 0
      ? "There are none: save one as a YAML file in a folder of the setting `workflows`."
      : all.length <= SHORT
        ? `At hand: ${listed(all)}.`
        : "See list_agents with kind workflow for all names.";
  return new Failure("UNKNOWN_WORKFLOW", `There is no workflow "${name}"${meant}`, { hint });
}
