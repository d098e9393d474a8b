import type { Caps } from "../core/budget.ts";
import type { Clock } from "../core/clock.ts";
import type { AnswerCache, Desk } from "../core/desk.ts";
import type { Log } from "../core/log.ts";
import type { Pattern } from "../core/pattern.ts";
import type { RunStore } from "../core/store.ts";
import type { Deeds } from "./deeds.ts";
import type { Guard } from "./guard.ts";
import type { Secrets } from "./leaving.ts";
import type { OnOutage } from "./outage.ts";

/** All that plays share: the rooms they act through, and the caps above every run. */
export interface Stage {
  readonly store: RunStore;
  readonly desk: Desk;
  readonly guard: Guard;
  readonly deeds: Deeds;
  readonly clock: Clock;
  readonly log: Log;
  readonly cache: AnswerCache | undefined;
  readonly patterns: ReadonlyMap<string, Pattern>;
  /** Caps of each caller and of all, per UTC day. */
  readonly daily: { readonly caller: Caps; readonly day: Caps; readonly explicit: boolean };
  /** What a call may cost where its model has no known price. */
  readonly maxUsd: (provider: string) => number | undefined;
  /** How long answers are kept where nothing nearer says so; undefined: not at all. */
  readonly cacheSeconds: number | undefined;
  /** What becomes of a call when nobody can be reached; nothing said: it fails. */
  readonly onOutage?: OnOutage;
  /** What becomes of keys in what is sent. */
  readonly secrets: Secrets;
  readonly random: () => number;
  /** Money has come free: whoever waits for it looks again. */
  readonly pour: () => void;
  /** How often it has. */
  readonly poured: () => number;
  /** A play is over, however it ended. */
  readonly over: (run: string) => void;
}
