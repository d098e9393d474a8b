import type { Catalogue } from "../core/catalogue.ts";
import type { Failure } from "../core/errors.ts";
import type { Files } from "../core/material.ts";
import type { Line, Run, Wait } from "../core/store.ts";
import type { Frame } from "./frame.ts";
import type { Journal } from "./journal.ts";
import type { Remembered } from "./memory.ts";
import type { Offers } from "./offers.ts";
import type { Poor } from "./poor.ts";
import type { Prefixes } from "./prefixes.ts";
import type { Stage } from "./stage.ts";

/** Something at the gate: it goes on when the gate opens. */
export interface Gated {
  readonly place: string;
  readonly ended: boolean;
  go(): void;
}

/** Something that waits for a row in the store to change. */
export interface Waiter {
  readonly place: string;
  news(wait: Wait): void;
}

/** A map as the front sees it. */
export interface Undecided {
  /** Decides by what memory alone tells; true where that let a pattern go on. */
  decideFromMemory(): boolean;
  /** The front is reached: limits of time begin to count. */
  goLive(): void;
  /** In a fork: a limit of time that the source met is met again, where it is this one's. True where it is. */
  lateAgain?(line: Line): boolean;
}

/** A run in play, as its verbs see it: what they read, what they count themselves into, and what they tell it. */
export interface Playing {
  readonly stage: Stage;
  readonly run: Run;
  readonly catalogue: Catalogue;
  readonly journal: Journal;
  readonly memory: Remembered;
  /** Places whose pattern code is running right now. */
  active: number;
  /** Requests, pauses and writes that will let a pattern go on by themselves. */
  readonly pending: Set<object>;
  readonly waiting: Map<string, Waiter>;
  /** Calls that wait for money, in the order in which they asked. */
  readonly poor: Poor;
  readonly maps: Set<Undecided>;
  /** What the source of a fork offers to steps that are decided at the front. */
  readonly offers: Offers;
  /** The frames that have money set aside for a closing call. */
  readonly asides: Set<Frame>;
  /** Questions whose answers this run has taken from the cache. */
  readonly cachedPrints: Set<string>;
  /** Its prompts that begin alike. */
  readonly prefixes: Prefixes;
  /** Its files, by the SHA-256 of their bytes. */
  readonly files: Files;
  /** The front is behind it: what is asked now is asked for the first time. */
  readonly live: boolean;
  readonly over: boolean;
  readonly draining: boolean;
  /** Nothing is told while it is being decided whether the run is put down. */
  readonly mayTell: boolean;
  /** Set when no new call may start any more: each that asks is told this. */
  readonly refusing: Failure | undefined;
  /** Lets something through the gate as soon as it is open. */
  gate(gated: Gated): void;
  /** Nothing new starts until a person has raised the cap; what is in flight ends. */
  askForBudget(gated: Gated, refusal: Failure): void;
  /** A verb has told its pattern something, or a place has ended: can anything still go on? */
  idle(): void;
  tell(progress: string): void;
  /** Ends the run from outside: no pattern gets to see it, so that none can swallow it. */
  catastrophe(failure: Failure): void;
}
