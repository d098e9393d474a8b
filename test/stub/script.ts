/**
 * What the fake vendor does, and how it is told. A script is a function of the request, or a list of rules (JSON, so that
 * another process can be given it); the first rule that fits answers.
 *
 *     [{ calls: 1, reply: { uses: [{ name: "files_read", arguments: { path: "a.md" } }] } },   // wants a tool called
 *      { when: { result: "no such file" }, reply: { text: "There is none." } },                // a result has come back
 *      { when: { offers: "files_read" }, reply: { text: "Reading.", uses: [{ name: "x", arguments: "{broken" }] } },
 *      { when: { may_call: false }, reply: { text: "All I know." } },                          // an answer is due
 *      { reply: { searches: [{ query: "batons", found: [{ url: "https://a.example", title: "A" }] }], text: "Found." } }]
 *
 * The same script serves both dialects. What a real vendor refuses, this one refuses too, whatever the script says: a
 * call without its result, a result without its call, a broken seal, a fifth cache mark (see objections.ts). Its bill
 * counts what it reads from and writes to a cache of its own (see prompt-cache.ts), and searches.
 */

/** A tool as the vendor was offered it. */
export interface AskedTool {
  readonly name: string;
  readonly description: string;
  readonly input: unknown;
}

/** What came of a call, as the vendor was told. */
export interface AskedResult {
  readonly id: string;
  readonly content: string;
  readonly is_error: boolean;
}

/** What the fake vendor is asked, in words that both its dialects share. */
export interface Asked {
  readonly dialect: "openai" | "anthropic";
  readonly model: string;
  readonly system: string;
  /** The last thing the user said, results of tools aside. */
  readonly user: string;
  /** The tools that are offered; none may be called where an answer is due. */
  readonly tools: readonly AskedTool[];
  readonly may_call: boolean;
  /** Results that came since the model last spoke. */
  readonly results: readonly AskedResult[];
  /** The bytes of all that is asked and is no text: tools, calls, results, media (each as if it had 4,000). */
  readonly beside: number;
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

/**
 * Tokens as the vendor counts them; `input` with what was cached. Where a script says none, all are counted from the
 * bytes and by the vendor's own cache; where it says some, what it leaves out is made from the bytes, and no cache counts.
 */
export interface StubUsage {
  readonly input?: number;
  readonly cached?: number;
  readonly cache_write?: number;
  readonly output?: number;
  readonly reasoning?: number;
  /** USD that the vendor itself reports, as OpenRouter does. */
  readonly cost?: number;
}

/** A tool that is to be called: `arguments` as an object, or as the text that is sent for them, which need be no JSON. */
interface ScriptedUse {
  readonly name: string;
  readonly arguments?: unknown;
  readonly id?: string;
}

/** A search that the vendor makes itself before it speaks, and what it cites of it. */
export interface ScriptedSearch {
  readonly query: string;
  readonly found?: readonly { readonly url: string; readonly title: string }[];
}

/** How the fake vendor answers one request. All of it can be said in JSON. */
export interface Reply {
  /** With `uses` it is none unless it is said. */
  readonly text?: string;
  /** It wants these called; with `stop: "length"` the arguments of the last are cut in half. */
  readonly uses?: readonly ScriptedUse[];
  readonly searches?: readonly ScriptedSearch[];
  /** What it thinks first: sealed in Anthropic's dialect, told beside the text in OpenAI's. */
  readonly thought?: string;
  readonly odd?: readonly Oddity[];
  /** Answered as text in JSON. */
  readonly json?: unknown;
  readonly usage?: StubUsage | "none";
  /** `pause` is Anthropic's pause of a long turn: it is to be sent on as it is. */
  readonly stop?: "end" | "length" | "refusal" | "pause";
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
 * How some servers tell calls. `whole`: each in one piece. `no_ids`, `no_index`: without them. `function_call`: in the
 * old form, one call only. `says_stop`: as if it had ended. `parsed`: arguments as an object instead of text.
 */
type Oddity = "whole" | "no_ids" | "no_index" | "function_call" | "says_stop" | "parsed";

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
    /** A tool of this name is offered. */
    readonly offers?: string;
    /** A result has come since the model last spoke, and one of them says this. */
    readonly result?: string;
    readonly may_call?: boolean;
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
  const { offers, result, may_call } = when;
  return (
    (offers === undefined || asked.tools.some(({ name }) => name === offers)) &&
    (result === undefined || asked.results.some(({ content }) => content.includes(result))) &&
    (may_call === undefined || asked.may_call === may_call) &&
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
