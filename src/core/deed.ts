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
  /** Had again in a fork, it does harm if that was wrong: only a person allows it there. */
  readonly high_risk?: boolean;
  /** Tells after a crash that cut the effect off whether it was had; without it, or where it fails, a person is asked. */
  readonly verify?: Verify;
  /** What takes it back. It is written down with the claim, so that it needs neither the pattern nor a model. */
  readonly compensate?: Compensation;
  /** By which its receiver knows a repetition; else its place makes one. */
  readonly key?: string;
  readonly seconds?: number;
  readonly retry?: Partial<RetryPolicy>;
  /** Whose breaker counts its failures, such as `tool:files/read_file`; while that is open, it is not done. */
  readonly subject?: string;
}

/** A deed that takes another back, as data. */
export interface Compensation extends Pick<Deed, "does" | "input" | "seconds" | "retry"> {
  /** Unsaid: its receiver knows a repetition by its key. True: one that a crash cut off is a person's to tell. */
  readonly effect?: true | { readonly idempotent: true };
  /** Its texts are filled in with these, and with `output`: what the deed gave. Without them it stands as it is. */
  readonly values?: Readonly<Record<string, unknown>>;
  /** The key under which `output` stands in what the deed gave; unsaid: `output` is all of it. */
  readonly output?: string;
}

/** Looks whether something was done, and changes nothing. */
export interface Verify extends Pick<Deed, "does" | "input"> {
  /** Reads the verdict in what was found. */
  read(found: unknown): Verdict;
  /** The same as data, for whoever takes the deed back and does not know its pattern. */
  readonly tells?: Tells;
}

/** How a verdict is read in what was found: CEL over these values and `output`, which stands in it under a key. */
export interface Tells {
  readonly done: string;
  /** What the deed gave then; unsaid: what was found. */
  readonly value?: string;
  readonly values: Readonly<Record<string, unknown>>;
  readonly output: string;
  /** What was found has one of these as its `status`: there is nothing. */
  readonly missing: readonly number[];
}

/** What was done is as if it had been remembered: its value is what the step gives. */
export type Verdict = { readonly done: true; readonly value: unknown } | { readonly done: false };

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
