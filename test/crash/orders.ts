import type { Budget, Limits } from "../../src/core/limits.ts";
import type { Run } from "../../src/core/store.ts";

/** How a player is set up. */
export interface Setup {
  readonly home: string;
  /** The base URL of the fake vendor. */
  readonly vendor: string;
  readonly lease_ms?: number;
  /** Has no key for the vendor, and so can play nothing that needs it. */
  readonly keyless?: boolean;
  /** A folder of agent files, and the servers whose tools they may call. */
  readonly agents?: string;
  readonly mcp_servers?: Readonly<Record<string, { readonly command: string; readonly args: string[] }>>;
  /** Hosts that its workflows may ask. */
  readonly hosts?: readonly string[];
  /** How wrong its wall clock is. */
  readonly clock_off_ms?: number;
  readonly limits?: Partial<Limits>;
  /** What its provider takes, beside the usual. */
  readonly provider?: { readonly concurrency?: number; readonly rpm?: number; readonly tpm?: number };
  readonly breaker?: { readonly failures: number; readonly cooldown_seconds: number };
  readonly budgets?: { readonly run?: Budget; readonly day?: Budget; readonly caller?: Budget };
  /** Kills itself right after so many commits, counted from the first. */
  readonly kill_after?: number;
}

/** A run as a test asks for it. */
export interface Wish {
  readonly pattern: string;
  readonly input: unknown;
  readonly caller?: string;
  readonly key?: string;
  readonly budget?: Budget;
}

/** What a player can be told to do, and what it answers. */
export interface Orders {
  start(wish: Wish): { readonly id: string; readonly existed: boolean };
  /** Takes up unfinished runs. */
  awaken(): null;
  /** Waits for a run; ends the wait, and never the run, when the time is over. */
  wait(asked: { readonly id: string; readonly ms: number }): Run;
  cancel(id: string): Run;
  /** Answers what a run waits for. */
  answer(asked: { readonly id: string; readonly value: unknown }): null;
  /** Decides what a run waits for; gives where that was. */
  decide(asked: { readonly id: string; readonly how: "approved" | "rejected" }): string;
  /** How often it has committed something. */
  commits(): number;
  /** Kills itself right after so many further commits. */
  killAfter(commits: number): null;
  /** Stops itself, as SIGSTOP does, in the middle of its next transaction. */
  freezeInTransaction(): null;
  setClock(off_ms: number): null;
  /** Lets its monotonic clock run ahead by so much. */
  skip(ms: number): null;
  /** The longest that its event loop stood still since this was last asked, in milliseconds. */
  longestBlock(): number;
  /** Ends in order. */
  stop(grace_ms: number): null;
}

export type Order = keyof Orders;
export type Asked<K extends Order> = Parameters<Orders[K]>[0];
export type Told<K extends Order> = ReturnType<Orders[K]>;

export interface Message {
  readonly nr: number;
  readonly order: Order;
  readonly with?: unknown;
}

export type Report = { readonly nr: number } & (
  | { readonly told: unknown }
  | { readonly code: string; readonly message: string }
);
