import type { FailureInfo } from "./errors.ts";
import { toUsd } from "./money.ts";
import type { Message } from "./provider.ts";
import { redact, redactText, TAKEN_OUT } from "./redact.ts";
import type { Attempt, Line, Memory, Run } from "./store.ts";
import { toldOf } from "./told.ts";
import { addUsage, NO_USAGE, type Usage } from "./usage.ts";

type ExitStatus = "success" | "semantic failure" | "exception";

/** One place of a run as its journal tells it: what was asked there how often, and what came of it. */
export interface StepRecord {
  readonly place: string;
  readonly generation: number;
  readonly kind: Line["kind"];
  readonly status: ExitStatus | "running" | "waiting";
  readonly agent?: string;
  readonly model?: string;
  readonly value?: unknown;
  readonly error?: FailureInfo;
  readonly usage: Usage;
  readonly ms: number;
  readonly attempts: readonly Attempt[];
  /** What is not as usual about its bill or its answer: estimated, overrun, clamped, cached, reused. */
  readonly marks: readonly string[];
  /** Who settled it and when, where somebody was waited for. */
  readonly decided?: { readonly by: string; readonly at: number };
}

/** All places of a run in the order in which it learnt of them; what is in flight comes last. No secrets are shown. */
export function stepRecords({ lines, attempts, waits }: Memory): StepRecord[] {
  const asked = Map.groupBy(attempts.map(withoutSecrets), keyOf);
  const told = lines.toSorted((a, b) => a.generation - b.generation || a.seq - b.seq);
  const known = new Set(told.map(keyOf));
  const untold = [...asked].filter(([key]) => !known.has(key)).map(([, list]) => fromAttempts(list));
  const open = waits.filter((wait) => wait.state === "open" && !known.has(keyOf(wait)));
  return [
    ...told.map((line) => ({ ...fromLine(line, asked.get(keyOf(line)) ?? []), ...decidedOf(waits, line) })),
    ...untold.filter((record) => record !== undefined),
    ...open.map(({ place, generation }) => ({ ...BLANK, place, generation, kind: "wait", status: "waiting" }) as const),
  ];
}

function decidedOf(waits: Memory["waits"], { kind, generation, place }: Line): Pick<StepRecord, "decided"> {
  if (kind !== "wait") return {};
  const settled = waits.find((wait) => wait.generation === generation && wait.place === place);
  const { decided_by: by, decided_at: at } = settled ?? {};
  return by === undefined || at === undefined ? {} : { decided: { by, at } };
}

function withoutSecrets(attempt: Attempt): Attempt {
  const { input, reply, uses } = attempt;
  const asked = { ...input, system: redactText(input.system), messages: input.messages.map(shownMessage) };
  return {
    ...attempt,
    input: asked,
    ...(reply !== undefined && { reply: redactText(reply) }),
    ...(uses && { uses: redact(uses) as typeof uses }),
  };
}

/** A message as people read it: without secrets, and without what only its vendor reads. */
function shownMessage({ role, content, uses, results, media }: Message): Message {
  return {
    role,
    content: redactText(content),
    ...(uses && { uses: redact(uses) as typeof uses }),
    ...(results && { results: results.map((each) => ({ ...each, content: redactText(each.content) })) }),
    ...(media && { media: media.map((each) => ({ ...each, data: `[${each.data.length} characters of base64]` })) }),
  };
}

const BLANK = { usage: NO_USAGE, ms: 0, attempts: [], marks: [] } as const;

const keyOf = ({ generation, place }: { generation: number; place: string }): string => `${generation}:${place}`;

function fromLine(line: Line, attempts: readonly Attempt[]): StepRecord {
  const { place, generation, kind, state, value, error, agent, model, ms } = line;
  const last = attempts.at(-1);
  const who = agent ?? last?.agent;
  const which = model ?? last?.model;
  return {
    place,
    generation,
    kind,
    status: state === "done" ? "success" : exitOf(error),
    ...(who !== undefined && { agent: who }),
    ...(which !== undefined && { model: which }),
    ...(value !== undefined && { value: redact(toldOf(line)) }),
    ...(error && { error }),
    usage: attempts.length > 0 ? sum(attempts) : line.reused ? NO_USAGE : (line.usage ?? NO_USAGE),
    ms,
    attempts,
    marks: [...marksOf(attempts), ...(line.reused ? ["reused"] : [])],
  };
}

function fromAttempts(attempts: readonly Attempt[]): StepRecord | undefined {
  const last = attempts.at(-1);
  if (!last) return undefined;
  const { place, generation, agent, model, error, reply } = last;
  return {
    place,
    generation,
    kind: "call",
    status: attempts.some(({ state }) => state === "held") ? "running" : exitStatus(last),
    agent,
    model,
    ...(reply !== undefined && { value: reply }),
    ...(error && { error }),
    usage: sum(attempts),
    ms: attempts.reduce((ms, attempt) => ms + (attempt.ms ?? 0), 0),
    attempts,
    marks: marksOf(attempts),
  };
}

const exitOf = (error: FailureInfo | undefined): ExitStatus =>
  error?.kind === "semantic" ? "semantic failure" : "exception";

/** How one request ended: with an answer, with one that was of no use, or with none. */
const exitStatus = ({ result, error }: Attempt): ExitStatus =>
  result === "ok" ? "success" : result === "bad" ? "semantic failure" : exitOf(error);

const sum = (attempts: readonly Attempt[]): Usage =>
  attempts.reduce((usage, attempt) => addUsage(usage, attempt.usage), NO_USAGE);

/** What is not as usual about these requests. */
export function marksOf(attempts: readonly Attempt[]): string[] {
  const marks = { estimated: "estimated", overrun: "overrun", clamped: "clamped", cached_answer: "cached" } as const;
  const found = (Object.keys(marks) as (keyof typeof marks)[])
    .filter((key) => attempts.some((attempt) => attempt[key]))
    .map((key) => marks[key]);
  return attempts.some(wasRedacted) ? [...found, "secrets taken out"] : found;
}

/** Was something taken out of it before it was sent? */
const wasRedacted = ({ input }: Attempt): boolean =>
  [input.system, ...input.messages.map(({ content }) => content)].some((text) => text.includes(TAKEN_OUT));

/** One request, in the fields that every record of a call has, whatever store or file it lies in. */
export interface CallRow {
  readonly run_id: string;
  readonly step: string;
  readonly agent: string;
  readonly agent_version: string | null;
  readonly model: string;
  readonly input_tokens: number;
  readonly cached_tokens: number;
  readonly output_tokens: number;
  readonly reasoning_tokens: number;
  readonly usd: number;
  readonly estimated: boolean;
  readonly latency_ms: number | null;
  /** The how-manieth request of its step it was. */
  readonly attempts: number;
  readonly exit_status: ExitStatus;
  readonly input_schema_version: string | null;
  readonly started_at: string;
}

/** The finished requests of a run, the oldest first. */
export function callRows(run: string, { attempts }: Memory): CallRow[] {
  const counts = new Map<string, number>();
  const settled = attempts.filter(({ state }) => state === "settled").toSorted((a, b) => a.id - b.id);
  return settled.map((attempt) => {
    const nth = (counts.get(keyOf(attempt)) ?? 0) + 1;
    counts.set(keyOf(attempt), nth);
    return callRow(run, attempt, nth);
  });
}

function callRow(run: string, attempt: Attempt, nth: number): CallRow {
  const { place, agent, model, usage, estimated, ms, input, at } = attempt;
  const [name = agent, version] = splitTag(agent);
  return {
    run_id: run,
    step: place,
    agent: name,
    agent_version: version ?? null,
    model,
    input_tokens: usage.input,
    cached_tokens: usage.cached,
    output_tokens: usage.output,
    reasoning_tokens: usage.reasoning,
    usd: toUsd(usage.usd),
    estimated,
    latency_ms: ms ?? null,
    attempts: nth,
    exit_status: exitStatus(attempt),
    input_schema_version: input.shape_version ?? null,
    started_at: new Date(at).toISOString(),
  };
}

/** A model's own name may hold an `@`; the last one begins the version. */
function splitTag(tag: string): [string, string?] {
  const at = tag.lastIndexOf("@");
  return at <= 0 ? [tag] : [tag.slice(0, at), tag.slice(at + 1)];
}

const ABOUT = 80;

/** The first words of what a run was asked. */
export function aboutRun({ input }: Run): string {
  const fields = input !== null && typeof input === "object" ? Object.values(input) : [input];
  const text = String(fields.find((field) => typeof field === "string") ?? JSON.stringify(input) ?? "");
  const words = text.replaceAll(/\s+/g, " ").trim();
  return words.length <= ABOUT ? words : `${words.slice(0, ABOUT).toWellFormed()}…`;
}

/** Did no real model answer? A run needs what it asks, and the rehearsal is one of those. */
export const isRehearsal = ({ needs }: Run): boolean => needs.includes("provider:rehearsal");
