import { z } from "zod";
import { Failure, type FailureInfo } from "./errors.ts";
import { fingerprint } from "./fingerprint.ts";
import type { JsonSchema, Message, ModelReply, ModelRequest, ShapeMode, ToolSpec } from "./provider.ts";
import { redact, redactText } from "./redact.ts";
import type { Attempt, Memory, Run } from "./store.ts";
import { messageKey, shownMessage, TapedMessage, tapedMessage } from "./taped-message.ts";

/** All of a request that a cassette knows it by. */
export interface TapedRequest {
  /** `provider/model` */
  readonly model: string;
  readonly system: string;
  readonly messages: readonly TapedMessage[];
  readonly tools?: readonly ToolSpec[];
  readonly shape?: JsonSchema;
}

/** One request on a cassette, and what came of it: a reply, a failure, or silence until it was cut off. */
export interface Taped {
  readonly key: string;
  readonly place: string;
  readonly agent: string;
  /** For people and for the drift report: without what looks like a secret. The key is of the request as it was. */
  readonly request: TapedRequest;
  readonly reply?: Pick<ModelReply, "text" | "tokens" | "usd" | "stop" | "uses" | "mode">;
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

/** What a cassette knows a request by. */
export const tapedRequest = (
  model: string,
  { system, messages, tools = [], shape }: Pick<ModelRequest, "system" | "messages" | "tools" | "shape">,
): TapedRequest => ({
  model,
  system,
  messages: messages.map(tapedMessage),
  ...(tools.length > 0 && { tools }),
  ...(shape && { shape }),
});

/** The same for two requests that say the same to the same model. */
export const tapeKey = ({ model, system, messages, tools, shape }: TapedRequest): string =>
  fingerprint({ model, system, messages: messages.map(messageKey), tools, shape });

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
  return {
    label,
    taped: attempts.toSorted((a, b) => a.id - b.id).flatMap((attempt) => taped(attempt, attempts) ?? []),
  };
}

/** What was said before, in a dialogue that is kept turn by turn. */
function before({ after }: Attempt["input"], attempts: readonly Attempt[]): readonly Message[] {
  const last = attempts.findLast(({ place, turn }) => place === after && turn === 0);
  return last ? [...before(last.input, attempts), ...last.input.messages] : [];
}

/** What a crash has lost was asked again; what is in flight has told nothing yet. */
function taped(attempt: Attempt, attempts: readonly Attempt[]): Taped | undefined {
  const { state, result, place, agent, model, input, reply, uses, usage, error, mode } = attempt;
  if (state !== "settled" || result === "lost") return undefined;
  const { system, tools = [], shape } = input;
  const messages = [...before(input, attempts), ...input.messages];
  const asked = { system, messages, tools, ...(shape !== undefined && { shape: shape as JsonSchema }) };
  const request = tapedRequest(model, asked);
  const known = { key: tapeKey(request), place, agent: agent.replace(/(?<=.)@[^@]*$/, ""), request: shown(request) };
  if (result === "aborted") return known;
  if (reply === undefined) return error ? { ...known, failure: error } : undefined;
  const { input: in_, cached, cache_write, output, reasoning } = usage;
  const tokens = { input: in_, cached, cache_write, output, reasoning };
  const usd = usage.partial ? {} : { usd: usage.usd };
  const stop = uses ? "tools" : stopOf(error);
  return { ...known, reply: { text: reply, tokens, ...usd, stop, ...(uses && { uses }), ...(mode && { mode }) } };
}

const stopOf = (error: FailureInfo | undefined): ModelReply["stop"] =>
  error?.code === "TRUNCATED" || error?.code === "BUDGET_EXCEEDED"
    ? "length"
    : error?.code === "REFUSED"
      ? "refusal"
      : "end";

/** A request as people see it: without what looks like a secret. */
export const shown = ({ system, messages, ...rest }: TapedRequest): TapedRequest => ({
  ...rest,
  system: redactText(system),
  messages: messages.map(shownMessage),
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
    messages: z.array(TapedMessage),
    tools: z.array(z.custom<ToolSpec>((value) => typeof value === "object" && value !== null)).optional(),
    shape: z.record(z.string(), z.unknown()).optional(),
  }),
  reply: z
    .object({
      text: z.string(),
      tokens: z.object({ input: Count, cached: Count, cache_write: Count, output: Count, reasoning: Count }),
      usd: Count.optional(),
      stop: z.enum(["end", "length", "refusal", "tools"]),
      uses: TapedMessage.shape.uses,
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
