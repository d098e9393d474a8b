import { z } from "zod";
import { compileCondition } from "./condition.ts";
import type { Compensation, Deed, Tells, Verdict, Verify } from "./deed.ts";
import type { Code } from "./errors.ts";
import { compileExpression } from "./expression.ts";
import { filledIn } from "./filling.ts";
import { fingerprint } from "./fingerprint.ts";
import type { Line, Memory, Run } from "./store.ts";

/** The pattern that takes back what another run did, and its version. */
export const COMPENSATE = { name: "compensate", version: 1 } as const;

/** What is written down of a deed before it is done. */
export interface Claim extends Pick<Deed, "does" | "input" | "compensate"> {
  /** By this its receiver knows a repetition. */
  readonly key: string;
  readonly verify?: Look;
}

/** What looks whether a deed was done, as data. */
export interface Look extends Pick<Verify, "does" | "input"> {
  readonly tells: Tells;
}

const Step = z.object({
  /** Where the deed stands in the run that did it. */
  step: z.string(),
  does: z.string(),
  input: z.unknown(),
  compensate: z.custom<Compensation>((value) => typeof value === "object" && value !== null),
  /** What looks whether the deed was done, where that is not known. */
  verify: z.custom<Look>((value) => typeof value === "object" && value !== null).optional(),
  /** By this a second taking back is known to be one. */
  key: z.string(),
  /** What the deed gave; where it is absent, nobody knows whether it was done. */
  gave: z.object({ value: z.unknown() }).optional(),
});
export type UndoStep = z.output<typeof Step>;

/** What a run that takes another's deeds back is given: all that it needs, whatever became of that run's pattern. */
export const Undoing = z.object({
  run: z.string(),
  /** Of that run, when its deeds were looked at. */
  generation: z.number(),
  /** A person must agree first. */
  ask: z.boolean(),
  /** In the order in which they are taken back: the last one first. */
  steps: z.array(Step),
});
export type Undoing = z.output<typeof Undoing>;

/** What of a run's deeds can be taken back, what was, and what has no way back. */
export interface Undoable {
  readonly steps: readonly UndoStep[];
  /** Places whose lines no longer tell what holds: deeds that were taken back, and what took them back. */
  readonly undone: readonly string[];
  /** Deeds that nothing says how to take back. */
  readonly stays: readonly string[];
}

/** What a run remembers, and beside each of its deeds how that was taken back: at its place, in `~undo`. */
export function withUndoings(
  memory: Memory,
  undoings: readonly { readonly run: Run; readonly memory: Memory }[],
): Memory {
  const all = { lines: [...memory.lines], attempts: memory.attempts, waits: [...memory.waits] };
  for (const { run, memory: own } of undoings) {
    const { generation } = run.input as Undoing;
    const before = all.lines.reduce((most, { seq }) => Math.max(most, seq), 0);
    const moved = { lines: own.lines.map((line) => ({ ...line, seq: before + line.seq })), waits: own.waits };
    const stands = <T extends { place: string }>(one: T): T => {
      const deed = deedBehind(one.place);
      return { ...one, generation, ...(deed && { place: `${deed.step}/~undo${deed.rest}` }) };
    };
    all.lines.push(...moved.lines.map(stands));
    all.waits.push(...moved.waits.map(stands));
  }
  return all;
}

/** The deed behind a place in a run that takes deeds back, and what stands inside it; none where it is about no deed. */
function deedBehind(place: string): { readonly step: string; readonly rest: string } | undefined {
  const [, name = "", rest = ""] = /^((?:\\.|[^\\/.])+)(\/.*)?$/s.exec(place) ?? [];
  const [, step = "", asked] = /^(.*?)(~done|~look)?$/s.exec(name.replace(/\\(.)/gs, "$1")) ?? [];
  if (step === "" || step.startsWith("~")) return undefined;
  return { step, rest: asked === undefined ? rest : `/${asked}${rest}` };
}

/** The names under which it is looked, and a person asked, whether a deed was done, in a run that takes deeds back. */
export const lookOf = (step: string): string => `${step}~look`;
export const askedOf = (step: string): string => `${step}~done`;

/** The request itself may have arrived. */
const DOUBTFUL: readonly Code[] = ["TIMEOUT", "NETWORK", "CANCELLED", "DEADLINE_EXCEEDED", "EFFECT_UNKNOWN"];

interface Done {
  readonly place: string;
  readonly seq: number;
  readonly claim: Claim;
  readonly gave?: { readonly value: unknown };
  /** How taking it back looks, where that can be told. */
  readonly print?: string;
}

/** The step whose claim stands at a place, if one does. */
export const claimedAt = (place: string): string | undefined => /^(.*)\/~claim(?:\.\d+)?$/s.exec(place)?.[1];

/**
 * Reads a run's claims, the last one first. `took` are the keys of what other runs have taken back for it; what its own
 * pattern has taken back is known by what it did for that.
 */
export function undoable(lines: readonly Line[], took: ReadonlySet<string>): Undoable {
  const deeds = deedsOf(lines.filter(({ dropped }) => !dropped));
  const back = new Set(deeds.flatMap(({ print }) => print ?? []));
  const open = deeds.filter((deed) => back.has(deedPrint(deed.claim)));
  const steps: UndoStep[] = [];
  const undone: string[] = [];
  const stays: string[] = [];
  for (const deed of deeds.filter((each) => !open.includes(each))) {
    const own = takeOne(open, deed);
    const way = wayBack(deed, own);
    if (!way) stays.push(deed.place);
    else if (own?.gave || took.has(way.key)) undone.push(deed.place, ...(own ? [own.place] : []));
    else steps.push(way);
  }
  return { steps, undone, stays };
}

/** What its pattern has begun to do to take it back is known by the key of that. */
function wayBack({ place, claim, gave }: Done, own: Done | undefined): UndoStep | undefined {
  const { does, input, compensate, verify } = claim;
  const key = own && !own.gave ? own.claim.key : fingerprint({ undo: claim.key });
  return compensate && { step: place, does, input, compensate, key, ...(gave ? { gave } : verify && { verify }) };
}

/** What the pattern itself did, or began, to take a deed back; each counts for one deed. */
function takeOne(open: Done[], { print, seq }: Done): Done | undefined {
  const at = open.findIndex((each) => print !== undefined && deedPrint(each.claim) === print && each.seq > seq);
  return at < 0 ? undefined : open.splice(at, 1)[0];
}

/** The effects that were had, or may have been, the last one first. */
function deedsOf(lines: readonly Line[]): Done[] {
  const told = new Map(lines.map((line) => [line.place, line]));
  const claims = new Map<string, Line>();
  for (const line of lines) {
    const place = claimedAt(line.place);
    if (place !== undefined && (claims.get(place)?.seq ?? 0) < line.seq) claims.set(place, line);
  }
  return [...claims]
    .toSorted(([, a], [, b]) => b.seq - a.seq)
    .flatMap(([place, { seq, value }]) => deedOf({ place, seq, claim: value as Claim }, told.get(place)) ?? []);
}

function deedOf(deed: Done, line: Line | undefined): Done | undefined {
  if (line?.state === "failed" && !(line.error && DOUBTFUL.includes(line.error.code))) return undefined;
  if (line?.state !== "done") return deed;
  const gave = { value: line.value ?? null };
  const print = deed.claim.compensate && printOfUndoing(deed.claim.compensate, gave.value);
  return { ...deed, gave, ...(print !== undefined && { print }) };
}

/** Two deeds with the same print do the same. */
export const deedPrint = ({ does, input }: Pick<Deed, "does" | "input">): string =>
  fingerprint({ kind: "act", does, input });

function printOfUndoing(compensate: Compensation, value: unknown): string | undefined {
  try {
    return deedPrint({ does: compensate.does, input: inputOfUndoing(compensate, value) });
  } catch {
    return undefined;
  }
}

/** What a deed is taken back with, once it is known what it gave. Throws where that does not tell all that is needed. */
export function inputOfUndoing({ input, values, output: key }: Compensation, value: unknown): unknown {
  if (!values) return input;
  return filledIn(input, { ...values, output: partOf(value, key) });
}

/** What stands under a key; a value without it is that itself. */
function partOf(value: unknown, key: string | undefined): unknown {
  const hasIt = key !== undefined && typeof value === "object" && value !== null && Object.hasOwn(value, key);
  return hasIt ? (value as Readonly<Record<string, unknown>>)[key] : value;
}

/** Whether what was found says that a deed was done, and what it gave. Throws where it does not tell. */
export function verdictOf({ done, value, values, output: key, missing }: Tells, found: unknown): Verdict {
  if (missing.some((status) => status === partOf(found, "status"))) return { done: false };
  const known = { ...values, output: partOf(found, key) };
  const variables = Object.keys(known);
  if (!compileCondition(done, variables).holds(known)) return { done: false };
  if (value === undefined) return { done: true, value: found };
  return { done: true, value: { ...(found as object), [key]: compileExpression(value, variables).value(known) } };
}
