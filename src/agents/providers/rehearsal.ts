import { setTimeout as sleep } from "node:timers/promises";
import { type Code, Failure } from "../../core/errors.ts";
import { fingerprint } from "../../core/fingerprint.ts";
import type { CallHooks, ModelReply, ModelRequest, Provider, RehearsalPlan } from "../../core/provider.ts";
import { asText } from "../../core/texts.ts";
import { boundOf } from "./bound.ts";
import { extract } from "./extract.ts";
import { sample } from "./sample.ts";

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
  readonly concurrency = 64;

  constructor(id = "rehearsal") {
    this.id = id;
  }

  bound(request: ModelRequest): number {
    return boundOf(request.messages, request.messages.length, request, Buffer.byteLength(request.system));
  }

  async complete(request: ModelRequest, { signal, beat }: CallHooks): Promise<ModelReply> {
    const fault = faultOf(request);
    await pause(fault?.late_ms ?? 0, signal);
    beat();
    if (fault?.code && fault.code !== "refused") throw planned(fault.code, request);
    const text = spoil(fault?.answer === undefined ? answerTo(request) : given(fault.answer, request), request, fault);
    const fits = cut(text, request.max_output_tokens * BYTES_A_TOKEN);
    return {
      text: fits,
      tokens: { input: inputTokens(request), cached: 0, cache_write: 0, output: tokensOf(fits), reasoning: 0 },
      usd: 0,
      stop: fault?.code === "refused" ? "refusal" : fault?.truncated || fits !== text ? "length" : "end",
      ...(request.shape && { mode: "schema" as const }),
      model: "rehearsal/default",
    };
  }
}

/** What a rehearsal answers to a question: an object of the shape asked for, else the gist of the text. */
export function answerTo({ system, messages, shape }: Pick<ModelRequest, "system" | "messages" | "shape">): string {
  const text = messages.findLast((message) => message.role === "user")?.content ?? "";
  if (!shape) return `${MARK}. From the text given: ${extract(text, 600).join(" ") || "(nothing)"}`;
  const pieces = extract(text, 2000);
  const chance = seeded(fingerprint([system, text, shape]));
  let used = 0;
  const next = (most: number) =>
    clip(`${MARK}: ${pieces[used++ % Math.max(1, pieces.length)] ?? "nothing given"}`, most);
  return JSON.stringify(sample(shape, { text: next, chance }));
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

const inputTokens = ({ system, messages, shape }: ModelRequest): number =>
  tokensOf(system + messages.map((message) => message.content).join("") + (shape ? JSON.stringify(shape) : ""));

/** At most so many bytes, cut between characters. */
function cut(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text;
  return new TextDecoder().decode(Buffer.from(text).subarray(0, bytes)).replace(/\uFFFD+$/, "");
}

const clip = (text: string, most: number): string => [...text].slice(0, most).join("");

/** Numbers from 0 up to 1 that are the same for the same seed (mulberry32). */
function seeded(seed: string): () => number {
  let state = Number.parseInt(seed.slice(0, 8), 16);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
