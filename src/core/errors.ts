import type { Usage } from "./usage.ts";

/** What a failure is, and so who acts on it: see ARCHITECTURE.md, "Failures". */
export type Kind = "transient" | "permanent" | "semantic" | "limit" | "cancelled" | "catastrophic";

/** Every way a call, a run or a request can go wrong, named once. */
const CODES = {
  RATE_LIMITED: "transient",
  OVERLOADED: "transient",
  TIMEOUT: "transient",
  NETWORK: "transient",
  CIRCUIT_OPEN: "transient",
  QUEUE_FULL: "transient",
  STORE_BUSY: "transient",
  STORE_FULL: "transient",

  UNAUTHORIZED: "permanent",
  QUOTA_EXHAUSTED: "permanent",
  UNKNOWN_MODEL: "permanent",
  TOO_LARGE: "permanent",
  BAD_REQUEST: "permanent",
  UNPRICED: "permanent",
  NO_PROVIDER: "permanent",
  FORBIDDEN: "permanent",
  TOOLS_MISSING: "permanent",
  STORE_READ_ONLY: "permanent",
  STORE_NEWER: "permanent",
  STORE_FOREIGN: "permanent",

  BAD_OUTPUT: "semantic",
  REFUSED: "semantic",
  TRUNCATED: "semantic",
  GATE_FAILED: "semantic",
  GUARD_FAILED: "semantic",
  NO_QUORUM: "semantic",
  UNKNOWN_AGENT: "semantic",
  INVALID_INPUT: "semantic",
  INVALID_AGENT: "semantic",
  INVALID_SETTINGS: "semantic",
  REJECTED: "semantic",
  NOT_FOUND: "semantic",
  KEY_REUSED: "semantic",
  UNKNOWN_WORKFLOW: "semantic",
  INVALID_WORKFLOW: "semantic",
  STALLED: "semantic",
  EFFECT_UNKNOWN: "semantic",
  NOT_UNDONE: "semantic",
  ILLEGAL_CHANGE: "semantic",
  STALE_APPROVAL: "semantic",

  BUDGET_EXCEEDED: "limit",
  DEADLINE_EXCEEDED: "limit",
  DEPTH_EXCEEDED: "limit",
  WIDTH_EXCEEDED: "limit",
  RUN_TOO_LONG: "limit",

  CANCELLED: "cancelled",

  DIVERGED: "catastrophic",
  OVERLAPPED: "catastrophic",
  CRASH_LOOP: "catastrophic",
  DAMAGE: "catastrophic",
  BUG: "catastrophic",
} as const satisfies Record<string, Kind>;

export type Code = keyof typeof CODES;

/** A failure as data: what journals, envelopes and traces hold. */
export interface FailureInfo {
  readonly code: Code;
  readonly kind: Kind;
  readonly message: string;
  readonly retryable: boolean;
  /** The place in the run where it happened, such as `map/2/critic`. */
  readonly step?: string;
  readonly agent?: string;
  /** Where the input that failed can be read again. */
  readonly input_ref?: string;
  /** What to do now. */
  readonly hint?: string;
  readonly retry_after_ms?: number;
  /** Whose cap refused the call; only with BUDGET_EXCEEDED. */
  readonly scope?: "step" | "run" | "caller" | "day";
  /** What it caps; only with BUDGET_EXCEEDED. */
  readonly unit?: "usd" | "tokens" | "calls";
  /** The least cap, in USD, tokens or calls, with which the refused call could start; only with BUDGET_EXCEEDED. */
  readonly needs?: number;
}

/** What is known of the bill of a request that failed: nothing was billed, or nobody can say. */
export type Billed = "nothing" | "unknown";

export interface FailureOptions extends Partial<Omit<FailureInfo, "code" | "kind" | "message" | "retryable">> {
  readonly cause?: unknown;
  readonly kind?: Kind;
  /** What the failed request is known to have used; taken before its answer was judged. */
  readonly usage?: Usage;
  readonly billed?: Billed;
}

/** The one class that is thrown on purpose. Anything else that is thrown is a bug of ours. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly code: Code;
  readonly options: FailureOptions;

  constructor(code: Code, message: string, options: FailureOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.options = options;
  }

  get kind(): Kind {
    return this.options.kind ?? CODES[this.code];
  }

  get retryAfterMs(): number | undefined {
    return this.options.retry_after_ms;
  }

  /** The same failure, with what the thrower did not know (its place, its agent). */
  with(more: FailureOptions): Failure {
    return new Failure(this.code, this.message, { ...more, ...this.options });
  }

  static from(error: unknown): Failure {
    if (error instanceof Failure) return error;
    const message = error instanceof Error ? error.message : String(error);
    return new Failure("BUG", `unexpected: ${message}`, { cause: error });
  }

  static fromInfo(info: FailureInfo): Failure {
    const { code, message, retryable: _, ...options } = info;
    return new Failure(code, message, options);
  }

  toJSON(): FailureInfo {
    const { step, agent, input_ref, hint, retry_after_ms, scope, unit, needs } = this.options;
    return {
      code: this.code,
      kind: this.kind,
      message: this.message,
      retryable: this.kind === "transient",
      ...(step !== undefined && { step }),
      ...(agent !== undefined && { agent }),
      ...(input_ref !== undefined && { input_ref }),
      ...(hint !== undefined && { hint }),
      ...(retry_after_ms !== undefined && { retry_after_ms }),
      ...(scope !== undefined && { scope }),
      ...(unit !== undefined && { unit }),
      ...(needs !== undefined && { needs }),
    };
  }
}

/** Does this failure end the run rather than the step where it happened? Only a step's own budget is its own affair. */
export const endsRun = ({ kind, options }: Failure): boolean =>
  kind === "cancelled" || kind === "catastrophic" || (kind === "limit" && options.scope !== "step");
