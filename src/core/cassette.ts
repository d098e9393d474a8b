import { z } from "zod";
import { Failure, type FailureInfo } from "./errors.ts";
import { canonical, fingerprint } from "./fingerprint.ts";
import { diffLines } from "./line-diff.ts";
import type { JsonSchema, Message, ModelReply, ShapeMode } from "./provider.ts";
import { redact, redactText } from "./redact.ts";
import type { Attempt, Memory, Run } from "./store.ts";

/** All of a request that a cassette knows it by. */
export interface TapedRequest {
  /** `provider/model` */
  readonly model: string;
  readonly system: string;
  readonly messages: readonly Message[];
  readonly shape?: JsonSchema;
}

/** One request on a cassette, and what came of it: a reply, a failure, or silence until it was cut off. */
export interface Taped {
  readonly key: string;
  readonly place: string;
  readonly agent: string;
  /** For people and for the drift report: without what looks like a secret. The key is of the request as it was. */
  readonly request: TapedRequest;
  readonly reply?: Pick<ModelReply, "text" | "tokens" | "usd" | "stop" | "mode">;
  readonly failure?: FailureInfo;
}

/** The one line of a cassette that is no request: what was played. */
interface Label {
  readonly cassette: 1;
  readonly run: string;
  readonly pattern: string;
  readonly pattern_version: number;
  readonly input: unknown;
  readonly output?: unknown;
}

export interface Cassette {
  readonly label: Label;
  readonly taped: readonly Taped[];
}

/** The same for two requests that say the same to the same model. */
export const tapeKey = ({ model, system, messages, shape }: TapedRequest): string =>
  fingerprint({ model, system, messages: messages.map(({ role, content }) => [role, content]), shape });

/** A run as a cassette: every request that is known to have ended, in the order in which they left. */
export function tape(run: Run, { attempts }: Pick<Memory, "attempts">): Cassette {
  const { id, pattern, pattern_version, input, output } = run;
  const label: Label = {
    cassette: 1,
    run: id,
    pattern,
    pattern_version,
    input,
    ...(output !== undefined && { output }),
  };
  return { label, taped: attempts.toSorted((a, b) => a.id - b.id).flatMap((attempt) => taped(attempt) ?? []) };
}

/** What a crash has lost was asked again; what is in flight has told nothing yet. */
function taped({ state, result, place, agent, model, input, reply, usage, error, mode }: Attempt): Taped | undefined {
  if (state !== "settled" || result === "lost") return undefined;
  const { system, messages, shape } = input;
  const request = { model, system, messages, ...(shape !== undefined && { shape: shape as JsonSchema }) };
  const known = { key: tapeKey(request), place, agent: agent.replace(/(?<=.)@[^@]*$/, ""), request: shown(request) };
  if (result === "aborted") return known;
  if (reply === undefined) return error ? { ...known, failure: error } : undefined;
  const { input: in_, cached, cache_write, output, reasoning } = usage;
  const tokens = { input: in_, cached, cache_write, output, reasoning };
  const usd = usage.partial ? {} : { usd: usage.usd };
  return { ...known, reply: { text: reply, tokens, ...usd, stop: stopOf(error), ...(mode && { mode }) } };
}

const stopOf = (error: FailureInfo | undefined): ModelReply["stop"] =>
  error?.code === "TRUNCATED" || error?.code === "BUDGET_EXCEEDED"
    ? "length"
    : error?.code === "REFUSED"
      ? "refusal"
      : "end";

const shown = ({ system, messages, ...rest }: TapedRequest): TapedRequest => ({
  ...rest,
  system: redactText(system),
  messages: messages.map(({ role, content }) => ({ role, content: redactText(content) })),
});

/** One file, one JSON object a line: the label first. */
export const writeCassette = ({ label, taped }: Cassette): string =>
  [{ ...label, input: redact(label.input) }, ...taped].map((line) => `${JSON.stringify(line)}\n`).join("");

const MODES = ["schema", "json", "text"] as const satisfies readonly ShapeMode[];
const Count = z.int().nonnegative();

const TapedLine = z.object({
  key: z.string(),
  place: z.string(),
  agent: z.string(),
  request: z.object({
    model: z.string(),
    system: z.string(),
    messages: z.array(z.object({ role: z.enum(["user", "assistant"]), content: z.string() })),
    shape: z.record(z.string(), z.unknown()).optional(),
  }),
  reply: z
    .object({
      text: z.string(),
      tokens: z.object({ input: Count, cached: Count, cache_write: Count, output: Count, reasoning: Count }),
      usd: Count.optional(),
      stop: z.enum(["end", "length", "refusal"]),
      mode: z.enum(MODES).optional(),
    })
    .optional(),
  failure: z.custom<FailureInfo>((value) => typeof value === "object" && value !== null && "code" in value).optional(),
});
const LabelLine = z.looseObject({ cassette: z.literal(1), run: z.string(), pattern: z.string() });

/** Reads a cassette; fails, with the line, where it is none. */
export function readCassette(text: string, name: string): Cassette {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const values = lines.map((line, n) => parsed(line, `${name}:${n + 1}`));
  const label = LabelLine.safeParse(values[0]);
  if (!label.success) throw unreadable(`${name} does not begin as a cassette`);
  const taped = values.slice(1).map((value, n) => {
    const read = TapedLine.safeParse(value);
    if (!read.success) throw unreadable(`${name}:${n + 2} is no request of a cassette`);
    return read.data as Taped;
  });
  return { label: label.data as unknown as Label, taped };
}

function parsed(line: string, where: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw unreadable(`${where} is no JSON`);
  }
}

const unreadable = (why: string): Failure =>
  new Failure("BAD_REQUEST", why, { hint: "Write one with: baton export --cassette <run>", billed: "nothing" });

/** In words, where a request that is on no cassette first departs from the one that it was to be. */
export function drift(asked: TapedRequest, agent: string, nth: number, taped: readonly Taped[]): string {
  const same = taped.filter((one) => one.agent === agent);
  const meant = same[Math.min(nth, same.length) - 1] ?? taped[0];
  if (!meant) return "the cassette holds no requests";
  const where = `it was to be ${meant.place} (${meant.agent})`;
  const differs = firstDifference(meant.request, asked);
  return differs === undefined
    ? `${where}, and says the same but for what was taken out as a secret`
    : `${where}: ${differs}`;
}

function firstDifference(taped: TapedRequest, asked: TapedRequest): string | undefined {
  const now = shown(asked);
  if (taped.model !== now.model) return `the model was ${taped.model} and is ${now.model}`;
  if (taped.system !== now.system) return `the instructions differ${atLine(taped.system, now.system)}`;
  for (let n = 0; n < Math.max(taped.messages.length, now.messages.length); n++) {
    const [old, fresh] = [taped.messages[n], now.messages[n]];
    const which = `message ${n + 1} (${(old ?? fresh)?.role})`;
    if (!old || !fresh) return `${which} ${old ? "is missing" : "is new"}`;
    if (old.role !== fresh.role || old.content !== fresh.content)
      return `${which} differs${atLine(old.content, fresh.content)}`;
  }
  return canonical(taped.shape) === canonical(now.shape) ? undefined : "the shape that is asked for differs";
}

const SHOWN = 200;

function atLine(before: string, after: string): string {
  const lines = diffLines(before, after);
  const at = lines.findIndex(({ sign }) => sign !== " ");
  const cut = (text: string | undefined) => (text === undefined ? "nothing" : JSON.stringify(text.slice(0, SHOWN)));
  const near = lines.slice(at);
  const was = near.find(({ sign }) => sign === "-")?.text;
  const is = near.find(({ sign }) => sign === "+")?.text;
  return ` at line ${at + 1}: it was ${cut(was)} and is ${cut(is)}`;
}
