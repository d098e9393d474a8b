import type { Catalogue } from "../core/catalogue.ts";
import type { Changes, Fork } from "../core/changes.ts";
import { Failure } from "../core/errors.ts";
import { beganAt, type ForkForecast, type ForkRequest, isStep, offeredLines, standing } from "../core/fork.ts";
import { SILENT } from "../core/log.ts";
import { costOf } from "../core/money.ts";
import { nearest } from "../core/nearest.ts";
import type { Pattern } from "../core/pattern.ts";
import { isPlace, isUnder } from "../core/place.ts";
import type { Line, Memory, NewRun, Run, RunStore } from "../core/store.ts";
import { NO_USAGE } from "../core/usage.ts";
import { forkedCatalogue } from "./fork-pins.ts";
import { withMaterial } from "./material.ts";
import { capsOfRun, type NewRunParts, newId } from "./new-run.ts";
import { needsOfPinned } from "./pins.ts";
import { Play } from "./play.ts";
import type { Stage } from "./stage.ts";

export interface ForkParts extends NewRunParts {
  readonly store: Pick<RunStore, "memory" | "catalogue" | "undoable">;
  readonly patterns: ReadonlyMap<string, Pattern>;
}

/** A fork that is about to be created, and what it is made from. */
export interface Forked {
  readonly wish: NewRun & { readonly fork: Fork };
  readonly source: Run;
  readonly pattern: Pattern;
  readonly memory: Memory;
  /** Places of what the source did and was taken back: that is not offered. */
  readonly undone: readonly string[];
}

/** Checks what is asked for and makes a run of it; throws where it cannot be. */
export async function newFork(request: ForkRequest, parts: ForkParts): Promise<Forked> {
  const { source, changes = {} } = request;
  await parts.desk.fresh();
  const pattern = patternOf(source, parts.patterns);
  const [memory, pinnedThen, { undone }] = await Promise.all([
    parts.store.memory(source.id),
    parts.store.catalogue(source.catalogue),
    parts.store.undoable(source.id),
  ]);
  if (!pinnedThen) throw new Failure("NOT_FOUND", `what run ${source.id} has pinned is gone from the store`);
  const input = inputOf(source, pattern, changes);
  if (changes.input) pattern.check?.(input, parts.limits);
  const catalogue = forkedCatalogue(pinnedThen, { ...source, pattern, input }, changes, parts);
  return { wish: wishOf(request, { pattern, input, catalogue, memory }, parts), source, pattern, memory, undone };
}

interface Made {
  readonly pattern: Pattern;
  readonly input: unknown;
  readonly catalogue: Catalogue;
  readonly memory: Memory;
}

function wishOf(request: ForkRequest, { pattern, input, catalogue, memory }: Made, parts: ForkParts): Forked["wish"] {
  const { source, caller, budget, idempotency } = request;
  const { rehearsal, pattern_version, seed, material } = source;
  return {
    id: newId(),
    pattern: pattern.name,
    pattern_version,
    input,
    caller,
    caps: capsOfRun(budget, parts),
    on_budget: request.on_budget ?? source.on_budget,
    priority: request.priority ?? 0,
    labels: request.labels ?? [],
    catalogue,
    seed,
    needs: needsOfPinned({ pattern: withMaterial(pattern, material), input }, catalogue, parts.desk),
    preferred: parts.identity.id,
    source: source.id,
    fork: forkOf(request, memory),
    ...(rehearsal && { rehearsal }),
    ...(idempotency && { idempotency }),
    ...(material && { material }),
  };
}

function patternOf({ pattern: name, pattern_version, id }: Run, patterns: ReadonlyMap<string, Pattern>): Pattern {
  const pattern = patterns.get(name);
  if (pattern?.version === pattern_version) return pattern;
  const now = pattern ? `it now plays version ${pattern.version}` : "it does not play that";
  throw new Failure("ILLEGAL_CHANGE", `run ${id} was played by ${name} version ${pattern_version}, and ${now}`, {
    hint: "What it was told answers the questions of that version only. Start it anew with the same input.",
  });
}

function inputOf(source: Run, pattern: Pattern, { input }: Changes): unknown {
  if (!input) return source.input;
  const parsed = pattern.input.safeParse(input);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Failure("INVALID_INPUT", `changes.input: ${issue?.path.join(".") ?? ""} ${issue?.message ?? ""}`.trim(), {
    hint: `It replaces the whole input of ${pattern.name}. The run had: ${JSON.stringify(source.input).slice(0, 600)}`,
  });
}

/** What was changed in the source stays changed, unless it is changed again. */
function forkOf({ source, changes = {}, from_step, effects }: ForkRequest, memory: Memory): Fork {
  const { agents } = changes;
  const lines = standing(memory.lines);
  const upto = Math.max(0, ...memory.lines.map(({ seq }) => seq));
  const step = from_step === undefined ? undefined : knownPlace(from_step, memory, "from_step");
  const began = step === undefined ? 0 : beganAt(lines, step);
  const changed = Object.entries(changes.steps ?? {}).map(
    ([place, how]) => [knownPlace(place, memory, "changes.steps"), how] as const,
  );
  const steps = { ...source.fork?.steps, ...Object.fromEntries(changed) };
  return {
    upto,
    ...(agents && { agents }),
    ...(Object.keys(steps).length > 0 && { steps }),
    ...(step !== undefined && { from: { step, seq: Number.isFinite(began) ? began : upto } }),
    ...(effects && { effects }),
  };
}

/** A place of the source, as it stands there, however it was written. */
function knownPlace(written: string, { lines, attempts, waits }: Memory, what: string): string {
  const places = [...lines, ...attempts, ...waits].map(({ place }) => place);
  const found = places.find((place) => isPlace(place, written)) ?? places.find((place) => isUnder(place, written));
  if (found !== undefined) return isPlace(found, written) ? found : written;
  const near = nearest(written, places, 5);
  const hint = near.length > 0 ? `Did you mean ${near.join(", ")}?` : "get_run_trace lists its steps.";
  throw new Failure("NOT_FOUND", `${what}: the run has no step ${JSON.stringify(written)}`, { hint });
}

/** Plays the fork to the front of what it is offered, with nobody asked and nothing written, and tells what it has seen. */
export async function foreseeFork(forked: Forked, stage: Stage): Promise<ForkForecast> {
  const { wish, pattern, memory, undone } = forked;
  const run = { ...wish, ...UNBORN, catalogue: "" };
  const stands = offeredLines(memory.lines, wish.fork).filter(({ place }) => !undone.includes(place));
  const offered = { lines: stands, cut: cutIn(memory) };
  const nothing = { lines: [], attempts: [], waits: [] };
  const play = new Play(
    { ...stage, log: SILENT, over: () => {} },
    { run, catalogue: wish.catalogue, memory: nothing, offered },
    pattern,
  );
  const { asked, ending } = await play.toFront();
  const reused = [...play.memory.lines()].filter((line) => line.reused && isStep(line));
  const taken = new Set(reused.map(({ place }) => place));
  const anew = ending ? [] : standing(memory.lines).filter((line) => isStep(line) && !taken.has(line.place));
  const bills = anew.map((line) => billOf(line, forked, stage));
  return {
    reused: reused.length,
    first: asked,
    asked: anew.sort((a, b) => a.seq - b.seq).map(({ place }) => place),
    usd: bills.reduce((sum, { usd }) => sum + usd, 0),
    seconds: Math.round(anew.reduce((sum, { ms }) => sum + ms, 0) / 1000),
    ...(ending && { ends: ending.status }),
    notes: [
      ...unused(forked),
      ...(ending ? unmet(forked, taken) : []),
      ...new Set(bills.flatMap(({ note }) => note ?? [])),
    ],
  };
}

const UNBORN = {
  status: "running",
  generation: 1,
  epoch: 0,
  crashes: 0,
  cancelling: false,
  paused: false,
  created_at: 0,
  held_ms: 0,
  degraded: [],
  usage: NO_USAGE,
  held: 0,
} as const;

const cutIn = ({ attempts }: Memory) => attempts.filter(({ result }) => result === "aborted");

/** What a step has cost; where another model answers now, what its tokens cost there. */
function billOf(
  { agent, model, usage = NO_USAGE }: Line,
  { wish }: Forked,
  { desk }: Stage,
): { usd: number; note?: string } {
  const now = agent === undefined ? undefined : modelNow(agent, wish, desk);
  if (now === undefined || now === model || model === undefined) return { usd: usage.usd };
  const card = wish.catalogue.prices[now];
  if (!card)
    return { usd: usage.usd, note: `${now} has no known price: its steps are told at what they have cost before` };
  return { usd: costOf(card, usage) };
}

function modelNow(tag: string, { fork, catalogue }: Forked["wish"], desk: Stage["desk"]): string | undefined {
  const name = tag.slice(0, Math.max(tag.lastIndexOf("@"), 0)) || tag;
  return Object.hasOwn(fork.agents ?? {}, name) ? desk.find(catalogue, name).models[0] : undefined;
}

/** A step in a branch that is not counted is not asked, whatever is changed there. */
function unmet({ wish: { fork } }: Forked, taken: ReadonlySet<string>): string[] {
  const wanted = [...(fork.from ? [fork.from.step] : []), ...Object.keys(fork.steps ?? {})];
  const idle = wanted.filter((step) => !taken.has(step));
  return idle.map((step) => `${step} is not asked again: it stands in a branch that does not count`);
}

/** Changes that change nothing are said. */
function unused({ wish: { fork }, memory }: Forked): string[] {
  const asked = new Set(memory.lines.map(({ agent = "" }) => agent.slice(0, Math.max(agent.lastIndexOf("@"), 0))));
  const idle = Object.keys(fork.agents ?? {}).filter((name) => !asked.has(name));
  return idle.map((name) => `nobody named ${JSON.stringify(name)} was asked in the run`);
}
