import type { Forecast } from "./forecast.ts";
import type { ForkForecast, ForkRequest } from "./fork.ts";
import type { Budget, OnBudget } from "./limits.ts";
import type { Bodies, Material } from "./material.ts";
import type { Pattern } from "./pattern.ts";
import type { RehearsalPlan } from "./provider.ts";
import type { Player, Run } from "./store.ts";

/** A run as a caller asks for it: the pattern's own input, already parsed, and the common tail. */
export interface StartRequest {
  readonly pattern: Pattern;
  readonly input: unknown;
  readonly caller: string;
  readonly budget?: Budget;
  readonly on_budget?: OnBudget;
  readonly priority?: number;
  readonly labels?: readonly string[];
  readonly idempotency?: { readonly key: string; readonly hash: string };
  readonly rehearsal?: RehearsalPlan;
  /** What marks in its input stand for, and the bytes of its files. */
  readonly material?: Material;
  readonly bodies?: Bodies;
}

export interface PlayerNow extends Player {
  /** Its process is dead: whoever comes next takes the run over. */
  readonly gone: boolean;
}

export interface Health {
  /** A provider, `provider/model` or `agent:name`. */
  readonly subject: string;
  readonly state: "closed" | "open" | "half-open" | "off";
  readonly failures: number;
  readonly until?: number;
  readonly last?: string;
}

/** The room where runs are played, as tools, pages and commands see it. */
export interface Engine {
  /** Checks, pins and writes a run; it is played as soon as a slot is free. Throws a Failure where it is refused. */
  start(request: StartRequest): Promise<{ readonly run: Run; readonly existed: boolean }>;
  /** A new run that remembers what another was told, with changes; its source stays as it is. */
  fork(request: ForkRequest): Promise<{ readonly run: Run; readonly existed: boolean }>;
  /** What such a fork would reuse and ask. Asks nobody, writes nothing. */
  foreseeFork(request: ForkRequest): Promise<ForkForecast>;
  /** What such a run would do and use. Checks all that `start` checks, asks nobody, writes nothing. */
  foresee(request: StartRequest): Promise<Forecast>;
  /** What a careful reader would change in a request, a few sentences at the most. Never throws. */
  advice(request: StartRequest): readonly string[];
  /**
   * Waits until a run has ended or waits for somebody, or the time is over; ending the wait never ends the run.
   * `onProgress` is told at most once a second.
   */
  wait(id: string, ms: number, options?: { signal?: AbortSignal; onProgress?: (run: Run) => void }): Promise<Run>;
  /** Begins to take up unfinished runs, if it has not begun. Serving a list or a handshake never does. */
  awaken(): void;
  /** Tells that the store was changed from here (a cancel, a decision), so that nobody waits for the next poll. */
  nudge(id: string): void;
  /** Why a queued run is not being played; undefined where it soon will be. */
  queuedBecause(run: Run): string | undefined;
  /** Where a run that is played in this process does something that is no model, such as calling a tool. */
  doing(run: string): readonly string[];
  health(): readonly Health[];
  /** Who plays what, in whatever process. */
  players(): Promise<readonly PlayerNow[]>;
  /** How many runs without one of these labels could go on here, now or so much later, and have nobody else who plays on. */
  unfinished(withinMs: number, but?: readonly string[]): Promise<number>;
  /** Starts nothing more, lets calls in flight end within the grace, gives the runs back. */
  stop(graceMs: number): Promise<void>;
  /** Lets a stop that is under way grant no further grace. */
  hurry(): void;
}
