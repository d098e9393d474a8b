import type { AgentRef } from "../../core/agent.ts";
import type { Bill } from "../../core/bill.ts";
import { fence } from "../../core/fence.ts";
import type { State } from "../../core/stalls.ts";
import { asText, cut, listed } from "../../core/texts.ts";
import type { Problem } from "../parts.ts";

/** Somebody who may be given work, under a name of its own. */
export interface Worker {
  readonly name: string;
  readonly ref: AgentRef;
}

/** Who works on what, and within which bounds. */
export interface Team {
  readonly task: string;
  readonly supervisor: AgentRef;
  readonly workers: readonly Worker[];
  readonly synthesiser: AgentRef | undefined;
  readonly turns: number;
  /** How many assignments one turn may give out. */
  readonly width: number;
}

/** An assignment that has ended. */
export interface Entry {
  readonly id: number;
  readonly turn: number;
  readonly worker: string;
  readonly task: string;
  readonly reads: readonly number[];
  /** The same for whoever is to do the same again. */
  readonly print: string;
  readonly status: "succeeded" | "failed";
  readonly output?: unknown;
  readonly error?: Problem;
  readonly usage: Bill;
}

/** An assignment on its way: when it was given out, and the step that had it, if one had. */
export interface Given {
  readonly id: number;
  readonly worker: string;
  readonly at: number;
  readonly step?: string;
  /** When what came of it was remembered. */
  readonly done_at?: number;
}

/** All that is known of the work so far; nobody but the code writes into it. */
export interface Ledger {
  turn: number;
  entries: readonly Entry[];
  /** How each of them went to its worker. */
  given: readonly Given[];
  /** What each turn asked for. */
  asked: readonly State[];
  /** How many turns in a row could not be followed. */
  lost: number;
  /** What the supervisor must know of its last turn. */
  notes: readonly string[];
}

export const newLedger = (): Ledger => ({ turn: 0, entries: [], given: [], asked: [], lost: 0, notes: [] });

export const succeeded = ({ entries }: Ledger): readonly Entry[] =>
  entries.filter(({ status }) => status === "succeeded");

/** How many characters of all outputs together a reader is shown, and how many of one at the most. */
export interface Room {
  readonly all: number;
  readonly one: number;
}

const LEAST_SHOWN = 500;
const TASK_SHOWN = 600;

/** The assignments for a reader: who did what, and what came of it. Where there are too many, the oldest are only named. */
export function entryTexts(entries: readonly Entry[], { all, one }: Room): string[] {
  const most = shareOf({ all, one }, entries.length);
  const named = entries.length - Math.floor(all / LEAST_SHOWN);
  return entries.map((entry, index) => {
    const heading = `## Assignment ${entry.id}, ${listed([entry.worker])}: ${entry.error ? "failed" : "complete"}`;
    return index < named ? heading : [heading, ...details(entry, most)].join("\n");
  });
}

/** How much of each output is shown where there are so many. */
export const shareOf = ({ all, one }: Room, count: number): number =>
  Math.max(LEAST_SHOWN, Math.min(one, Math.floor(all / Math.max(1, count))));

const details = ({ id, task, output, error }: Entry, most: number): string[] => [
  fence(`task ${id}`, cut(task, TASK_SHOWN)),
  error
    ? fence(`failure ${id}`, cut(`${error.code}: ${error.message}`, TASK_SHOWN))
    : fence(`output ${id}`, cut(asText(output), most)),
];
