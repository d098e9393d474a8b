import { z } from "zod";
import type { Tokens } from "./usage.ts";

export type JsonSchema = Readonly<Record<string, unknown>>;

export interface Message {
  readonly role: "user" | "assistant";
  readonly content: string;
}

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
  readonly stop: "end" | "length" | "refusal";
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
  /** How many requests it may see at once, and how many requests and tokens a minute. */
  readonly concurrency: number;
  readonly rpm?: number;
  readonly tpm?: number;
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
