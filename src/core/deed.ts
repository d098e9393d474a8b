import type { RetryPolicy } from "./limits.ts";

/** Something done or read in the world that is no model: which function does it, and with what. */
export interface Deed {
  /** Such as `http`, `file`, `estimate`. */
  readonly does: string;
  readonly input: unknown;
  /**
   * It changes the world: a claim is written down before it begins, and one that a crash cut off is not repeated
   * blindly, unless whoever receives it knows by its key that it is the same.
   */
  readonly effect?: boolean | { readonly idempotent: true };
  readonly seconds?: number;
  readonly retry?: Partial<RetryPolicy>;
}

/** Where a deed stands, as its function may read it. */
export interface DeedScene {
  readonly run: string;
  readonly caller: string;
  readonly place: string;
  /** The same on every repetition of this deed, and of no other: what is sent along as idempotency key. */
  readonly key: string;
  readonly signal: AbortSignal;
}

/** One kind of deed. It fails with a Failure; what it returns must be JSON. */
export interface DeedFunction {
  readonly name: string;
  /** What is wrong with an input, before anything is done; throws a Failure. */
  check?(input: unknown): void;
  perform(input: unknown, scene: DeedScene): Promise<unknown>;
}
