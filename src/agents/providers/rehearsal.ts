import { setTimeout as sleep } from "node:timers/promises";
import { type Code, Failure } from "../../core/errors.ts";
import { fingerprint } from "../../core/fingerprint.ts";
import type {
  CallHooks,
  Message,
  ModelReply,
  ModelRequest,
  Provider,
  RehearsalPlan,
  ToolUse,
} from "../../core/provider.ts";
import { asText, counted, listed } from "../../core/texts.ts";
import { plainBound } from "./bound.ts";
import { extract } from "./extract.ts";
import { withoutBytes } from "./media.ts";
import { rehearsedUses } from "./rehearsed-uses.ts";
import { sample } from "./sample.ts";
import { seeded } from "./seeded.ts";

type Fault = RehearsalPlan["faults"][number];

const BYTES_A_TOKEN = 4;
const MARK = "Rehearsal, no model was asked";

/**
 * The model that is none: offline, free, and the same answer to the same question every time. It answers from the
 * text it is given, says in every answer that it rehearses, and fails on purpose where a plan says so.
 */
export class RehearsalProvider implements Provider {
  readonly id: string;
  readonly free = true;
  readonly local = true;
  readonly concurrency = 64;
  /** It is given pictures and says that it has not looked; it finds nothing on the web, and is not asked to. */
  readonly can = { media: true, web_search: false };

  constructor(id = "rehearsal") {
    this.id = id;
  }

  bound(request: ModelRequest): number {
    return plainBound(request);
  }

  async complete(request: ModelRequest, { signal, beat }: CallHooks): Promise<ModelReply> {
    const fault = faultOf(request);
    await pause(fault?.late_ms ?? 0, signal);
    beat();
    if (fault?.code && fault.code !== "refused") throw planned(fault.code, request);
    const uses = rehearsedUses(request, fault);
    const text = uses.length > 0 ? wanted(uses) : answered(request, fault);
    const fits = cut(text, request.max_output_tokens * BYTES_A_TOKEN);
    const isCut = fault?.truncated === true || fits !== text;
    const output = tokensOf(fits) + (uses.length > 0 ? tokensOf(JSON.stringify(uses)) : 0);
    return {
      text: fits,
      tokens: { input: inputTokens(request), cached: 0, cache_write: 0, output, reasoning: 0 },
      usd: 0,
      stop: fault?.code === "refused" ? "refusal" : isCut ? "length" : uses.length > 0 ? "tools" : "end",
      ...(uses.length > 0 && !isCut && { uses }),
      ...(request.shape && { mode: "schema" as const }),
      model: "rehearsal/default",
    };
  }
}

const wanted = (uses: readonly ToolUse[]): string => `${MARK}. It would call ${listed(uses.map(({ name }) => name))}.`;

const answered = (request: ModelRequest, fault: Fault | undefined): string =>
  spoil(fault?.answer === undefined ? answerTo(request) : given(fault.answer, request), request, fault);

/** What a rehearsal answers to a question: an object of the shape asked for, else the gist of what it was given. */
export function answerTo({ system, messages, shape }: Pick<ModelRequest, "system" | "messages" | "shape">): string {
  const { text, from, note } = materialOf(messages);
  if (!shape) return `${MARK}.${note} From ${from}: ${extract(text, 600).join(" ") || "(nothing)"}`;
  const pieces = [...(note === "" ? [] : [note.trim()]), ...extract(text, 2000)];
  const chance = seeded(fingerprint([system, text, shape]));
  let used = 0;
  const next = (most: number) =>
    clip(`${MARK}: ${pieces[used++ % Math.max(1, pieces.length)] ?? "nothing given"}`, most);
  return JSON.stringify(sample(shape, { text: next, chance }));
}

/** What it answers from: what tools gave, if they have just given something, else what was said last. */
function materialOf(messages: readonly Message[]): { text: string; from: string; note: string } {
  const last = messages.findLast((message) => message.role === "user");
  const media = messages.reduce((sum, message) => sum + (message.media?.length ?? 0), 0);
  const note =
    media === 0
      ? ""
      : ` ${counted(media, "picture or document", "pictures or documents")} ${media === 1 ? "was" : "were"} given and not looked at.`;
  const results = last?.results?.map(({ content }) => content).filter((content) => content.trim() !== "") ?? [];
  if (results.length > 0) return { text: results.join("\n"), from: "what its tools gave", note };
  return { text: last?.content ?? "", from: "the text given", note };
}

/** An answer that the plan gives; it says what it is wherever that fits the form. */
const given = (answer: unknown, { shape }: ModelRequest): string =>
  shape ? JSON.stringify(answer) : `${MARK}. As the rehearsal plan says: ${asText(answer)}`;

function faultOf({ rehearsal, agent, nth }: ModelRequest): Fault | undefined {
  return rehearsal?.faults.find((fault) => (fault.agent ?? agent) === agent && isCounted(fault.calls, nth));
}

function isCounted(calls: Fault["calls"], nth: number): boolean {
  const [from = 0, to = from] = String(calls).split("-").map(Number);
  return nth >= from && nth <= to;
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    if (ms > 0) await sleep(ms, undefined, { signal });
    signal.throwIfAborted();
  } catch {
    const { reason } = signal;
    throw reason instanceof Failure ? reason : new Failure("CANCELLED", "the rehearsal was stopped", { cause: reason });
  }
}

const planned = (code: string, { agent, nth }: ModelRequest): Failure =>
  new Failure(code.toUpperCase() as Code, `rehearsal/default fails on purpose: ${code} at call ${nth} of ${agent}`, {
    billed: "nothing",
    hint: "The rehearsal plan of this run or of the settings says so.",
  });

function spoil(answer: string, { shape }: ModelRequest, fault: Fault | undefined): string {
  if (fault?.code === "refused") return `${MARK}. Refused, as the rehearsal plan says.`;
  if (fault?.malformed) return shape ? `${MARK}: {"broken": [` : "\u0000\u0000";
  return fault?.truncated ? answer.slice(0, Math.ceil(answer.length / 2)) : answer;
}

const tokensOf = (text: string): number => Math.ceil(Buffer.byteLength(text) / BYTES_A_TOKEN);

function inputTokens(request: ModelRequest): number {
  const { system, messages, shape, tools = [] } = withoutBytes(request);
  const beside = messages.flatMap(({ uses = [], results = [], media = [] }) => [...uses, ...results, ...media]);
  const parts = [...(shape ? [shape] : []), ...tools, ...beside].map((part) => JSON.stringify(part));
  return tokensOf(system + messages.map((message) => message.content).join("") + parts.join(""));
}

/** At most so many bytes, cut between characters. */
function cut(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text;
  return new TextDecoder().decode(Buffer.from(text).subarray(0, bytes)).replace(/\uFFFD+$/, "");
}

const clip = (text: string, most: number): string => [...text].slice(0, most).join("");
