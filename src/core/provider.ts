import { z } from "zod";
import type { Tokens } from "./usage.ts";

export type JsonSchema = Readonly<Record<string, unknown>>;

/** A tool as a model is offered it. */
export interface ToolSpec {
  /** Letters, digits, `_` and `-`, at most 64 of them: what all vendors take. */
  readonly name: string;
  readonly description: string;
  readonly input: JsonSchema;
}

/** What a model wants done before it goes on; the vendor's own id leads back to it. */
export interface ToolUse {
  readonly id: string;
  readonly name: string;
  /** As the model gave them: an object where it kept to the form, else the text that it gave. */
  readonly arguments: unknown;
}

/** What came of it, for the model to read. */
export interface ToolResult {
  readonly id: string;
  readonly content: string;
  readonly is_error?: boolean;
}

/** A picture or a document, in base64. */
export interface Media {
  readonly type: "image/png" | "image/jpeg" | "image/gif" | "image/webp" | "application/pdf";
  readonly data: string;
  readonly name?: string;
}

export interface Message {
  readonly role: "user" | "assistant";
  readonly content: string;
  /** An assistant's: what it wants done. */
  readonly uses?: readonly ToolUse[];
  /** A user's: what came of that, before the content. */
  readonly results?: readonly ToolResult[];
  /** A user's: pictures and documents, before the content. */
  readonly media?: readonly Media[];
  /** An assistant's: what only its vendor reads (thoughts with their seal), given back as it came. */
  readonly kept?: { readonly provider: string; readonly blocks: readonly unknown[] };
}

export const EFFORTS = ["low", "medium", "high", "xhigh", "max"] as const;
export type Effort = (typeof EFFORTS)[number];

/** What happens on purpose while rehearsing, so that a run takes a certain course: the n-th calls (`"2"`, `"1-3"`) of an agent in a run. */
export const RehearsalPlan = z.strictObject({
  faults: z
    .array(
      z.strictObject({
        agent: z.string().optional(),
        calls: z.union([z.string().regex(/^\d+(-\d+)?$/, 'such as "2" or "1-3"'), z.int().positive()]),
        code: z
          .enum(["rate_limited", "overloaded", "timeout", "network", "unauthorized", "quota_exhausted", "refused"])
          .optional(),
        late_ms: z.int().nonnegative().max(3_600_000).optional(),
        malformed: z.boolean().optional(),
        truncated: z.boolean().optional(),
        answer: z.unknown().optional().describe("Said instead of what it would make up; judged as any answer"),
        uses: z
          .array(z.strictObject({ name: z.string().min(1), arguments: z.unknown().optional() }))
          .min(1)
          .max(20)
          .optional()
          .describe("Wants these tools called instead of answering"),
      }),
    )
    .max(1000),
});
export type RehearsalPlan = z.output<typeof RehearsalPlan>;

/** One question to one model. Everything in it reaches the model, but for `agent`, `nth` and `rehearsal`. */
export interface ModelRequest {
  /** Without its provider: "gpt-5-mini". */
  readonly model: string;
  readonly system: string;
  readonly messages: readonly Message[];
  /** The shape that is asked for; a provider asks for it as strictly as it can. */
  readonly shape?: JsonSchema;
  readonly max_output_tokens: number;
  /** Not sent where the vendor no longer takes one, as Anthropic does not. */
  readonly temperature?: number;
  /** How hard it is to think, where the model can be told. */
  readonly effort?: Effort;
  readonly tools?: readonly ToolSpec[];
  /** The tools stay in sight, and none may be called: an answer is due. */
  readonly must_answer?: boolean;
  /** The vendor may search the web, so many times; each search is on the bill. */
  readonly web_search?: { readonly max_uses: number };
  /**
   * Other requests begin like this one, so a vendor that can is told to remember: `dialogue`, all of it, since the next
   * turn repeats it; a number, system, tools and so many characters of the first message.
   */
  readonly cache?: "dialogue" | number;
  readonly agent: string;
  /** The how-manieth request of this agent in this run, from 1. */
  readonly nth: number;
  readonly rehearsal?: RehearsalPlan;
}

/** How the shape was asked for: by the provider's own schema support, its JSON mode, or in words. */
export type ShapeMode = "schema" | "json" | "text";

export interface ModelReply {
  readonly text: string;
  readonly tokens: Tokens;
  /** What the provider itself says it cost, in nano-USD; believed before our own prices. */
  readonly usd?: number;
  /** The usage is not the provider's own but a bound, since it reported none. */
  readonly estimated?: boolean;
  /** `tools`: it wants something done first. */
  readonly stop: "end" | "length" | "refusal" | "tools";
  readonly uses?: readonly ToolUse[];
  readonly kept?: Message["kept"];
  /** How often the vendor searched the web for it. */
  readonly searches?: number;
  /** What is billed beside its tokens, as searches are, in nano-USD; a `usd` of the provider's own holds it already. */
  readonly fees?: number;
  readonly mode?: ShapeMode;
  /** What the provider calls the model that answered. */
  readonly model?: string;
  readonly id?: string;
}

export interface CallHooks {
  /** Aborted when the call must end; a provider closes its socket at once. */
  readonly signal: AbortSignal;
  /** Called with every piece of the answer that arrives, so that silence can be noticed. */
  readonly beat: () => void;
}

/** One vendor's way to be asked. It throws nothing but Failure, and never retries by itself. */
export interface Provider {
  readonly id: string;
  /** Costs nothing, whatever its models are called. */
  readonly free: boolean;
  /** It is on this very machine: what it is sent goes nowhere. */
  readonly local?: boolean;
  /** How many requests it may see at once, and how many requests and tokens a minute. */
  readonly concurrency: number;
  readonly rpm?: number;
  readonly tpm?: number;
  /** What it can take beside text, tools and shapes. */
  readonly can?: { readonly web_search?: boolean; readonly media?: boolean };
  /** What one search of the web costs at most, in nano-USD; only where it can search. */
  readonly search_usd?: number;
  /** How many times the price of input it takes for writing to its cache, where it is told what to remember. */
  readonly cache_write?: number;
  /** More input tokens than this request can have: the bytes of all that is sent, and the vendor's overhead. */
  bound(request: ModelRequest): number;
  complete(request: ModelRequest, hooks: CallHooks): Promise<ModelReply>;
  /** A free request that shows whether it is up, where the vendor has one. */
  probe?(signal: AbortSignal): Promise<void>;
}

/** `openai/gpt-5` in its two halves; the model's own name may hold further slashes. */
export function splitModel(name: string): { provider: string; model: string } {
  const slash = name.indexOf("/");
  return slash < 0 ? { provider: "", model: name } : { provider: name.slice(0, slash), model: name.slice(slash + 1) };
}
