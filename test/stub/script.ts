/** What the fake vendor is asked, in words that both its dialects share. */
export interface Asked {
  readonly dialect: "openai" | "anthropic";
  readonly model: string;
  readonly system: string;
  /** The last thing the user said. */
  readonly user: string;
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  /** The shape asked for natively, if one is. */
  readonly shape?: Readonly<Record<string, unknown>>;
  /** `json_schema`, `json_object` or nothing. */
  readonly format?: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly stream: boolean;
  /** The how-manieth request this is, from 1. */
  readonly n: number;
}

/** Tokens as the vendor counts them; `input` with what was cached. What is left out is made from the bytes. */
export interface StubUsage {
  readonly input?: number;
  readonly cached?: number;
  readonly cache_write?: number;
  readonly output?: number;
  readonly reasoning?: number;
  /** USD that the vendor itself reports, as OpenRouter does. */
  readonly cost?: number;
}

/** How the fake vendor answers one request. All of it can be said in JSON. */
export interface Reply {
  readonly text?: string;
  /** Answered as text in JSON. */
  readonly json?: unknown;
  readonly usage?: StubUsage | "none";
  readonly stop?: "end" | "length" | "refusal";
  /** Milliseconds before the headers, before the first token, and between tokens. */
  readonly latency_ms?: number;
  readonly first_token_ms?: number;
  readonly chunk_ms?: number;
  readonly chunks?: number;
  /** With a status of 300 and above, or with a body: that is the whole answer (an object is sent as JSON). */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly fault?: Fault;
}

/**
 * `hang`: nothing is ever sent. `hang_midway`: silence after half of the answer. `cut`: the socket dies there.
 * `reset`: it dies before the headers. `malformed`: a good status and broken JSON. `html`: a good status and a page.
 * `error_event`: an error inside the stream. `unfinished`: the stream ends without saying that it is complete.
 * `plain`: JSON where a stream was asked for.
 */
type Fault = "hang" | "hang_midway" | "cut" | "reset" | "malformed" | "html" | "error_event" | "unfinished" | "plain";

/** Answers the requests that match; texts match as substrings, `calls` counts the matches of this rule from 1. */
export interface Rule {
  readonly when?: {
    readonly dialect?: "openai" | "anthropic";
    readonly model?: string;
    readonly system?: string;
    readonly user?: string;
  };
  readonly calls?: string | number;
  readonly reply: Reply;
}

export type ScriptFunction = (asked: Asked) => Reply | undefined | Promise<Reply | undefined>;
export type Script = ScriptFunction | readonly Rule[];

/** A script as a function; rules keep their own count. The first rule that matches, and whose count fits, answers. */
export function play(script: Script): ScriptFunction {
  if (typeof script === "function") return script;
  const counts = script.map(() => 0);
  return (asked) => {
    const at = script.findIndex((rule, index) => {
      if (!matches(rule, asked)) return false;
      const count = (counts[index] ?? 0) + 1;
      counts[index] = count;
      return fits(rule.calls, count);
    });
    return script[at]?.reply;
  };
}

function matches({ when = {} }: Rule, asked: Asked): boolean {
  return (
    (when.dialect === undefined || when.dialect === asked.dialect) &&
    (when.model === undefined || when.model === asked.model) &&
    (when.system === undefined || asked.system.includes(when.system)) &&
    (when.user === undefined || asked.user.includes(when.user))
  );
}

function fits(calls: Rule["calls"], count: number): boolean {
  if (calls === undefined) return true;
  const [from = 0, to = from] = String(calls)
    .split("-")
    .map((n) => (n === "" ? Number.POSITIVE_INFINITY : Number(n)));
  return count >= from && count <= to;
}
